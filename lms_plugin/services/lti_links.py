"""Resource links of platforms: which programme or module each one shows, and where its scores and roster are."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import NotFound
from lms_plugin.domain.lti_claims import Launch, LaunchRefused
from lms_plugin.domain.lti_claims import Place as NamedPlace
from lms_plugin.domain.programme import Text
from lms_plugin.services import catalogue, owing
from lms_plugin.services.line_items import KNOWN_SECONDS
from lms_plugin.storage.lti import LtiLink
from lms_plugin.storage.programmes import Enrolment, ModuleRow, ProgrammeRow

FORGOTTEN_AFTER = timedelta(seconds=2 * KNOWN_SECONDS)
"""By then no reporter takes a link to be as it was before."""


@dataclass(frozen=True, slots=True)
class LinkPlace:
    """What a link shows: a programme, or (`module_id`) one of its modules; titles as the version in force has them."""

    programme_id: int
    programme_key: str
    programme_title: Text
    module_id: int | None
    module_key: str | None
    module_title: Text | None


def place(session: Session, named: NamedPlace, now: datetime) -> LinkPlace:
    """The programme or module with these keys, in the version in force.

    Raises:
        NotFound: there is none.
    """
    programme_id = catalogue.programme_id_of(session, named.programme_key)
    return _place(session, programme_id, named.module_key, now)


def note(
    session: Session, platform_id: int, launch: Launch, now: datetime, *, user_id: int | None = None
) -> LinkPlace | None:
    """Keep what a launch says of its link; gives what the link shows, None for a link that names no programme.

    A link that names nothing itself shows what it was made for before, by deep linking or by the programme office.
    What the link's platform refused of `user_id`, who has launched, becomes due again.

    Raises:
        LaunchRefused: `lti_place_unknown`, it names a programme or module that is not here.
    """
    found = session.scalar(
        select(LtiLink)
        .where(
            LtiLink.platform_id == platform_id,
            LtiLink.deployment_id == launch.deployment_id,
            LtiLink.context_id == launch.context_id,
            LtiLink.resource_link_id == launch.resource_link_id,
        )
        .with_for_update()
    )
    if launch.place is not None:
        try:
            shown = place(session, launch.place, now)
        except NotFound as refusal:
            named = launch.place
            raise LaunchRefused(
                "lti_place_unknown", programme=named.programme_key, module=named.module_key
            ) from refusal
    elif found is not None:
        key = session.get_one(ModuleRow, found.module_id).key if found.module_id is not None else None
        shown = _place(session, found.programme_id, key, now)
    else:
        return None
    if found is None:
        found = LtiLink(
            platform_id=platform_id,
            deployment_id=launch.deployment_id,
            context_id=launch.context_id,
            resource_link_id=launch.resource_link_id,
        )
        session.add(found)
    shows_something_new = (found.programme_id, found.module_id) != (shown.programme_id, shown.module_id)
    found.programme_id, found.module_id, found.seen_at = shown.programme_id, shown.module_id, now
    found.context_title = launch.context_title or found.context_title or ""
    # What a launch leaves out stays: some platforms say it to some people only.
    line_item_before = found.line_item_url
    if launch.scores is not None:
        found.line_item_url = launch.scores.line_item_url or found.line_item_url
        found.line_items_url = launch.scores.line_items_url or found.line_items_url
    found.memberships_url = launch.memberships_url or found.memberships_url
    session.flush()
    if user_id is not None:
        owing.owe_launched(session, found.id, user_id, now)
    if shows_something_new:
        found.owe_again_at = now + owing.ONCE_MORE_AFTER
        owing.owe_shown(session, found.id, now)
        owing.owe_link(session, found.id, now)
    if found.line_item_url != line_item_before:
        owing.owe_line_item(session, found.id, now, due_at=now + FORGOTTEN_AFTER)
    return shown


def own_enrolment(session: Session, user_id: int, programme_id: int) -> Enrolment | None:
    """Somebody's enrolment in a programme."""
    mine = select(Enrolment).where(Enrolment.user_id == user_id, Enrolment.programme_id == programme_id)
    return session.scalar(mine)


def _place(session: Session, programme_id: int, module_key: str | None, now: datetime) -> LinkPlace:
    current = catalogue.in_force(session, programme_id, now)
    programme_key = session.get_one(ProgrammeRow, programme_id).key
    if module_key is None:
        return LinkPlace(programme_id, programme_key, current.programme.title, None, None, None)
    for one in catalogue.modules_of(session, current, None):
        if one.module.key == module_key:
            return LinkPlace(programme_id, programme_key, current.programme.title, one.id, module_key, one.module.title)
    raise NotFound(what="module")
