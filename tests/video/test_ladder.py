from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.video.ladder import frame_rate, key_frame_interval, rungs
from lms_plugin.video.probe import Film


def film(width: int, height: int, fps: Fraction = Fraction(25), *, steady: bool = True) -> Film:
    return Film(
        duration_ms=4000,
        picture_ms=4000,
        sound_ms=0,
        width=width,
        height=height,
        fps=fps,
        steady=steady,
        interlaced=False,
        channels=0,
    )


@pytest.mark.parametrize(
    ("width", "height", "sizes"),
    [
        (1920, 1080, [(426, 240), (854, 480), (1280, 720)]),
        (1280,  720, [(426, 240), (854, 480), (1280, 720)]),
        (1024,  576, [(426, 240), (854, 480), (1024, 576)]),
        ( 854,  480, [(428, 240), (854, 480)]),
        ( 880,  500, [(422, 240), (844, 480)]),
        ( 640,  360, [(426, 240), (640, 360)]),
        ( 426,  240, [(426, 240)]),
        ( 321,  179, [(320, 178)]),
        (  64,   48, [(64, 48)]),
        (   3,    3, [(2, 2)]),
        ( 720, 1280, [(240, 426), (480, 854), (720, 1280)]),
        (1001,  241, [(996, 240)]),
    ],
)  # fmt: skip
def test_the_ladder_never_enlarges_a_film(width: int, height: int, sizes: list[tuple[int, int]]) -> None:
    assert [(rung.width, rung.height) for rung in rungs(film(width, height))] == sizes


@given(st.integers(2, 5000), st.integers(2, 5000))
def test_every_rung_is_even_and_keeps_the_shape(width: int, height: int) -> None:
    ladder = rungs(film(width, height))
    assert len({rung.name for rung in ladder}) == len(ladder)
    for rung in ladder:
        assert rung.width % 2 == rung.height % 2 == 0
        assert 2 <= rung.width <= width
        assert 2 <= rung.height <= height
        # A shape can be off by the one or two pixels that evenness takes.
        scale = min(rung.width, rung.height) / min(width, height)
        assert abs(rung.width - width * scale) <= 2 + 2 * width / min(width, height)
        assert abs(rung.height - height * scale) <= 2 + 2 * height / min(width, height)


@pytest.mark.parametrize(
    ("fps", "steady", "encoded"),
    [
        (Fraction(25),          True,  Fraction(25)),
        (Fraction(30000, 1001), True,  Fraction(30000, 1001)),
        (Fraction(60),          True,  Fraction(30)),
        (Fraction(50),          True,  Fraction(25)),
        (Fraction(60000, 1001), True,  Fraction(30000, 1001)),
        (Fraction(10),          True,  Fraction(10)),
        (Fraction(1),           True,  Fraction(10)),
        (Fraction(1000),        False, Fraction(30)),
        (Fraction(30),          False, Fraction(30)),
    ],
)  # fmt: skip
def test_the_frame_rate_is_even_and_at_most_30(fps: Fraction, steady: bool, encoded: Fraction) -> None:
    assert frame_rate(film(640, 480, fps, steady=steady)) == encoded


@given(st.fractions(Fraction(1, 5), 240))
def test_a_key_frame_interval_fills_a_segment_and_hardly_more(fps: Fraction) -> None:
    rate = frame_rate(film(640, 480, fps))
    assert 10 <= rate <= 30
    assert 4 <= key_frame_interval(rate) / rate < 4 + 1 / rate
