"""`scripts/demo --once`: everything from an empty folder to the LMS, each step checked."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from contextlib import ExitStack
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

import httpx

from scripts.demonstration import lms_peer, main_job, people
from scripts.demonstration.client import Person, Unexpected
from scripts.demonstration.installation import ROOT, CommandFailed, Installation, free_port, packages_in
from scripts.demonstration.story import StepFailed, Story, clock
from tests.peers.process import OpenEdxPeer

CONTENT = ROOT / "course_content"
BESIDE = "rural-maths"
COMPLETION_THRESHOLD = Decimal("0.98")


def play(port: int, began_at: float) -> int:
    """Play the main job on a temporary folder and a free port; 0 when every step held."""
    folder = Path(tempfile.mkdtemp(prefix="lms-plugin-demo-"))
    story = Story(began_at)
    failure = ""
    with ExitStack() as stack:
        try:
            _play(story, folder, port or free_port(), stack)
        except StepFailed as fault:
            failure = f"this did not hold: {fault}"
        except (CommandFailed, Unexpected, httpx.HTTPError, RuntimeError, subprocess.CalledProcessError) as fault:
            failure = f"{type(fault).__name__}: {fault}"
        except KeyboardInterrupt:
            failure = "stopped"
    if failure:
        print(f"\nFAILED in the step {story.title!r}\n  {failure}", file=sys.stderr)
        print(
            f"  database, films and logs are kept in {folder} (see logs/server.log, logs/worker.log)", file=sys.stderr
        )
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{clock(time.time() - began_at)}  Every step held: {story.checks} checks.")
    return 0


def _play(story: Story, folder: Path, port: int, stack: ExitStack) -> None:
    story.step("A fresh installation")
    password = os.environ.get("LMS_PLUGIN_DEMO_PASSWORD") or people.draw_password()
    preparing = lms_peer.begin_preparing()
    stack.callback(_end, preparing)
    settings = {"LMS_PLUGIN_LMS_ALLOW_LOOPBACK": "1"}
    installation = Installation(folder, port, settings=settings)
    stack.callback(installation.stop)
    story.tell("data", f"{folder}, {os.cpu_count()} processors")
    story.tell("database", installation.command("db", "upgrade"))
    story.tell("regions", people.import_regions(installation))

    story.step("Films are made from the lessons and encoded")
    began = time.monotonic()
    installation.command("content", "publish", str(CONTENT / main_job.PROGRAMME))
    _tell_films(story, folder, main_job.PROGRAMME, time.monotonic() - began, set())

    story.step("Server, worker and an Open edX completion API start")
    accounts = people.import_people(installation, password, [main_job.PROGRAMME], language="en")
    learners = sum(bool(account.lms_username) for account in accounts.values())
    story.tell("accounts", f"{len(accounts)}, {learners} of them teachers")
    installation.start_server()
    story.check("server", f"{installation.base_url} says it is ready", True)
    peer = stack.enter_context(lms_peer.prepared(folder / "openedx", preparing))
    course_key, programme_block, blocks = _blocks()
    seeded = lms_peer.seed(peer, course_key, [programme_block, *blocks.values()], accounts)
    story.tell("LMS", f"{peer.base_url}, {seeded} learners in {course_key}")
    story.tell("registered", lms_peer.register(installation, peer))
    installation.start_worker()

    films_so_far = {package.name for package in packages_in(folder)}
    with Beside(installation) as beside, _person(installation, "teacher", password) as teacher:
        job = main_job.signs_in(story, teacher)
        sitting = main_job.tries_to_cheat(story, teacher, job)
        main_job.watches(story, teacher, job, sitting)
        main_job.writes(story, teacher, job)
        with _person(installation, "tutor", password) as tutor:
            main_job.replies(story, tutor, job)
        main_job.completes(story, teacher, job)
        with _person(installation, "admin", password) as admin:
            _delivers(story, peer, admin, job, programme_block, blocks)
            main_job.reports(story, admin, accounts["teacher"].name, learners)
            story.step("The office checks the books")
            agree, *read = installation.command("hours", "audit").splitlines()
            story.check("hours audit", agree, "agree with their evidence" in agree)
            for line in read:
                story.tell("", line)
            *not_shown, counted = installation.command("lms", "reconcile", lms_peer.PLATFORM).splitlines()
            story.check("lms reconcile", counted, f"{len(blocks)} agrees" in counted)
            if not_shown:
                story.tell("", "(the LMS takes the programme's own block and has no address that reads it back)")
            story.step(f"Meanwhile: {BESIDE} was made and published")
            beside.result()
            _tell_films(story, folder, BESIDE, beside.took_seconds, films_so_far)


class Beside:
    """Publishes the other programme while the teacher watches, at low priority; ended with the block."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._began = time.monotonic()
        self.took_seconds = 0.0
        self._process = installation.start("publishing", "content", "publish", str(CONTENT / BESIDE))
        os.setpriority(os.PRIO_PROCESS, self._process.pid, 10)
        self._waiting = threading.Thread(target=self._wait, daemon=True)
        self._waiting.start()

    def __enter__(self) -> "Beside":
        return self

    def __exit__(self, *_: object) -> None:
        _end(self._process)

    def result(self) -> None:
        """Wait for the publishing.

        Raises:
            CommandFailed: it ended badly.
        """
        self._waiting.join()
        self._installation.processes.pop("publishing", None)
        if self._process.returncode:
            raise CommandFailed(f"publishing {BESIDE}: {self._installation.log_tail('publishing')}")

    def _wait(self) -> None:
        self._process.wait()
        self.took_seconds = time.monotonic() - self._began


def _delivers(
    story: Story, peer: OpenEdxPeer, admin: Person, job: main_job.Job, programme_block: str, blocks: dict[str, str]
) -> None:
    story.step("The worker reports to the LMS")
    expected = {blocks[key]: _reported(ratio) for key, ratio in job.watched.items()} | {programme_block: 1.0}
    held = lms_peer.wait_for(peer, "teacher", expected)
    for block in (*blocks.values(), programme_block):
        name = block.rpartition("@")[2]
        story.check(f"LMS holds {name}", f"{held.get(block)}", held.get(block) == expected.get(block))
    deliveries = admin.get("/api/v1/lms/deliveries")["deliveries"]
    states = sorted({one["state"] for one in deliveries})
    attempts = sum(one["attempts"] for one in deliveries)
    story.check(
        "deliveries",
        f"{len(deliveries)} reports, {', '.join(states)}, {attempts} attempts",
        len(deliveries) == len(expected) and states == ["acknowledged"],
    )


def _reported(share: float) -> float:
    """What the LMS is told of a film: four places, rounded down, complete from the threshold on."""
    exact = Decimal(str(share))
    return 1.0 if exact >= COMPLETION_THRESHOLD else float(exact.quantize(Decimal("0.0001"), rounding=ROUND_DOWN))


def _blocks() -> tuple[str, str, dict[str, str]]:
    """(course key, the programme's block, block by module key) as course_content declares them."""
    home = CONTENT / main_job.PROGRAMME
    declared = tomllib.loads((home / "programme.toml").read_text(encoding="utf-8"))
    blocks = {
        key: tomllib.loads((home / "modules" / key / "module.toml").read_text(encoding="utf-8"))["block_key"]
        for key in declared["modules"]
    }
    return declared["lms"]["course_key"], declared["lms"]["block_key"], blocks


def _tell_films(story: Story, folder: Path, programme: str, took_seconds: float, known: set[str]) -> None:
    packages = [package for package in packages_in(folder) if package.name not in known]
    described = [json.loads((package / "package.json").read_text(encoding="utf-8")) for package in packages]
    seconds = sum(one["duration_ms"] for one in described) / 1000
    renditions = sorted({len(one["renditions"]) for one in described})
    megabytes = sum(path.stat().st_size for package in packages for path in package.rglob("*.ts")) / 1e6
    modules = len(tomllib.loads((CONTENT / programme / "programme.toml").read_text(encoding="utf-8"))["modules"])
    story.check(
        programme,
        f"{len(packages)} films, {seconds:.0f} s in {'/'.join(map(str, renditions))} renditions,"
        f" {megabytes:.1f} MB, made in {took_seconds:.0f} s",
        len(packages) == modules,
    )
    spoken = all(one["has_audio"] for one in described)
    story.tell(
        "sound and captions", f"{'narrated' if spoken else 'silent'}, {', '.join(sorted(described[0]['captions']))}"
    )


def _person(installation: Installation, login: str, password: str) -> Person:
    return Person(installation.base_url, login, password)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        process.wait()
