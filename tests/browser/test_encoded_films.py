"""Encoded films in a real browser with the player's own hls.js: they play to the end, as long as recorded."""

import functools
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from playwright.sync_api import Page

from lms_plugin.video.package import encode
from tests.video.films import make_film

VENDOR = Path(__file__).resolve().parents[2] / "lms_plugin" / "web" / "static" / "vendor"
PLAY = """
(master) => new Promise((resolve, reject) => {
  const video = document.querySelector("video");
  const player = new Hls();
  let opened = null;
  player.on(Hls.Events.ERROR, (name, data) => { if (data.fatal) reject(new Error(data.details)); });
  video.addEventListener("loadedmetadata", () => { opened = video.duration; });
  video.addEventListener("ended", () => resolve(
    [opened, video.duration, video.currentTime, video.videoWidth, video.videoHeight]
  ));
  player.loadSource(master);
  player.attachMedia(video);
  video.playbackRate = 4;
  video.play();
})
"""


class Quiet(SimpleHTTPRequestHandler):
    extensions_map: ClassVar[dict[str, str]] = {
        ".ts": "video/mp2t",
        ".m3u8": "application/vnd.apple.mpegurl",
        ".html": "text/html",
        ".js": "text/javascript",
    }

    def log_message(self, format: str, *args: object) -> None:
        """Tests are silent."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address it is served under, with a page that has hls.js and a video element."""
    script = next(VENDOR.glob("hls.js-*")) / "hls.light.min.js"
    (tmp_path / "hls.js").write_bytes(script.read_bytes())
    page = '<!doctype html><script src="hls.js"></script><video muted></video>'
    (tmp_path / "index.html").write_text(page)
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield tmp_path, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "name",
    [
        *["sound.mp4", "silent.mp4", "odd.mp4", "portrait.mp4", "tiny.mp4"],
        *["long-sound.mkv", "short-sound.mkv", "variable.mkv"],
    ],
)
def test_a_film_plays_to_its_recorded_end(new_page: Callable[[], Page], site: tuple[Path, str], name: str) -> None:
    folder, address = site
    package = encode(make_film(name, folder), {}, folder / "media")
    page = new_page()
    page.goto(address)
    opened, duration, at, width, height = page.evaluate(PLAY, f"media/{package.digest}/master.m3u8")
    recorded_seconds = package.duration_ms / 1000
    assert opened == pytest.approx(recorded_seconds, abs=0.1)
    assert duration == pytest.approx(recorded_seconds, abs=0.1)
    assert at == pytest.approx(recorded_seconds, abs=0.1)
    assert (width, height) in {(rendition.width, rendition.height) for rendition in package.renditions}
