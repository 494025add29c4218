"""Small films of every awkward kind, made by the real ffmpeg when first asked for."""

import shutil
import subprocess
from pathlib import Path

X264 = ["-c:v", "libx264", "-preset", "ultrafast"]
TONE = ["-f", "lavfi", "-i"]
SOURCES: dict[str, list[str]] = {
    "sound.mp4": [*TONE, "testsrc=s=640x360:r=25:d=6", *TONE, "sine=d=6", *X264, "-pix_fmt", "yuv420p"],
    "silent.mp4": [*TONE, "testsrc=s=426x240:r=25:d=5", *X264, "-pix_fmt", "yuv420p"],
    "odd.mp4": [*TONE, "testsrc=s=321x179:r=24:d=4", *TONE, "sine=d=4", *X264, "-pix_fmt", "yuv444p"],
    "portrait.mp4": [*TONE, "testsrc=s=540x960:r=30:d=3", *TONE, "sine=d=3", *X264, "-pix_fmt", "yuv420p"],
    "tiny.mp4": [*TONE, "testsrc=s=64x48:r=2:d=3", *X264, "-pix_fmt", "yuv420p"],
    "fast.mp4": [*TONE, "testsrc=s=320x240:r=60:d=5", *X264, "-pix_fmt", "yuv420p"],
    "large.mp4": [*TONE, "testsrc=s=1920x1080:r=10:d=5", *TONE, "sine=d=5", *X264, "-pix_fmt", "yuv420p"],
    "long-sound.mkv": [*TONE, "testsrc=s=320x240:r=25:d=3", *TONE, "sine=d=5.5", *X264, "-c:a", "aac"],
    "short-sound.mkv": [*TONE, "testsrc=s=320x240:r=25:d=6", *TONE, "sine=d=2", *X264, "-c:a", "aac"],
    "film.webm": [*TONE, "testsrc=s=320x240:r=25:d=4", *TONE, "sine=d=4", "-c:v", "libvpx", "-c:a", "libvorbis"],
    "variable.mkv": [
        *[*TONE, "testsrc=s=320x240:r=30:d=6", *TONE, "sine=d=6"],
        *["-vf", "select='not(mod(n,7))+gt(t,3)'", "-vsync", "vfr", *X264, "-c:a", "aac"],
    ],
    "wide-pixels.mkv": [*TONE, "testsrc=s=360x480:r=25:d=3", "-vf", "setsar=16/9", *X264],
    "interlaced.mpg": [
        *[*TONE, "testsrc=s=352x288:r=25:d=3", "-vf", "setfield=tff"],
        *["-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", "4"],
    ],
    "black-first.mp4": [
        *[*TONE, "color=black:s=320x240:r=10:d=4", *TONE, "testsrc=s=320x240:r=10:d=5"],
        *["-filter_complex", "[0:v][1:v]concat=n=2", *X264, "-pix_fmt", "yuv420p"],
    ],
    "audio-only.mp4": [*TONE, "sine=d=3", "-c:a", "aac"],
    "cover.mp3": [
        *[*TONE, "sine=d=3", *TONE, "testsrc=s=64x64:d=1"],
        *["-map", "0:a", "-map", "1:v", "-frames:v", "1", "-c:v", "png", "-disposition:v", "attached_pic"],
    ],
    "seekable.mp4": [
        *[*TONE, "testsrc=s=320x240:r=25:d=6", *X264, "-pix_fmt", "yuv420p"],
        *["-movflags", "+faststart"],
    ],
}


def make_film(name: str, folder: Path) -> Path:
    """The film of the list in `folder`, made when it is not there yet."""
    path = folder / name
    if not path.exists():
        program = shutil.which("ffmpeg")
        assert program, "the tests of video need the ffmpeg program"
        subprocess.run([program, "-v", "error", "-nostdin", *SOURCES[name], str(path)], check=True)
    return path
