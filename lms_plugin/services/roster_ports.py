"""What services ask of platforms about who is there; adapters implement it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from lms_plugin.domain.errors import Unavailable

INSTRUCTOR, LEARNER = "instructor", "learner"


class PlatformUnread(Unavailable):
    """A platform gave no list of its people, or only a part of it; `words` says why. Nothing was changed."""

    code = "platform_unread"


@dataclass(frozen=True, slots=True)
class PlatformEnrolment:
    """Somebody in a course of Open edX, by user name; `is_active` is false for one who has left it."""

    username: str
    is_active: bool
    mode: str = ""
    created_at: datetime | None = None


class MemberStatus(StrEnum):
    """How somebody's membership stands (NRPS 2.0, 2.3); `Deleted` is told in differences only."""

    ACTIVE = "Active"
    INACTIVE = "Inactive"
    DELETED = "Deleted"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an LTI context: `subject` is the `sub` of launches, `roles` any of INSTRUCTOR and LEARNER.

    `name` is what the platform tells, empty where it tells none. E-mail addresses are not read.
    """

    subject: str
    status: MemberStatus = MemberStatus.ACTIVE
    roles: frozenset[str] = frozenset()
    name: str = ""

    @property
    def role(self) -> str | None:
        """Who teaches is no learner, whatever else they are."""
        return next((one for one in (INSTRUCTOR, LEARNER) if one in self.roles), None)


@dataclass(frozen=True, slots=True)
class Roster:
    """Members by subject; with `is_whole` all there are, else those that changed. `differences_url` is where what
    changes from now on can be asked for, None where the platform tells no differences."""

    members: Mapping[str, Member] = field(default_factory=dict)
    is_whole: bool = True
    differences_url: str | None = None


class RosterSource(Protocol):
    """Reads rosters of LTI platforms."""

    def __call__(self, platform_key: str, memberships_url: str, differences_url: str | None = None) -> Roster:
        """The roster of a context, or (`differences_url`) what has changed in it.

        Raises:
            PlatformUnread: the platform gives no complete list.
            NotFound: no platform with services has this key.
        """


class EnrolmentSource(Protocol):
    """Reads who is in a course of an Open edX platform."""

    def __call__(self, platform_key: str, course_key: str) -> list[PlatformEnrolment]:
        """Everybody who is or was in a course.

        Raises:
            PlatformUnread: the platform gives no complete list.
            NotFound: no such platform is registered.
        """
