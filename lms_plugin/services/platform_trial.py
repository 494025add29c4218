"""Trying out an LTI platform's registration, one thing after the other, so that an admin sees which field is wrong."""

from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.services import lti_platforms
from lms_plugin.services.access import Actor
from lms_plugin.services.lti_signing import Sign
from lms_plugin.services.platforms import Console
from lms_plugin.storage.lti import LtiLink


class Step(StrEnum):
    """What is tried, in this order."""

    KEY_SET = auto()
    TOKEN = auto()
    LINE_ITEMS = auto()
    ROSTER = auto()


class Outcome(StrEnum):
    """`untried` comes with the reason: nothing to try it with, or what comes before it failed."""

    FOUND = "found"
    FAILED = "failed"
    UNTRIED = "untried"


class Untried(StrEnum):
    """Why a step was not tried."""

    NO_TOKEN_URL = auto()
    NO_TOKEN = auto()
    NO_LINK = auto()
    NOT_OFFERED = auto()


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a step: `count` of what was found (keys, line items, people of the first page), or why not.

    `words` are the platform's own, at most 500 characters; `reason` is why it was not tried.
    """

    step: Step
    outcome: Outcome
    count: int | None = None
    words: str = ""
    reason: Untried | None = None


@dataclass(frozen=True, slots=True)
class TrialSubject:
    """What is tried out. The last two are of the link that was launched last; `has_link` False: none ever was."""

    client_id: str
    key_set_url: str
    token_url: str
    token_audience: str
    has_link: bool
    line_items_url: str | None
    memberships_url: str | None


class PlatformTrial(Protocol):
    """Tries a registration out at the platform itself. Nothing is raised for what a platform or the network does."""

    def __call__(self, subject: TrialSubject, sign: Sign) -> tuple[Finding, ...]:
        """One finding for each step."""
        ...


def subject_of(session: Session, by: Actor | Console, key: str) -> TrialSubject:
    """What there is to try out of a platform.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        NotFound: no LTI platform has this key.
    """
    platform = lti_platforms.get(session, by, key)
    links = session.scalars(
        select(LtiLink).where(LtiLink.platform_id == platform.platform_id).order_by(LtiLink.seen_at.desc()).limit(50)
    ).all()
    details = platform.details
    return TrialSubject(
        client_id=details.client_id,
        key_set_url=details.key_set_url,
        token_url=details.token_url,
        token_audience=details.token_audience,
        has_link=bool(links),
        line_items_url=next((one.line_items_url for one in links if one.line_items_url), None),
        memberships_url=next((one.memberships_url for one in links if one.memberships_url), None),
    )
