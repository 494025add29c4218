"""Enrolments of an Open edX course compared with a programme's, and taken over after somebody has seen them.

Who somebody is here is said by the user name on the LMS that their account has on record, and by nothing else.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict
from lms_plugin.services import access, catalogue, enrolments, quotas
from lms_plugin.services.access import Actor
from lms_plugin.services.enrolments import ACTIVE, NewLearner
from lms_plugin.services.platforms import Console
from lms_plugin.services.portions import portions
from lms_plugin.services.roster_ports import PlatformEnrolment
from lms_plugin.storage.people import User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Person:
    """An account here by its user name there."""

    user_id: int
    username: str
    login: str
    name: str
    region_id: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Who is in a course there, and what that means here; each of them stands in one list.

    `new` would be enrolled. `unknown` and `ambiguous` (two accounts have it) are user names. `inactive_there` are
    enrolled here and have left the course there: they stay, as it is for the office to say that somebody withdraws.
    """

    programme_id: int
    new: tuple[Person, ...] = ()
    enrolled: tuple[Person, ...] = ()
    withdrawn: tuple[Person, ...] = ()
    closed: tuple[Person, ...] = ()
    tutors: tuple[Person, ...] = ()
    inactive_there: tuple[Person, ...] = ()
    unknown: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()


def compare(
    session: Session, by: Actor | Console, programme_key: str, there: Iterable[PlatformEnrolment]
) -> Comparison:
    """Say what taking over enrolments would do, without doing anything.

    Raises:
        NotAllowed: `by` is no office admin without limits of region.
        NotFound: there is no such programme.
    """
    if isinstance(by, Actor):
        access.require_whole_office(by)
    programme_id = catalogue.programme_id_of(session, programme_key)
    rows = {one.username: one for one in there}
    people = _people(session, sorted(rows))
    known = _enrolments(session, programme_id, [one.user_id for some in people.values() for one in some])
    tutors = set(
        session.scalars(
            select(ClassGroupTutor.user_id)
            .join(ClassGroup, ClassGroup.id == ClassGroupTutor.class_group_id)
            .where(ClassGroup.programme_id == programme_id)
        )
    )
    lists: dict[str, list[Person]] = {
        name: [] for name in ("new", "enrolled", "withdrawn", "closed", "tutors", "inactive_there")
    }
    unknown, ambiguous = [], []
    for username in sorted(rows):
        mine = people.get(username, [])
        if len(mine) > 1:
            ambiguous.append(username)
        elif not mine:
            if rows[username].is_active:
                unknown.append(username)
        else:
            (person,) = mine
            name = _list_of(person, rows[username], known.get(person.user_id), tutors)
            if name is not None:
                lists[name].append(person.person)
    return Comparison(
        programme_id,
        unknown=tuple(unknown),
        ambiguous=tuple(ambiguous),
        **{name: tuple(some) for name, some in lists.items()},
    )


def take_over(
    session: Session,
    by: Actor | Console,
    programme_key: str,
    there: Iterable[PlatformEnrolment],
    *,
    origin: str,
    now: datetime,
) -> Comparison:
    """Enrol whoever is active in the course and not enrolled here; gives what was compared, of which `new` is done.

    `origin` says in the history of each enrolment where it comes from.

    Raises:
        NotAllowed, NotFound: as `compare`.
        Conflict: the programme has not so many places (`too_few_places`: wanted, left).
    """
    programme_id = catalogue.programme_id_of(session, programme_key)
    access.lock_programme(session, programme_id)
    found = compare(session, by, programme_key, there)
    current = catalogue.in_force(session, programme_id, now)
    left = quotas.places_of(session, current).left("", "")
    if left is not None and len(found.new) > left:
        raise Conflict("too_few_places", wanted=len(found.new), left=max(0, left))
    enrolments.enrol_many(
        session,
        programme_id,
        [NewLearner(one.user_id, one.region_id) for one in found.new],
        now,
        by_id=by.user_id if isinstance(by, Actor) else None,
        reason=origin[: enrolments.LONGEST_REASON],
    )
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    person: Person
    is_active: bool

    @property
    def user_id(self) -> int:
        return self.person.user_id


def _list_of(known: _Known, there: PlatformEnrolment, state: str | None, tutors: set[int]) -> str | None:
    """In which list of a comparison somebody stands; None for one who is in neither."""
    if not there.is_active:
        return "inactive_there" if state == ACTIVE else None
    if state is not None:
        return "enrolled" if state == ACTIVE else "withdrawn"
    if not known.is_active:
        return "closed"
    return "tutors" if known.user_id in tutors else "new"


def _people(session: Session, usernames: list[str]) -> dict[str, list[_Known]]:
    found: dict[str, list[_Known]] = {}
    for some in portions(usernames, _AT_ONCE):
        rows = session.execute(
            select(User.id, User.lms_username, User.login, User.name, User.region_id, User.is_active)
            .where(User.lms_username.in_(some))
            .order_by(User.id)
        )
        for user_id, username, login, name, region_id, is_active in rows:
            person = Person(user_id, username or "", login, name, region_id)
            found.setdefault(person.username, []).append(_Known(person, is_active))
    return found


def _enrolments(session: Session, programme_id: int, user_ids: list[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in portions(user_ids, _AT_ONCE):
        rows = session.execute(
            select(Enrolment.user_id, Enrolment.state).where(
                Enrolment.programme_id == programme_id, Enrolment.user_id.in_(some)
            )
        )
        found |= dict(rows.tuples().all())
    return found


def figures(found: Comparison) -> Counter[str]:
    """How many stand in each list of a comparison."""
    names = ("new", "enrolled", "withdrawn", "closed", "tutors", "inactive_there", "unknown", "ambiguous")
    return Counter({name: len(getattr(found, name)) for name in names})
