"""Pages in Chromium. Without it or without playwright these tests are skipped; with OFD_BROWSER=1 they fail."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",      # a camera that nobody has to allow
]
NAMES = ("chromium", "chromium-browser", "google-chrome")
HEAD = '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'


@pytest.fixture(scope="session")
def browser():
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if os.environ.get("OFD_BROWSER"):
        assert program, f"none of {', '.join(NAMES)} is installed"
        from playwright.sync_api import sync_playwright
    elif not program:
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    else:
        sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a piece of HTML as a page; a problem that the page does not catch fails the test."""
    pages, problems = [], []

    def opened(inside: str, width: int = 1280, scripts: bool = True):
        (tmp_path / "page.html").write_text(HEAD + inside, encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
        page.on("pageerror", lambda problem: problems.append(problem))
        page.goto(Path(tmp_path, "page.html").as_uri())
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert not problems


@pytest.fixture(scope="session")
def jupyterlab(tmp_path_factory):
    """JupyterLab in an empty folder: its address, token and folder."""
    home = tmp_path_factory.mktemp("jupyterlab")
    folder, token = home / "notebooks", secrets.token_hex(16)
    folder.mkdir()
    quiet = home / "settings" / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)
    (quiet / "notification.jupyterlab-settings").write_text(
        '{"fetchNews": "false", "checkForUpdates": false, "doNotDisturbMode": true}')
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTERLAB_SETTINGS_DIR": "settings",
           "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython"}
    programs = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = {**os.environ, **{name: str(home / part) for name, part in own.items()}, "PATH": programs}
    with (home / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
             f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}",
             f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"],
            stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder)
        try:
            wait_for(f"http://127.0.0.1:{port}/api/status?token={token}", server, home / "log.txt")
            yield f"http://127.0.0.1:{port}", token, folder
        finally:
            server.terminate()
            server.wait(20)


def wait_for(address: str, server: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=1).read()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(log.read_text())


READY = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    return panel?.sessionContext?.session?.kernel?.status === 'idle';
}"""


@pytest.fixture
def ran(browser, jupyterlab):
    """Opens a notebook of these cells in JupyterLab, runs it whole, and gives the page."""
    address, token, folder = jupyterlab
    pages = []

    def ran(*cells: str):
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}      # or JupyterLab asks which
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=kernel)
        name = f"{secrets.token_hex(4)}.ipynb"
        nbformat.write(notebook, folder / name)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        pages.append(page)
        page.goto(f"{address}/doc/tree/{name}?token={token}&reset", wait_until="domcontentloaded")
        page.wait_for_function(READY, timeout=90_000)
        page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
        return page

    yield ran
    for page in pages:
        page.close()
