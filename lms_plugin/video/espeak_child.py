"""The speech library in a process of its own: if C code crashes, only this process does.

Run as `python -m lms_plugin.video.espeak_child LIBRARY DATA VOICE WORDS_PER_MINUTE FOLDER`, a JSON list of texts on
standard input. Writes FOLDER/0.pcm, 1.pcm, ... (16-bit mono) and prints the samples a second.
Source: the library's speak_lib.h.
"""

import ctypes
import json
import sys
from pathlib import Path

_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_RATE = 1
_CHARS_UTF8 = 1
_SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def speak(library: str, data: str, voice: str, words_per_minute: int, folder: Path, texts: list[str]) -> int:
    """Write each text's samples into `folder`; returns the samples a second."""
    espeak = ctypes.CDLL(library)
    samples_hz = int(espeak.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, data.encode(), _DONT_EXIT))
    if samples_hz <= 0:
        raise SystemExit("the speech library found no data")
    spoken = bytearray()

    def collect(wave: "ctypes._Pointer[ctypes.c_short]", count: int, events: int) -> int:
        if wave and count > 0:
            spoken.extend(ctypes.string_at(wave, count * 2))
        return 0

    callback = _SynthCallback(collect)
    espeak.espeak_SetSynthCallback(callback)
    if espeak.espeak_SetVoiceByName(voice.encode()):
        raise SystemExit(f"the speech library has no voice {voice}")
    espeak.espeak_SetParameter(_RATE, words_per_minute, 0)
    for number, text in enumerate(texts):
        spoken.clear()
        encoded = text.encode() + b"\0"
        failed = espeak.espeak_Synth(encoded, ctypes.c_size_t(len(encoded)), 0, 0, 0, _CHARS_UTF8, None, None)
        if failed or espeak.espeak_Synchronize():
            raise SystemExit(f"the speech library could not speak: {text}")
        (folder / f"{number}.pcm").write_bytes(spoken)
    return samples_hz


if __name__ == "__main__":
    library, data, voice, words_per_minute, folder = sys.argv[1:]
    samples_hz = speak(library, data, voice, int(words_per_minute), Path(folder), json.load(sys.stdin))
    sys.stdout.write(f"{samples_hz}\n")
