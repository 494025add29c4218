"""The largest audience: 87,000 learners who watch at the same time, each reporting 30 s of film every 30 s."""

import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from lms_plugin.storage.session import Database
from scripts.benchmarking import checking, stores
from scripts.benchmarking.checking import Account
from scripts.benchmarking.contenders import Ours
from scripts.benchmarking.load import CONNECTIONS, send
from scripts.benchmarking.outcome import Outcome, Table
from scripts.benchmarking.seeding import Seeded
from scripts.benchmarking.usage import cpu_seconds, finished_children_seconds
from scripts.demonstration.installation import ROOT

VIEWERS, QUICK_VIEWERS = 87_000, 5_800
ARRIVALS_A_SECOND = 2_900
BEAT_SECONDS = 30
OPENED_SECONDS_AGO = 40.0
KEPT_CONNECTIONS = 256
PATIENCE_SECONDS = 60
AUDITED = 1_000
_OK = 200


def measure(quick: bool) -> Outcome:
    """Every viewer sends one beat; arrivals don't wait for answers. On PostgreSQL, with the server's own defaults."""
    viewers = QUICK_VIEWERS if quick else VIEWERS
    with (
        tempfile.TemporaryDirectory(prefix="bench-audience-") as name,
        stores.opened(stores.POSTGRESQL, Path(name)) as store,
    ):
        folder = Path(name)
        # Some learners warm the server up; the audience is the rest.
        ours = Ours(store, folder / "contenders", viewers + CONNECTIONS, opened_seconds_ago=OPENED_SECONDS_AGO)
        warming_up = {account.learner.user_id for account in ours.accounts}
        audience = [one for one in ours.learners if one.user_id not in warming_up]
        # The order in which they report is the same in each run.
        random.Random(1).shuffle(audience)
        with ours.serve() as running:
            ours.take(send(ours.players, running.port, 2.0))
            before = cpu_seconds(running.pid), cpu_seconds(store.pid), finished_children_seconds()
            lines = _report_in(folder, audience, running.port)
            after = cpu_seconds(running.pid), cpu_seconds(store.pid), finished_children_seconds()
        used = [late - early for early, late in zip(before, after, strict=True)]
        warm_up = ours.differences()
        accounts = [Account(one) for one in audience]
        for account, (_, status, _, body) in zip(accounts, lines, strict=True):
            if int(status):
                account.compare(((0, BEAT_SECONDS * 1000),), int(status), body)
        database = Database(ours.url)
        # One that was sent and never answered may be stored or not.
        answered = [one for one, (_, status, _, _) in zip(accounts, lines, strict=True) if int(status)]
        differences = checking.compare_coverage(database, answered)
        sample = accounts[:: max(1, len(accounts) // AUDITED)]
        audited = checking.audit(database, sample)
        database.dispose()
    return _outcome(lines, used, differences + sum(one.differences for one in accounts) + warm_up, audited, len(sample))


def _report_in(folder: Path, audience: list[Seeded], port: int) -> list[list[str]]:
    """Let the audience report; for each viewer [number, status, milliseconds, body]."""
    beat = json.dumps({"seq": 1, "segments": [{"from": 0, "to": BEAT_SECONDS, "rate": 1}]})
    plan, output = folder / "plan", folder / "answers"
    plan.write_text(
        json.dumps(
            {
                "port": port,
                "rate": ARRIVALS_A_SECOND,
                "connections": KEPT_CONNECTIONS,
                "patience_seconds": PATIENCE_SECONDS,
                "requests": [[one.path, one.token, beat] for one in audience],
            }
        )
    )
    subprocess.run(
        [sys.executable, "-m", "scripts.benchmarking.arrivals", str(plan), str(output)], cwd=ROOT, check=True
    )
    return [line.split("\t", 3) for line in output.read_text().splitlines()]


def _outcome(lines: list[list[str]], used: list[float], differences: int, audited: int, sample: int) -> Outcome:
    viewers = len(lines)
    answered = [(int(number), float(late)) for number, status, late, _ in lines if int(status) == _OK]
    refused = sum(int(status) not in (0, _OK) for _, status, _, _ in lines)
    last = max((number / ARRIVALS_A_SECOND + late / 1000 for number, late in answered), default=0.0)
    cuts = statistics.quantiles([late for _, late in answered], n=100) if len(answered) > 1 else [0.0] * 99
    rows = [
        ("viewers", "offered/s", "carried/s", "p50 ms", "p95 ms", "p99 ms", "max ms", "refused", "unanswered"),
        (
            f"{viewers:,}",
            f"{ARRIVALS_A_SECOND:,}",
            f"{len(answered) / max(last, 1 / ARRIVALS_A_SECOND):,.0f}",
            *(f"{cuts[point - 1]:.1f}" for point in (50, 95, 99)),
            f"{max((late for _, late in answered), default=0.0):.1f}",
            str(refused),
            str(viewers - len(answered) - refused),
        ),
    ]
    server, stored, load = used
    notes = (
        f"each viewer once, over {viewers / ARRIVALS_A_SECOND:.0f} s, latency from the moment a beat was due;"
        f" {KEPT_CONNECTIONS} kept connections",
        f"processor seconds: server {server:.1f}, PostgreSQL {stored:.1f}, load {load:.1f}",
        f"{differences} viewers' stored seconds differ from their answers; the audit of {sample:,} found {audited}",
    )
    faults = []
    if differences or audited:
        faults.append(f"{differences} viewers' stored seconds differ from their answers; the audit found {audited}")
    if len(answered) < viewers:
        faults.append(f"{viewers - len(answered)} of {viewers} beats were not carried")
    return Outcome([Table("a whole audience at once", rows, notes)], faults=faults)
