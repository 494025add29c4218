"""`scripts/demo`: a demo that stays: it serves on its folder until Ctrl-C, and goes on there the next time."""

import hashlib
import os
import sys
import time

import httpx

from scripts.demonstration import classroom, people, posts
from scripts.demonstration.client import Person, Unexpected
from scripts.demonstration.installation import ROOT, CommandFailed, Installation, kept_secret, open_private, packages_in
from scripts.demonstration.people import DATA, LOGINS, Account

FOLDER = ROOT / "var" / "demo"
KEPT_IN = "demo-password"
CONTENT = ROOT / "course_content"
PROGRAMMES = ("remote-study", "rural-maths")
_PAUSE_SECONDS = 0.5


def serve(port: int, began_at: float) -> int:
    """Bring the demo in `var/demo` up to date and serve it until somebody stops it."""
    installation = Installation(FOLDER, port)
    try:
        chosen = os.environ.get("LMS_PLUGIN_DEMO_PASSWORD", "")
        password = kept_secret(FOLDER / KEPT_IN, chosen or people.draw_password())
        _say(f"data          {FOLDER}")
        _say(f"database      {installation.command('db', 'upgrade')}")
        fresh = not packages_in(FOLDER)
        if fresh:
            _say("films         being made from the lessons and encoded; only the first start takes this long ...")
        for line in installation.command("content", "publish", str(CONTENT)).splitlines():
            _say(f"content       {line}")
        accounts = _import_once(installation, password)
        if chosen and chosen != password:
            _change_password(installation, chosen)
            password = chosen
        installation.start_server()
        installation.start_worker()
        if accounts:
            _fill_discussions(installation, accounts)
        _greet(installation, password, time.time() - began_at)
        return _watch_over(installation)
    except (CommandFailed, Unexpected, httpx.HTTPError) as fault:
        print(f"demo: {fault}\nlogs are in {installation.logs}", file=sys.stderr)
        return 1
    finally:
        installation.stop()


def _import_once(installation: Installation, password: str) -> dict[str, Account]:
    """Import regions and people unless exactly these are there; empty where nothing was new."""
    content = b"".join((DATA / name).read_bytes() for name in ("regions.csv", "users.csv"))
    wanted = hashlib.sha256(content).hexdigest()
    stamp = FOLDER / "imported"
    if stamp.exists() and stamp.read_text() == wanted:
        return {}
    _say(f"regions       {people.import_regions(installation)}")
    accounts = people.import_people(installation, password, PROGRAMMES)
    _say(f"people        {len(accounts)} accounts in two class groups")
    _say(f"class         {classroom.fill(installation)} teachers in the middle of a course, with one tutor")
    stamp.write_text(wanted)
    return accounts


def _change_password(installation: Installation, chosen: str) -> None:
    """Give the three logins another password than that of the first start."""
    for login in LOGINS:
        installation.command("users", "password", login, "--password", chosen)
    with open_private(FOLDER / KEPT_IN) as file:
        file.write(chosen)


def _fill_discussions(installation: Installation, accounts: dict[str, Account]) -> None:
    """Let some colleagues write a post each, through the API, where they have not written one."""
    for login, (title, body) in posts.BY_COLLEAGUES.items():
        with Person(installation.base_url, login, accounts[login].password) as colleague:
            module = colleague.get("/api/v1/me/enrolments")[0]["modules"][0]["id"]
            threads = colleague.get(f"/api/v1/modules/{module}/threads")["threads"]
            if title not in {one["title"] for one in threads}:
                colleague.post(f"/api/v1/modules/{module}/threads", {"title": title, "body": body}, status=201)


def _greet(installation: Installation, password: str, took_seconds: float) -> None:
    roles = {"teacher": "a learner", "tutor": "tutor of a class group", "admin": "the programme office"}
    _say(f"\nready after {took_seconds:.0f} s at  {installation.base_url}\n")
    for login in LOGINS:
        _say(f"  {login:<9}{password}   {roles[login]}")
    _say(f"\nAPI           {installation.base_url}/api/v1/docs\nlogs          {installation.logs}\nCtrl-C stops it.")


def _watch_over(installation: Installation) -> int:
    """Stay until Ctrl-C, or until a process ends by itself, which is a failure."""
    try:
        while True:
            for name, process in installation.processes.items():
                if process.poll() is not None:
                    tail = installation.log_tail(name, 1500)
                    print(f"demo: the {name} ended with status {process.returncode}\n{tail}", file=sys.stderr)
                    return 1
            time.sleep(_PAUSE_SECONDS)
    except KeyboardInterrupt:
        _say("\nstopping ...")
        return 0


def _say(line: str) -> None:
    print(line, flush=True)
