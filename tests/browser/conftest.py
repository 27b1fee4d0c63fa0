"""A page in Chromium. Without it or without playwright these tests are skipped; with OFD_BROWSER=1 they fail."""

import os
import shutil
from pathlib import Path

import pytest

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
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
