"""The real service with programmes that watch in every way, one film in all of them, and a learner for each test."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lms_plugin.services import auditing
from lms_plugin.storage.session import Database
from scripts.demonstration.client import Person
from scripts.demonstration.installation import Installation
from tests.journeys.course import BLOCK, COURSE, MODULE, PASSWORD, PROGRAMME, write_people, write_regions

FILM_SECONDS = 180
MAX_RATE = 4
"""The greatest that a programme may allow."""
FAST = 3
"""At which rate tests play where they need not wait: faster, Chromium's clock jumps too far at a pause."""

CHECKED = {"presence_check_minutes": "1", "presence_answer_seconds": "30"}
# programme: what it says of watching besides the rate
PROGRAMMES: dict[str, Mapping[str, str]] = {
    "plain": {},
    "checked": CHECKED,
    "proven": {"delivery_proof": "true"},
    "ordered": {"skipping_ahead": "false"},
}
_WATCHING = "max_rate = 1.5\nbeat_interval_seconds = 5"


@dataclass
class Site:
    """A running service; learners join its programmes as tests need them."""

    installation: Installation
    folder: Path
    learners: int = 0

    @property
    def address(self) -> str:
        return self.installation.base_url

    def add_learner(self, programme: str) -> "Learner":
        self.learners += 1
        login = f"learner-{self.learners}"
        folder = self.folder / login
        folder.mkdir()
        self.installation.command("users", "import", str(write_people(folder, [login], programme)))
        return Learner(self, Person(self.address, login, PASSWORD), login)


@dataclass
class Learner:
    """A learner as the API knows them, to see what is really credited."""

    site: Site
    api: Person
    login: str

    @property
    def enrolment(self) -> Any:
        return self.api.get("/api/v1/me/enrolments")[0]

    @property
    def page_address(self) -> str:
        enrolment = self.enrolment
        return f"{self.site.address}/enrolments/{enrolment['id']}/modules/{enrolment['modules'][0]['id']}"

    @property
    def credited(self) -> float:
        """Credited seconds of film as the hours say."""
        hours = self.api.get(f"/api/v1/enrolments/{self.enrolment['id']}/hours")
        return float(hours["components"][0]["credited_seconds"])

    @property
    def ledger(self) -> list[Any]:
        return list(self.api.get(f"/api/v1/enrolments/{self.enrolment['id']}/ledger")["entries"])

    def film(self, playback_session_id: str) -> Any:
        return self.api.get(f"/api/v1/playback-sessions/{playback_session_id}")

    def first_difference(self) -> str | None:
        database = Database(f"sqlite:///{self.site.installation.folder / 'lms-plugin.sqlite3'}")
        try:
            with database.reading() as session:
                return auditing.first_difference(session, self.api.get("/api/v1/me")["id"])
        finally:
            database.dispose()


def publish_all(installation: Installation, folder: Path) -> Site:
    """Write and publish the programmes, and start the server."""
    installation.command("db", "upgrade")
    installation.command("users", "regions", str(write_regions(folder)))
    film = folder / "film.mp4"
    _make_film(film)
    for key, watching in PROGRAMMES.items():
        installation.command("content", "publish", str(_write_programme(folder / key, key, watching, film)))
    installation.start_server()
    return Site(installation, folder)


def _write_programme(folder: Path, key: str, watching: Mapping[str, str], film: Path) -> Path:
    home = folder / "modules" / "film"
    home.mkdir(parents=True)
    text = PROGRAMME.format(
        key=key,
        modules='"film"',
        total="5.0",
        video="3.0",
        discussion="2.0",
        course=COURSE,
        block=BLOCK.format(kind="sequential", name=key),
    )
    terms = {"max_rate": str(MAX_RATE), "beat_interval_seconds": "5", **watching}
    assert _WATCHING in text
    text = text.replace(_WATCHING, "\n".join(f"{name} = {value}" for name, value in terms.items()))
    (folder / "programme.toml").write_text(text, encoding="utf-8")
    block = BLOCK.format(kind="video", name=f"{key}-film")
    (home / "module.toml").write_text(MODULE.format(key="film", block=block), encoding="utf-8")
    (home / "film.mp4").symlink_to(film)
    return folder


def _make_film(path: Path) -> None:
    source = ["-f", "lavfi", "-i", f"testsrc=s=160x120:r=12:d={FILM_SECONDS}"]
    tone = ["-f", "lavfi", "-i", f"sine=f=330:d={FILM_SECONDS}"]
    output = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *source, *tone, *output], check=True)
