import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_plugin.domain.captions import CaptionFault, Cue, parse_webvtt, render_webvtt


@pytest.mark.parametrize(
    ("text", "cues"),
    [
        ("WEBVTT\n\n00:01.000 --> 00:02.500\nOne\n",                              [Cue(1000, 2500, "One")]),
        ("WEBVTT - a title\n\n01:00:01.000 --> 01:00:02.000 line:0\nOne\nTwo\n",  [Cue(3601000, 3602000, "One\nTwo")]),
        ("\ufeffWEBVTT\r\n\r\nintro\r\n00:00.000 --> 00:01.000\r\nOne\r\n",       [Cue(0, 1000, "One")]),
        ("WEBVTT\n\nNOTE a --> b\nmore\n\nSTYLE\n::cue {}\n\n00:00.000 --> 00:01.000\nOne", [Cue(0, 1000, "One")]),
    ],
)  # fmt: skip
def test_sound_captions_are_read(text: str, cues: list[Cue]) -> None:
    assert parse_webvtt(text) == (cues, [])


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("",                                                                       1, "must begin with the line"),
        ("WEBVTTX\n",                                                              1, "must begin with the line"),
        ("1\n00:00:01,000 --> 00:00:02,000\nA SubRip file\n",                      1, "must begin with the line"),
        ("WEBVTT\n",                                                               1, "there is no caption"),
        ("WEBVTT\n\n00:01.000 -> 00:02.000\nOne\n",                                4, "expected a timing"),
        ("WEBVTT\n\n00:61.000 --> 00:02.000\nOne\n",                               3, "expected a timing"),
        ("WEBVTT\n\n00:02.000 --> 00:02.000\nOne\n",                               3, "ends before it begins"),
        ("WEBVTT\n\n00:02.000 --> 00:03.000\n\n",                                  3, "has no text"),
        ("WEBVTT\n\n00:02.000 --> 00:03.000\nA\n\n00:01.000 --> 00:04.000\nB\n",   6, "begins before the one in front"),
    ],
)  # fmt: skip
def test_a_fault_in_captions_has_its_line(text: str, line: int, message: str) -> None:
    _, (fault,) = parse_webvtt(text)
    assert fault.line == line
    assert message in fault.message


def test_every_fault_is_found_and_the_sound_cues_stay() -> None:
    cues, faults = parse_webvtt("WEBVTT\n\n00:02.000 --> 00:01.000\nA\n\n00:03.000 --> 00:04.000\nB\n\nnonsense\n")
    assert cues == [Cue(3000, 4000, "B")]
    assert faults == [
        CaptionFault(3, "the caption ends before it begins"),
        CaptionFault(9, "expected a timing such as 00:00:01.000 --> 00:00:04.000"),
    ]


def test_what_looks_like_markup_shows_as_it_is() -> None:
    assert "a &lt;b&gt; &amp; c --&gt; d\n" in render_webvtt([Cue(0, 1, "a <b> & c\n\n--> d")])


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 10**5), st.text("ab 文<&", min_size=1)), min_size=1))
def test_what_is_written_is_read_back(pieces: list[tuple[int, int, str]]) -> None:
    cues = [Cue(start, start + length, text + "x") for start, length, text in sorted(pieces)]
    read, faults = parse_webvtt(render_webvtt(cues))
    assert faults == []
    assert [(cue.start_ms, cue.end_ms) for cue in read] == [(cue.start_ms, cue.end_ms) for cue in cues]
