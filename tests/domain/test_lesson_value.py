from dataclasses import replace
from decimal import Decimal

import pytest

from lms_plugin.domain.lesson import Lesson, Picture, Slide, Utterance

LESSON = Lesson("题", (Slide("# 一", (Utterance("说", "say"),), line=3),), (Picture("a.png", b"1"),))


@pytest.mark.parametrize(
    "change",
    [
        {"title": "别的"},
        {"slides": (Slide("# 二", (Utterance("说", "say"),)),)},
        {"slides": (Slide("# 一", (Utterance("讲", "say"),)),)},
        {"slides": (Slide("# 一", (Utterance("说", "tell"),)),)},
        {"slides": LESSON.slides * 2},
        {"pictures": (Picture("a.png", b"2"),)},
        {"pictures": (Picture("b.png", b"1"),)},
        {"width": 640},
        {"height": 360},
        {"fps": 12},
        {"pause_seconds": Decimal("0.5")},
        {"rate_words_per_minute": 160},
    ],
)
def test_whatever_shapes_the_film_shapes_the_digest(change: dict[str, object]) -> None:
    assert replace(LESSON, **change).digest != LESSON.digest


def test_the_same_content_has_the_same_digest_wherever_it_stands() -> None:
    moved = replace(LESSON, slides=(replace(LESSON.slides[0], line=99),), pause_seconds=Decimal("0.40"))
    assert moved.digest == LESSON.digest
    assert moved == LESSON


def test_utterances_follow_each_other_over_the_slides() -> None:
    two = replace(LESSON, slides=(LESSON.slides[0], Slide("# 二", (Utterance("再说", "again"),))))
    assert [utterance.zh for utterance in two.utterances] == ["说", "再说"]
