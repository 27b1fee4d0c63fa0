"""Servers on this machine alone for the tests of downloads: HTTP with and without ranges, and the little FTP needed."""

import contextlib
import hashlib
import http.server
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Site:
    """What is served, how badly, and what was asked for."""

    files: dict[str, bytes]
    ranges: bool = True
    validator: str | None = "ETag"        # or "Last-Modified", or None
    weak: bool = False                    # an ETag that does not promise the same bytes
    obeys_if_range: bool = True
    starts_late: int = 0                  # bytes left out at the start of a part
    stops_after: int | None = None        # bytes of an answer
    claims: int = 0                       # bytes, more than there are; less than 0: fewer
    asked: list[tuple[str, str | None]] = field(default_factory=list)     # path, Range (FTP: REST)
    address: str = ""

    def version(self, name: str) -> str:
        digest = hashlib.sha256(self.files[name]).hexdigest()
        if self.validator == "ETag":
            return f'{"W/" if self.weak else ""}"{digest[:16]}"'
        return f"Mon, {int(digest[:2], 16) % 28 + 1:02} Jan 2024 00:00:{int(digest[2:4], 16) % 60:02} GMT"


@contextlib.contextmanager
def http_site(files: dict[str, bytes]) -> Iterator[Site]:
    site = Site(files)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name, asked = self.path.lstrip("/"), self.headers.get("Range")
            site.asked.append((name, asked))
            if name not in site.files:
                self.send_error(404)
                return
            content, start = site.files[name], 0
            version = site.version(name) if site.validator else None
            condition = self.headers.get("If-Range")
            if asked and site.ranges and (not site.obeys_if_range or condition in (None, version)):
                start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content) > 0:
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                start += site.starts_late
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start + site.claims))
            if version:
                self.send_header(site.validator, version)
            self.end_headers()
            self.wfile.write(content[start:][:site.stops_after])

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        site.address = f"http://127.0.0.1:{running.server_port}"
        yield site
        running.shutdown()


@contextlib.contextmanager
def ftp_site(files: dict[str, bytes]) -> Iterator[Site]:
    site = Site(files, validator="Last-Modified")

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self):
            self.say("220 ready")
            start, passive, binary = 0, None, False
            for line in self.rfile:
                command, _, name = line.decode().strip().partition(" ")
                if command in ("SIZE", "MDTM", "RETR") and name not in site.files:
                    self.say("550 no such file")
                elif command == "TYPE":
                    binary = name == "I"
                    self.say("200 ok")
                elif command == "SIZE":
                    self.say(f"213 {len(site.files[name])}" if binary else "550 not in ASCII mode")
                elif command == "MDTM":
                    self.say(f"213 {int(hashlib.sha256(site.files[name]).hexdigest()[:8], 16):014}")
                elif command in ("PASV", "EPSV"):
                    passive = socketserver.TCPServer(("127.0.0.1", 0), None)
                    port = passive.server_address[1]
                    self.say(f"229 here (|||{port}|)" if command == "EPSV" else
                             f"227 here (127,0,0,1,{port >> 8},{port & 255})")
                elif command == "REST":
                    start = int(name)
                    self.say("350 go on" if site.ranges else "502 cannot")
                elif command == "RETR":
                    site.asked.append((name, str(start) if start else None))
                    self.say("150 coming")
                    connection, _ = passive.socket.accept()
                    with connection, passive:
                        connection.sendall(site.files[name][start + site.starts_late:][:site.stops_after])
                    self.say("226 done")
                else:
                    self.say({"USER": "331 password", "PASS": "230 in"}.get(command, "500 what"))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        site.address = f"ftp://127.0.0.1:{running.server_address[1]}"
        yield site
        running.shutdown()
