"""Films, from addresses that are signed for one person and run out."""

import re
from types import SimpleNamespace

from flask import Response, send_from_directory, session, url_for

from lms_plugin.domain.errors import NotFound
from lms_plugin.http.context import context
from lms_plugin.services.study import StudyModule

_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".ts": "video/mp2t",
    ".jpg": "image/jpeg",
    ".vtt": "text/vtt",
}
_NAME = re.compile(
    r"(?:master\.m3u8|poster\.jpg|[a-z0-9]{1,12}/(?:index\.m3u8|\d{1,9}\.ts)|captions/[A-Za-z-]{1,12}\.vtt)", re.ASCII
)
_CAPTIONS = {"zh": "中文", "en": "English"}
_SECONDS_KEPT = 3600


def media(signed: str, name: str) -> Response:
    """One file of a film package, by a name that a package can have; in whole or in ranges.

    Raises:
        NotFound: the address is forged, too old, another signed-in person's, or names no file of the film.
    """
    grant = context().media.check(signed)
    if _NAME.fullmatch(name) is None or not _may_be_of(grant.user_id):
        raise NotFound(what="film")
    response = send_from_directory(
        context().media_root / grant.digest,
        name,
        mimetype=_TYPES[name[name.rindex(".") :]],
        max_age=_SECONDS_KEPT,
        conditional=True,
    )
    response.cache_control.public = False
    response.cache_control.private = True
    return response


def film_of(module: StudyModule, title: str, user_id: int) -> SimpleNamespace | None:
    """A module's film as the player's macro wants it; None for a module without one."""
    video = module.video
    if video is None:
        return None
    signed = context().media.grant(user_id, video.digest)
    return SimpleNamespace(
        id=video.id,
        title=title,
        duration_seconds=video.duration_ms / 1000,
        poster_url=url_for("pages.media", signed=signed, name="poster.jpg"),
        captions=[
            {
                "language": language,
                "label": _CAPTIONS.get(language, language),
                "url": url_for("pages.media", signed=signed, name=name),
            }
            for language, name in sorted(video.captions.items(), reverse=True)
        ],
        covered=[[start / 1000, end / 1000] for start, end in module.covered],
        resume_at_seconds=module.resume_at_ms / 1000,
    )


def _may_be_of(user_id: int) -> bool:
    """Whether the browser is signed in as this person, or as nobody: some players fetch without cookies.

    Read from the signed cookie alone: a film is some hundred requests, and none of them needs the database.
    """
    kept = session.get("_user_id")
    return kept is None or str(kept).partition(".")[0] == str(user_id)
