"""People one by one: making accounts, granting roles, closing accounts, and the names of regions."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotFound
from lms_plugin.services import passwords
from lms_plugin.services.access import ROLES, Grant
from lms_plugin.storage.people import ApiToken, Region, RoleGrant, User

LANGUAGES = ("zh", "en")
LONGEST_LOGIN, LONGEST_NAME, LONGEST_EMAIL, LONGEST_LMS_USERNAME = 80, 120, 254, 150

_LOGIN = re.compile(r"[\w.@+-]{2,80}")
_EMAIL = re.compile(r"[^@\s,;<>\"']+@[^@\s,;<>\"']+\.[^@\s,;<>\"'.]+")
_LMS_USERNAME = re.compile(r"[\w.@+-]{1,150}")


@dataclass(frozen=True, slots=True)
class NewPerson:
    """What is known of a person before the account exists; `region_id` is where they teach or work."""

    login: str
    name: str
    grants: tuple[Grant, ...]
    email: str | None = None
    language: str = "zh"
    region_id: int | None = None
    lms_username: str | None = None


def create_user(session: Session, person: NewPerson, password: str | None, now: datetime) -> User:
    """Make an account; without a password its owner can only come in through an LMS.

    Raises:
        Malformed: `login_malformed`, `name_malformed`, `email_malformed`, `language_unknown`,
            `lms_username_malformed`, `role_unknown`, or a rule of passwords is broken.
        Conflict: `login_taken`.
    """
    login = passwords.normal_login(person.login)
    for code in faults_of(person):
        raise Malformed(code)
    if password is not None:
        passwords.check_rules(password, login)
    if session.scalar(select(User.id).where(User.login == login)) is not None:
        raise Conflict("login_taken", login=login)
    user = User(
        login=login,
        name=person.name.strip(),
        password_hash=passwords.hash_password(password) if password is not None else None,
        email=person.email,
        language=person.language,
        region_id=person.region_id,
        lms_username=person.lms_username,
        created_at=now,
    )
    session.add(user)
    session.flush()
    for one in person.grants:
        grant_role(session, user.id, one)
    return user


def create_many(session: Session, several: Sequence[NewPerson], now: datetime) -> list[int]:
    """Make accounts without passwords, in few statements; gives their ids in the same order.

    Raises:
        Malformed: as `create_user`, for the first one that is.
        Conflict: `login_taken`.
    """
    for person in several:
        for code in faults_of(person):
            raise Malformed(code)
    logins = [passwords.normal_login(person.login) for person in several]
    taken = session.scalar(select(User.login).where(User.login.in_(logins)).limit(1)) if several else None
    if taken is not None or len(set(logins)) != len(logins):
        raise Conflict("login_taken", login=taken or "")
    rows = [
        {
            "login": login,
            "name": person.name.strip(),
            "email": person.email,
            "language": person.language,
            "region_id": person.region_id,
            "lms_username": person.lms_username,
            "created_at": now,
        }
        for login, person in zip(logins, several, strict=True)
    ]
    if not rows:
        return []
    made = dict(session.execute(insert(User).returning(User.login, User.id), rows).tuples().all())
    grants = [
        {"user_id": made[login], "role": grant.role, "region_id": grant.region_id}
        for login, person in zip(logins, several, strict=True)
        for grant in person.grants
    ]
    if grants:
        session.execute(insert(RoleGrant), grants)
    return [made[login] for login in logins]


def faults_of(person: NewPerson) -> list[str]:
    """Codes of all that is wrong with the form of a person's particulars."""
    faults = []
    if not _LOGIN.fullmatch(passwords.normal_login(person.login)):
        faults.append("login_malformed")
    name = person.name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        faults.append("name_malformed")
    if person.email is not None and (len(person.email) > LONGEST_EMAIL or not _EMAIL.fullmatch(person.email)):
        faults.append("email_malformed")
    if person.language not in LANGUAGES:
        faults.append("language_unknown")
    if person.lms_username is not None and not _LMS_USERNAME.fullmatch(person.lms_username):
        faults.append("lms_username_malformed")
    if any(grant.role not in ROLES for grant in person.grants):
        faults.append("role_unknown")
    return faults


def user_by_login(session: Session, login: str) -> User:
    """The account with a login, in any capitals.

    Raises:
        NotFound: there is none.
    """
    user = session.scalar(select(User).where(User.login == passwords.normal_login(login)))
    if user is None:
        raise NotFound(what="user", login=login)
    return user


def grant_role(session: Session, user_id: int, grant: Grant) -> bool:
    """Give somebody a role; False where they have exactly this one already."""
    # The unique constraint does not hold for the role everywhere: NULLs are distinct.
    same_region = RoleGrant.region_id.is_(None) if grant.region_id is None else RoleGrant.region_id == grant.region_id
    known = select(RoleGrant.id).where(RoleGrant.user_id == user_id, RoleGrant.role == grant.role, same_region)
    if session.scalar(known) is not None:
        return False
    session.add(RoleGrant(user_id=user_id, role=grant.role, region_id=grant.region_id))
    session.flush()
    return True


def close_account(session: Session, user_id: int) -> None:
    """Close an account: every sign-in and token of it ends; its hours and posts stay.

    Raises:
        NotFound: there is no such account.
    """
    user = session.get(User, user_id, with_for_update=True, populate_existing=True)
    if user is None:
        raise NotFound(what="user")
    if user.is_active:
        user.is_active = False
        user.sign_in_epoch += 1
        session.execute(delete(ApiToken).where(ApiToken.user_id == user.id))
        session.flush()


def reopen_account(session: Session, user_id: int) -> None:
    """Let somebody with a closed account sign in again.

    Raises:
        NotFound: there is no such account.
    """
    user = session.get(User, user_id, with_for_update=True, populate_existing=True)
    if user is None:
        raise NotFound(what="user")
    user.is_active = True
    session.flush()


def region_by_code(session: Session, code: str) -> Region:
    """The region with a code.

    Raises:
        NotFound: there is none.
    """
    region = session.scalar(select(Region).where(Region.code == code))
    if region is None:
        raise NotFound(what="region", region_code=code)
    return region


def region_names(session: Session, region_ids: Iterable[int]) -> dict[int, str]:
    """The names of regions by id."""
    wanted = set(region_ids)
    if not wanted:
        return {}
    return {row.id: row.name for row in session.execute(select(Region.id, Region.name).where(Region.id.in_(wanted)))}
