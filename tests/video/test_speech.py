import shutil
import sys
from array import array
from pathlib import Path

import pytest

from lms_plugin.domain.lesson import Utterance
from lms_plugin.video.speech import (
    Engine,
    EspeakLibrary,
    EspeakProgram,
    Silence,
    SpeechFailed,
    find_engine,
    system_engine,
    wheel_engine,
)

SHORT = Utterance("各位老师好。", "Hello, colleagues.")
LONG = Utterance(
    "一个学时是四十五分钟，片子的每一秒只记一次。", "One class hour is 45 minutes; each second counts once."
)


@pytest.fixture(params=["program", "library"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found = system_engine() if request.param == "program" else wheel_engine()
    return found or pytest.skip("this machine has no espeak-ng program")


def test_each_engine_speaks_each_utterance_without_silence_around_it(engine: Engine) -> None:
    speeches = engine.speak([SHORT, LONG], 170)
    assert engine.narrates
    for speech in speeches:
        samples = array("h", speech.samples)
        assert speech.duration_ms == pytest.approx(len(samples) * 1000 / speech.samples_hz, abs=1)
        assert abs(samples[0]) > 100
        assert abs(samples[-1]) > 100
        assert max(map(abs, samples)) > 5000
    # Spoken Mandarin has three to six syllables a second.
    assert 1000 <= speeches[0].duration_ms <= 2500
    assert 3500 <= speeches[1].duration_ms <= 8000


def test_each_engine_says_the_same_thing_the_same_way_each_time(engine: Engine) -> None:
    assert engine.speak([LONG], 170) == engine.speak([LONG], 170)


def test_a_higher_rate_takes_less_time(engine: Engine) -> None:
    (slow,), (quick,) = engine.speak([LONG], 120), engine.speak([LONG], 240)
    assert quick.duration_ms < 0.75 * slow.duration_ms


def test_decimals_and_quotes_are_read_as_chinese_reads_them(engine: Engine) -> None:
    written = engine.speak([Utterance("放得超过1.5倍，占5%，叫“太快”。", "-")], 170)
    spelled = engine.speak([Utterance("放得超过1点5倍，占百分之5，叫太快。", "-")], 170)
    assert written == spelled


def test_nothing_to_say_is_a_clear_fault(engine: Engine) -> None:
    with pytest.raises(SpeechFailed, match="it said nothing for"):
        engine.speak([Utterance("。", ".")], 170)


def test_a_crash_of_the_speech_library_is_a_refusal(tmp_path: Path) -> None:
    library = wheel_engine()
    assert library
    with pytest.raises(SpeechFailed):
        EspeakLibrary(tmp_path / "gone.so", library.data, "0").speak([SHORT], 170)
    with pytest.raises(SpeechFailed, match="found no data"):
        EspeakLibrary(library.library, tmp_path, "0").speak([SHORT], 170)


def test_a_failing_program_is_a_refusal() -> None:
    false = shutil.which("false")
    assert false
    with pytest.raises(SpeechFailed, match="ended with 1"):
        EspeakProgram(false, (1, 52)).speak([SHORT], 170)


def test_silence_takes_as_long_as_reading() -> None:
    silence = Silence()
    short, long = silence.speak([SHORT, LONG], 170)
    assert not silence.narrates
    assert (short.samples, long.samples) == (b"", b"")
    assert short.duration_ms == 1500
    assert long.duration_ms == pytest.approx(5000, abs=300)


def test_the_engine_with_the_best_mandarin_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = system_engine() or pytest.skip("this machine has no espeak-ng program")
    expected = program if program.version >= (1, 52) else wheel_engine()
    assert find_engine() == expected
    with monkeypatch.context() as without_wheel:
        without_wheel.setitem(sys.modules, "espeakng_loader", None)
        assert find_engine() == program
        without_wheel.setenv("PATH", str(tmp_path))
        assert find_engine() == Silence()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_engine() == wheel_engine()


def test_engines_that_sound_different_have_different_names() -> None:
    program = system_engine() or pytest.skip("this machine has no espeak-ng program")
    library = wheel_engine()
    assert library
    assert len({program.name, library.name, Silence().name}) == 3
