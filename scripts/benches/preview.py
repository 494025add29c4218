"""The preview of a post among a million: what it costs to look for anybody's words in it, through the real app."""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lms_plugin.app import create_app
from lms_plugin.config import Settings
from lms_plugin.storage.session import Database
from scripts.benchmarking import made_posts, stores
from scripts.benchmarking.made_posts import IN_A_CLAUSE, SEED, Writer
from scripts.benchmarking.outcome import Outcome, Table

POSTS, QUICK_POSTS = 1_000_000, 50_000
PREVIEWS = 200
CLIENTS = 50
MOST_MEDIAN_MS = 50.0
LONG_WORDS = 900
HEADINGS = ("text", "previews", "median ms", "p99 ms", "most ms", "cpu ms", "repeats found")


def _a_new_one(writer: Writer, made: Sequence[str], chance: random.Random) -> str:
    return writer.body(writer.words())


def _a_copy(writer: Writer, made: Sequence[str], chance: random.Random) -> str:
    """Somebody's post, greeted, with one of its clauses rewritten."""
    clauses = chance.choice(made).removesuffix("。").split("，")
    clauses[chance.randrange(len(clauses))] = "".join(writer.words(IN_A_CLAUSE))
    return f"老师好！{'，'.join(clauses)}。"


def _a_long_one(writer: Writer, made: Sequence[str], chance: random.Random) -> str:
    return writer.body(writer.words(LONG_WORDS))


KINDS: dict[str, tuple[Callable[[Writer, Sequence[str], random.Random], str], str]] = {
    "new, 70 characters": (_a_new_one, "counts"),
    "a copy, changed": (_a_copy, "repeats_anothers_post"),
    f"new, {2 * LONG_WORDS} characters": (_a_long_one, "counts"),
}


def on_postgresql(quick: bool) -> Outcome:
    posts = QUICK_POSTS if quick else POSTS
    chance, writer = random.Random(SEED), Writer(SEED + 1)
    faults: list[str] = []
    lines: list[Sequence[str]] = [HEADINGS]
    ratios: dict[str, float] = {}
    with (
        tempfile.TemporaryDirectory(prefix="bench-preview-") as name,
        stores.opened(stores.POSTGRESQL, Path(name)) as store,
    ):
        url = store.create("posts")
        began = time.perf_counter()
        made = made_posts.fill(url, posts)
        store.tidy(url)
        filled_seconds = time.perf_counter() - began
        database = Database(url)
        # The last learners: the posts that are copied are the first ones'.
        with database.writing() as session:
            last = range(made.learners - CLIENTS + 1, made.learners + 1)
            tokens = list(made_posts.tokens(session.connection(), last))
        database.dispose()
        app = create_app(Settings(url, Path(name), "s" * 40, "http://127.0.0.1", "Asia/Shanghai", rate_limits=False))
        client = app.test_client()
        for kind, (make, expected) in KINDS.items():
            spans, repeats, wrong, used = [], 0, 0, time.process_time()
            for number in range(PREVIEWS + CLIENTS):
                body = make(writer, made.some, chance)
                began = time.perf_counter()
                answer = client.post(
                    f"/api/v1/modules/{made.module_id}/posts/preview",
                    json={"body": body},
                    headers={"Authorization": f"Bearer {tokens[number % CLIENTS]}"},
                )
                span = (time.perf_counter() - began) * 1000
                if answer.status_code != 200:
                    return Outcome([], faults=[f"a preview was answered {answer.status_code}: {answer.text[:200]}"])
                reason = answer.get_json()["reason"]
                repeats += reason == "repeats_anothers_post"
                wrong += reason != expected
                # The first of each client only warm what a running service has warm.
                if number >= CLIENTS:
                    spans.append(span)
            spans.sort()
            median, p99 = statistics.median(spans), spans[int(len(spans) * 0.99) - 1]
            cpu_ms = (time.process_time() - used) * 1000 / (PREVIEWS + CLIENTS)
            figures = (f"{one:.1f}" for one in (median, p99, spans[-1], cpu_ms))
            lines.append((kind, str(len(spans)), *figures, f"{repeats}/{PREVIEWS + CLIENTS}"))
            if wrong:
                faults.append(f"{kind}: {wrong} previews said something else than {expected}")
            if kind == next(iter(KINDS)):
                ratios["preview-postgresql/median"] = MOST_MEDIAN_MS / median
                if median >= MOST_MEDIAN_MS:
                    faults.append(f"the median is {median:.1f} ms")
        notes = (
            store.durability(),
            f"{posts:,} posts of {made.learners:,} learners, {made.fingerprints:,} fingerprints, made and indexed in"
            f" {filled_seconds:.0f} s",
            "in process: routing, token, access, the author's own posts, the index, the comparison, JSON; no network;"
            " cpu is the processor time of the app's process for one",
            f"RATIO: {MOST_MEDIAN_MS:.0f} ms over the median of a usual post",
            f"load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors",
        )
    return Outcome([Table("previews of a post on postgresql", lines, notes)], ratios, faults)


PARTS = {"postgresql": on_postgresql}
