"""A real nginx that sends films as docs/operations.md says."""

import http.client
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
DOCUMENT = Path(__file__).parents[1] / "docs" / "operations.md"


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Nginx:
    port: int
    log: Path

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
            response = connection.getresponse()
            return Answer(response.status, response.read(), dict(response.headers.items()))
        finally:
            connection.close()

    def logged(self, lines: int) -> Path:
        """The log, once it has this many lines: nginx writes one after the answer is out."""
        for _ in range(200):
            if self.log.exists() and len(self.log.read_text().splitlines()) >= lines:
                break
            time.sleep(0.02)
        assert len(self.log.read_text().splitlines()) == lines
        return self.log


@contextmanager
def documented_nginx(folder: Path, media_root: Path, *, key: str, page: str) -> Iterator[Nginx]:
    """Run nginx with the documented server block; `page` is the origin of the pages that play its films."""
    assert PROGRAM is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    log, errors, configuration = folder / "films.log", folder / "nginx-errors.log", folder / "nginx.conf"
    configuration.write_text(_whole_configuration(port, media_root, log, folder, key, page), encoding="utf-8")
    with errors.open("wb") as said:
        process = subprocess.Popen([PROGRAM, "-p", folder, "-c", configuration], stdout=said, stderr=said)
    try:
        _wait_for(port, process, errors)
        yield Nginx(port, log)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _whole_configuration(port: int, media_root: Path, log: Path, folder: Path, key: str, page: str) -> str:
    """The documented block, with the names and paths of this test, in what every nginx.conf has around it."""
    found = re.findall(r"^```nginx\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(found) == 1
    block: str = found[0]
    for documented, own in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ('"LMS_PLUGIN_MEDIA_KEY"', f'"{key}"'),
        ('"https://hours.example.org"', f'"{page}"'),
        ("/srv/lms-plugin/media/", f"{media_root}/"),
        ("/var/log/nginx/films.log", str(log)),
    ):
        assert block.count(documented) == 1, documented
        block = block.replace(documented, own)
    user = "user root;" if os.geteuid() == 0 else ""
    paths = "".join(
        f"{kind}_temp_path {folder}/nginx_{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    around = f"{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr; events {{}}\n"
    return f"{around}http {{\n{paths}{block}}}\n"


def _wait_for(port: int, process: "subprocess.Popen[bytes]", errors: Path) -> None:
    for _ in range(500):
        assert process.poll() is None, errors.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(errors.read_text())
