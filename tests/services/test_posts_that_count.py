"""The corpus of posts through the real service, in order: what counts must be what a fair reader would count."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.programme import DiscussionRule
from lms_plugin.services import discussion, post_judging
from lms_plugin.storage.programmes import ModuleRow
from lms_plugin.storage.session import Database
from tests import builders
from tests.services.corpus import making
from tests.services.corpus.making import CorpusPost

LEAST = 0.95
RULE = DiscussionRule(min_characters=30, min_words=16, max_per_module=None, max_per_day=None, max_total=None)
KINDS = {
    "honest": 85,
    "reply": 5,
    "sharp": 8,
    "taken_up": 2,
    "first_of_its_kind": 2,
    "padded": 22,
    "quoted": 10,
    "emoji": 8,
    "copied": 34,
    "variation": 24,
}


def test_the_file_is_what_its_maker_makes() -> None:
    lines = [json.dumps(asdict(post), ensure_ascii=False) for post in making.make()]
    assert making.POSTS.read_text("utf-8").splitlines() == lines


@pytest.mark.parametrize("language", making.LANGUAGES)
def test_the_corpus_has_what_its_page_says(language: str) -> None:
    posts = [post for post in making.read() if post.language == language]
    assert Counter(post.kind for post in posts) == KINDS
    honest = [post.body for post in posts if post.kind in ("honest", "sharp", "padded", "emoji")]
    assert len(set(honest)) == len(honest)


def test_what_counts_is_what_a_fair_reader_would_count(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    posts = making.read()
    with database.writing() as session:
        counted = _counted(session, posts)
    shown = []
    for name, languages in (("zh", ("zh",)), ("en", ("en",)), ("all", making.LANGUAGES)):
        right = Counter(
            (post.counts, counts) for post, counts in zip(posts, counted, strict=True) if post.language in languages
        )
        precision = right[True, True] / (right[True, True] + right[False, True])
        recall = right[True, True] / (right[True, True] + right[True, False])
        shown.append((name, precision, recall))
    wrong = [
        f"{post.language} {post.kind}: {post.body[:60]}"
        for post, counts in zip(posts, counted, strict=True)
        if counts != post.counts
    ]
    with capsys.disabled():
        for name, precision, recall in shown:
            sys.stdout.write(f"\n{name}: precision {precision:.3f}, recall {recall:.3f}")
    assert all(precision >= LEAST and recall >= LEAST for _, precision, recall in shown), wrong


def _counted(session: Session, posts: Sequence[CorpusPost]) -> list[bool]:
    """Whether each post counts, written one after the other in one thread of the programme."""
    current = builders.publish(session, builders.make_programme(discussion=RULE))
    module = session.scalars(select(ModuleRow).where(ModuleRow.programme_id == current.id)).first()
    assert module is not None
    actors = {}
    for key in dict.fromkeys((post.language, post.author) for post in posts):
        user = builders.make_user(session, f"author-{key[0]}-{key[1]}")
        builders.enrol(session, user, current)
        actors[key] = builders.actor_for(session, user)
    first = next(iter(actors.values()))
    thread, _ = discussion.start_thread(session, first, module.id, title="研讨", body="👋", now=builders.NOW)
    found = []
    for number, post in enumerate(posts):
        actor, now = actors[post.language, post.author], builders.NOW + timedelta(minutes=number)
        preview = discussion.preview(session, actor, module.id, body=post.body, now=now, thread_id=thread.id)
        written = discussion.reply(session, actor, thread.id, body=post.body, reply_to_id=None, now=now)
        assert post_judging.judgement_of(written) == preview
        found.append(written.counts)
    return found
