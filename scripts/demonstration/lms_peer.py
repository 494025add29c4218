"""The demo's LMS: the Open edX completion API on its own packages, as the tests run it."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.demonstration.installation import ROOT, Installation
from scripts.demonstration.people import Account
from tests.peers.process import OpenEdxPeer, prepare_environment

PLATFORM = "openedx"
WAIT_SECONDS = 60
_PAUSE_SECONDS = 0.2


def begin_preparing() -> subprocess.Popen[bytes]:
    """Begin to build the platform's own environment; it goes on beside everything else."""
    setup = str(ROOT / "scripts" / "setup")
    # Quietly: whatever goes wrong, `prepared` tries again and says so.
    return subprocess.Popen([sys.executable, setup, "peer"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def prepared(folder: Path, preparing: subprocess.Popen[bytes]) -> OpenEdxPeer:
    """The platform, to be started as a context manager, once its environment is there."""
    preparing.wait()
    prepare_environment()
    return OpenEdxPeer(folder)


def register(installation: Installation, peer: OpenEdxPeer) -> str:
    """Tell the service of the platform, with the real command."""
    return installation.command(
        *("lms", "register", PLATFORM, "--url", peer.base_url, "--client-id", peer.client_id),
        settings={"LMS_PLUGIN_LMS_SECRET": peer.client_secret},
    )


def seed(peer: OpenEdxPeer, course_key: str, block_keys: list[str], accounts: dict[str, Account]) -> int:
    """Put the course and its learners on the platform, with completion tracking on; gives how many learners."""
    usernames = sorted(account.lms_username for account in accounts.values() if account.lms_username)
    peer.seed(
        tracking=True,
        users=usernames,
        courses={course_key: block_keys},
        enrolments=[(username, course_key) for username in usernames],
    )
    return len(usernames)


def wait_for(peer: OpenEdxPeer, username: str, expected: dict[str, float]) -> dict[str, Any]:
    """What the platform's tables hold of a learner, as soon as it is what is expected, or when the wait is over."""
    held: dict[str, Any] = {}

    def is_there() -> bool:
        nonlocal held
        held = {block: value for (user, block), value in peer.completions().items() if user == username}
        return held == expected

    wait_until(is_there)
    return held


def wait_until(holds: Callable[[], bool], seconds: float = WAIT_SECONDS) -> bool:
    """Ask until something holds; False where it still does not when the time is over."""
    ends_at = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > ends_at:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True
