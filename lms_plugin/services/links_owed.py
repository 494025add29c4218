"""What LTI platforms are owed of a standing: a report for each of their links that shows it to somebody they know.

A report of a link has the platform's key, the link's context as course key, and `link:{id}` as block key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from lms_plugin.domain import completion, hours
from lms_plugin.domain.completion import Completion
from lms_plugin.domain.hours import Hours, Reached
from lms_plugin.domain.programme import LmsCourse
from lms_plugin.services.outbox import Owed
from lms_plugin.services.portions import portions
from lms_plugin.storage.lti import LtiLink, PlatformAccount
from lms_plugin.storage.outbox import Platform
from lms_plugin.storage.programmes import Enrolment

LINK = "link:"


@dataclass(frozen=True, slots=True)
class Stand:
    """How far an enrolment is in its programme (`module_id` None) or in one of its modules."""

    enrolment_id: int
    module_id: int | None
    ratio: Decimal
    reached: Reached


def stand_in_programme(enrolment_id: int, reckoned: Hours, decided: Completion) -> Stand:
    """The completion ratio, and the hours reached of all that is required."""
    reached_ms, whole_ms = completion.reached_of_whole(reckoned)
    part_ms = whole_ms if decided.complete else reached_ms
    return Stand(enrolment_id, None, decided.ratio, hours.reached(part_ms, whole_ms, reckoned.total.class_hour_ms))


def stand_in_module(
    enrolment_id: int, module_id: int, ratio: Decimal, covered_ms: int, duration_ms: int, class_hour_ms: int
) -> Stand:
    """A film's ratio, and its hours: all of them from the ratio 1 on."""
    part_ms = duration_ms if ratio == 1 else covered_ms
    return Stand(enrolment_id, module_id, ratio, hours.reached(part_ms, duration_ms, class_hour_ms))


def block_key_of(link_id: int) -> str:
    """The block key of a link's reports."""
    return f"{LINK}{link_id}"


def link_id_of(block_key: str) -> int | None:
    """The link that a block key names, None where it is another block's."""
    text = block_key.removeprefix(LINK)
    return int(text) if block_key.startswith(LINK) and text.isascii() and text.isdigit() else None


def of_links(session: Session, stands: Sequence[Stand], *, link_id: int | None = None) -> list[Owed]:
    """What is owed to LTI links for these standings, read with one statement for thousands of them.

    With `link_id` for that link only.
    """
    by_place = {(one.enrolment_id, one.module_id): one for one in stands}
    module_ids = sorted({one.module_id for one in stands if one.module_id is not None})
    shown = [LtiLink.module_id.in_(module_ids)] if module_ids else []
    shown += [LtiLink.module_id.is_(None)] if any(one.module_id is None for one in stands) else []
    owed = []
    for some in portions(sorted({one.enrolment_id for one in stands})):
        query = (
            select(Enrolment.id, LtiLink.module_id, LtiLink.id.label("link_id"), LtiLink.context_id, Platform.key)
            .join(LtiLink, LtiLink.programme_id == Enrolment.programme_id)
            .join(
                PlatformAccount,
                (PlatformAccount.platform_id == LtiLink.platform_id) & (PlatformAccount.user_id == Enrolment.user_id),
            )
            .join(Platform, Platform.id == LtiLink.platform_id)
            .where(Enrolment.id.in_(some), or_(*shown))
            .order_by(Enrolment.id, LtiLink.id)
        )
        if link_id is not None:
            query = query.where(LtiLink.id == link_id)
        for row in session.execute(query):
            stand = by_place.get((row.id, row.module_id))
            if stand is not None:
                course = LmsCourse(row.key, row.context_id)
                owed.append(Owed(row.id, course, block_key_of(row.link_id), stand.ratio, stand.reached))
    return owed
