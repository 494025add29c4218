"""Films, from addresses that are signed for one person and run out."""

import re
from collections.abc import Iterable
from functools import partial
from types import SimpleNamespace

from flask import redirect, request, send_from_directory, session, url_for
from flask.typing import ResponseReturnValue

from lms_plugin.domain.errors import NotFound, Refusal, Unavailable
from lms_plugin.domain.watching import Stretch
from lms_plugin.http.context import context
from lms_plugin.http.media_address import SERVED, MediaGrant
from lms_plugin.services import deliveries
from lms_plugin.services.deliveries import Delivery
from lms_plugin.services.study import StudyModule
from lms_plugin.video.manifest import PackageBroken
from lms_plugin.video.timeline import stretch_of

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
_FILM_ITSELF = (".m3u8", ".ts")


def media(signed: str, name: str) -> ResponseReturnValue:
    """One file of a film package, by a name that a package can have; in whole or in ranges.

    Where another server sends the films, whoever asks for the film itself is shown there. Where deliveries are to be
    recorded, a media segment is recorded before it goes out.

    Raises:
        NotFound: the address is forged, too old, another signed-in person's, or names no file of the film.
        Unavailable: the delivery cannot be recorded at present. A player asks again; were the segment sent all the
            same, its seconds would be watched and never count.
    """
    grant = context().media.check(signed)
    if _NAME.fullmatch(name) is None or not _may_be_of(grant.user_id):
        raise NotFound(what="film")
    if _is_elsewhere(grant, name):
        onwards = redirect(f"{context().media_base_url}{request.path}")
        onwards.headers["Cache-Control"] = "no-store"
        return onwards
    response = send_from_directory(
        context().media_root / grant.digest,
        name,
        mimetype=_TYPES[name[name.rindex(".") :]],
        max_age=_SECONDS_KEPT,
        conditional=True,
    )
    response.cache_control.public = False
    response.cache_control.private = True
    if grant.record_deliveries and name.endswith(".ts") and request.method == "GET" and response.status_code in SERVED:
        try:
            _record(grant, name)
        except Refusal:
            response.close()
            raise
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
        held=_stretches(module.held),
        withheld=_stretches(module.withheld),
        resume_at_seconds=module.resume_at_ms / 1000,
    )


def _is_elsewhere(grant: MediaGrant, name: str) -> bool:
    """Whether another server sends this file. Posters and captions, which are small, never leave the service."""
    base = context().media_base_url
    # Asked for by that very name, the service is the other server: sent onwards, the browser would come back here.
    return grant.is_for_outside and name.endswith(_FILM_ITSELF) and base is not None and base != request.host_url[:-1]


def _record(grant: MediaGrant, name: str) -> None:
    shared = context()
    try:
        stretch = stretch_of(shared.media_root, grant.digest, name)
    except PackageBroken as fault:
        raise Unavailable(why=str(fault)) from fault
    if stretch is None or grant.playback_session_id is None:
        raise NotFound(what="film")
    delivery = Delivery(grant.user_id, grant.playback_session_id, *stretch)
    shared.database.transact(partial(deliveries.record, deliveries=[delivery]))


def _stretches(stretches: Iterable[Stretch]) -> list[dict[str, object]]:
    return [{"from": one.from_ms / 1000, "to": one.to_ms / 1000, "reason": one.reason.value} for one in stretches]


def _may_be_of(user_id: int) -> bool:
    """Whether the browser is signed in as this person, or as nobody: some players fetch without cookies.

    Read from the signed cookie alone: a film is some hundred requests, and none of them needs the database.
    """
    kept = session.get("_user_id")
    return kept is None or str(kept).partition(".")[0] == str(user_id)
