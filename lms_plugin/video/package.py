"""Films encoded for the web: an HLS ladder, a poster and captions in one folder named after the film's content."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import IO

import ffmpeg

from lms_plugin.domain.captions import parse_webvtt
from lms_plugin.domain.errors import Malformed
from lms_plugin.video.encoder import EncodeFailed, Progress, find_ffmpeg, run
from lms_plugin.video.folder import lock, whole_folder
from lms_plugin.video.ladder import (
    LADDER_VERSION,
    SEGMENT_SECONDS,
    Rung,
    frame_rate,
    key_frame_interval,
    rungs,
)
from lms_plugin.video.manifest import (
    POSTER,
    Rendition,
    VideoPackage,
    find_package,
    read_segments,
    write_manifest,
    write_master,
)
from lms_plugin.video.poster import codecs_of, write_poster
from lms_plugin.video.probe import FORMATS, Film, probe

_PLAYLIST = "index.m3u8"
_LONGEST_DEVIATION_MS = 500
_LIMIT_SECONDS = 900
_LIMIT_PER_FILM_SECOND = 20


class CaptionsMalformed(Malformed):
    """A caption file is not sound WebVTT; `faults` names the lines."""

    code = "captions_malformed"


def digest_of(source: Path) -> str:
    """The digest under which a film file is encoded: SHA-256 in hex over its bytes and the ladder's version."""
    digest = hashlib.sha256(f"ladder {LADDER_VERSION}\n".encode())
    with source.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def encode(
    source: Path,
    captions: Mapping[str, Path],
    media_root: Path,
    on_progress: Progress = lambda share: None,
    *,
    digest: str | None = None,
    program: str | None = None,
) -> VideoPackage:
    """Encode the film at `source` into `media_root/<digest>`, or find it encoded already.

    `captions` maps a language to a WebVTT file; new captions for an encoded film replace its old ones.
    `on_progress` is told the share done (0..1) and always, at last, 1; `probe(source).duration_ms` weighs films
    against each other. `digest` names the film's content where its bytes do not (a lesson's film differs from
    machine to machine). `program` is the ffmpeg to run.

    The work is kept per film: a film is whole in its folder or not there at all, so that publishing again goes on
    with the first film that is not done. Parts of one film are not kept, since the sound of separately encoded
    parts meets with an audible gap. Two processes asked for the same film encode it once.

    Raises FilmUnreadable, CaptionsMalformed, EncoderMissing, EncodeFailed or PackageBroken.
    """
    texts = _read_captions(captions)
    content_digest = digest or digest_of(source)
    with lock(media_root, content_digest) as hold:
        package = find_package(media_root, content_digest)
        if package is None:
            film = probe(source)
            program = program or find_ffmpeg()
            with whole_folder(media_root, content_digest) as folder:
                package = _encode_into(folder, source, film, program, on_progress, hold, content_digest)
                package = _put_captions(package, texts, folder)
            package = replace(package, folder=media_root / content_digest)
        else:
            package = _put_captions(package, texts, package.folder)
    on_progress(1.0)
    return package


def _encode_into(
    folder: Path, source: Path, film: Film, program: str, on_progress: Progress, hold: IO[bytes], digest: str
) -> VideoPackage:
    ladder = rungs(film)
    for rung in ladder:
        (folder / rung.name).mkdir()
    limit_seconds = _LIMIT_SECONDS + _LIMIT_PER_FILM_SECOND * film.duration_ms / 1000
    run(
        _command(source, film, ladder, program),
        folder,
        duration_ms=film.duration_ms,
        limit_seconds=limit_seconds,
        on_progress=on_progress,
        hold=hold,
    )
    renditions = tuple(_rendition(folder, rung) for rung in ladder)
    durations_ms = {
        round(sum(seconds for seconds, _ in read_segments(folder / rendition.playlist)) * 1000)
        for rendition in renditions
    }
    duration_ms = max(durations_ms)
    if duration_ms - min(durations_ms) > 1 or abs(duration_ms - film.duration_ms) > _LONGEST_DEVIATION_MS:
        why = f"the film is {film.duration_ms} ms long, its renditions {sorted(durations_ms)} ms"
        raise EncodeFailed(status=0, why=why)
    write_master(renditions, float(frame_rate(film)), folder)
    write_poster(folder / renditions[0].playlist, folder / renditions[-1].playlist, folder / POSTER)
    return VideoPackage(
        digest=digest,
        folder=folder,
        source_digest=digest_of(source),
        ladder_version=LADDER_VERSION,
        duration_ms=duration_ms,
        has_audio=film.has_audio,
        renditions=renditions,
        captions={},
    )


def _command(source: Path, film: Film, ladder: tuple[Rung, ...], program: str) -> list[str]:
    """One ffmpeg command for all renditions: the film is decoded once, and key frames fall on the same frames."""
    fps = frame_rate(film)
    length = film.duration_ms / 1000
    film_in = ffmpeg.input(f"file:{source.resolve()}", format_whitelist=FORMATS, protocol_whitelist="file")
    picture = film_in.video
    if film.interlaced:
        picture = picture.filter("yadif", deint="interlaced")
    picture = picture.filter("fps", fps=f"{fps.numerator}/{fps.denominator}", start_time=0)
    if film.picture_ms < film.duration_ms:
        # The last picture stays until the sound is over, so that playlists and players agree on the length.
        missing_seconds = (film.duration_ms - film.picture_ms) / 1000 + 1
        picture = picture.filter("tpad", stop_mode="clone", stop_duration=f"{missing_seconds:.3f}")
    pictures = picture.filter_multi_output("split", len(ladder))
    streams = []
    options: dict[str, object] = {}
    for index, rung in enumerate(ladder):
        scaled = pictures.stream(index).filter("scale", rung.width, rung.height, flags="bicubic")
        streams.append(scaled.filter("setsar", 1).filter("format", "yuv420p"))
        options[f"crf:v:{index}"] = rung.quality
        options[f"maxrate:v:{index}"] = f"{rung.video_kbps}k"
        options[f"bufsize:v:{index}"] = f"{rung.video_kbps * 2}k"
    if film.has_audio:
        sound = film_in.audio.filter("aresample", 48000, **{"async": 1, "first_pts": 0})
        sounds = sound.filter("apad", whole_dur=f"{length:.3f}").filter_multi_output("asplit", len(ladder))
        for index, rung in enumerate(ladder):
            streams.append(sounds.stream(index))
            options[f"b:a:{index}"] = f"{rung.audio_kbps}k"
        # The fast coder takes a quarter of the time and speech does not suffer.
        options |= {"c:a": "aac", "aac_coder": "fast", "ac": min(film.channels, 2)}
    variants = " ".join(
        f"v:{index}{f',a:{index}' if film.has_audio else ''},name:{rung.name}" for index, rung in enumerate(ladder)
    )
    interval = key_frame_interval(fps)
    output = ffmpeg.output(
        *streams,
        f"%v/{_PLAYLIST}",
        **options,
        **{"c:v": "libx264", "profile:v": "main", "preset": "veryfast", "flags": "+cgop"},
        # With pictures sent out of order, browsers take the reordering delay for a part of the film's length.
        bf=0,
        g=interval,
        keyint_min=interval,
        sc_threshold=0,
        t=f"{length:.3f}",
        map_metadata=-1,
        map_chapters=-1,
        f="hls",
        hls_time=SEGMENT_SECONDS,
        hls_playlist_type="vod",
        hls_segment_type="mpegts",
        hls_flags="independent_segments",
        hls_segment_filename="%v/%05d.ts",
        var_stream_map=variants,
    )
    return [str(part) for part in output.compile(cmd=program, overwrite_output=True)]


def _rendition(folder: Path, rung: Rung) -> Rendition:
    playlist = f"{rung.name}/{_PLAYLIST}"
    segments = read_segments(folder / playlist)
    bits = [path.stat().st_size * 8 for _, path in segments]
    whole_seconds = sum(seconds for seconds, _ in segments)
    # RFC 8216, 4.1: the peak is measured over segments of half the target length or more.
    peaks = [
        bits[index] / seconds
        for index, (seconds, _) in enumerate(segments)
        if seconds >= SEGMENT_SECONDS / 2 or len(segments) == 1
    ]
    return Rendition(
        name=rung.name,
        width=rung.width,
        height=rung.height,
        bandwidth=ceil(max(peaks)),
        average_bandwidth=ceil(sum(bits) / whole_seconds),
        codecs=codecs_of(segments[0][1]),
        playlist=playlist,
    )


def _read_captions(captions: Mapping[str, Path]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for language, path in captions.items():
        try:
            texts[language] = path.read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise CaptionsMalformed(file=path.name, faults=[str(error)]) from error
        faults = parse_webvtt(texts[language])[1]
        if faults:
            raise CaptionsMalformed(file=path.name, faults=[f"{path}:{f.line}: {f.message}" for f in faults])
    return texts


def _put_captions(package: VideoPackage, texts: Mapping[str, str], folder: Path) -> VideoPackage:
    """Write the captions and the manifest that names them, leaving alone what is as it should be."""
    names = {language: f"captions/{language}.vtt" for language in sorted(texts)}
    for language, name in names.items():
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8") == texts[language]:
            continue
        path.parent.mkdir(exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(texts[language], encoding="utf-8")
        partial.replace(path)
    captioned = replace(package, captions=names)
    if captioned != package or not (folder / "package.json").exists():
        write_manifest(captioned, folder)
    return captioned
