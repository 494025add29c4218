"""Small builders of what tests begin with: regions, people, a programme, enrolments, credit. All take a Session."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.programme import (
    MINUTE_MS,
    Component,
    ComponentKind,
    DiscussionRule,
    Module,
    Programme,
    Text,
    WatchingRule,
    Window,
)
from lms_plugin.domain.watching import Claim
from lms_plugin.services import access, catalogue, hours, viewing
from lms_plugin.services.access import Actor
from lms_plugin.services.catalogue import EncodedFilm, InForce
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.people import Region, RoleGrant, User
from lms_plugin.storage.programmes import ClassGroup, ClassGroupTutor, Enrolment, ModuleRow, ProgrammeRow, Video

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
"""An instant inside the window of `make_programme`: 20:00 in Shanghai."""

FILM_MS = 20 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class RegionTree:
    """Two provinces: one with a city of two counties and three schools, a far one with one of each."""

    province: Region
    city: Region
    county: Region
    school: Region
    second_school: Region
    other_county: Region
    other_school: Region
    far_province: Region
    far_city: Region
    far_county: Region
    far_school: Region


def make_region(session: Session, code: str, level: str, name: str, parent: Region | None = None) -> Region:
    """One region under its parent, with its ancestors' columns."""
    region = Region(code=code, level=level, name=name, parent_id=parent.id if parent else None)
    if parent is not None:
        region.province_id, region.city_id, region.county_id = parent.province_id, parent.city_id, parent.county_id
    session.add(region)
    session.flush()
    if level != "school":
        setattr(region, f"{level}_id", region.id)
        session.flush()
    return region


def make_region_tree(session: Session) -> RegionTree:
    province = make_region(session, "530000", "province", "云南省")
    city = make_region(session, "530100", "city", "昆明市", province)
    county = make_region(session, "530102", "county", "五华区", city)
    other_county = make_region(session, "530103", "county", "盘龙区", city)
    far_province = make_region(session, "620000", "province", "甘肃省")
    far_city = make_region(session, "621200", "city", "陇南市", far_province)
    far_county = make_region(session, "621202", "county", "武都区", far_city)
    return RegionTree(
        province=province,
        city=city,
        county=county,
        school=make_region(session, "530102-001", "school", "莲华小学", county),
        second_school=make_region(session, "530102-002", "school", "厂口中学", county),
        other_county=other_county,
        other_school=make_region(session, "530103-001", "school", "松华小学", other_county),
        far_province=far_province,
        far_city=far_city,
        far_county=far_county,
        far_school=make_region(session, "621202-001", "school", "角弓中学", far_county),
    )


def make_user(
    session: Session,
    login: str = "wang.li",
    *roles: str,
    name: str = "王丽",
    region: Region | None = None,
    scope: Region | None = None,
    now: datetime = NOW,
    **columns: Any,
) -> User:
    """A person with roles (a learner where none is named); `scope` limits every role to a region and all below it."""
    user = User(login=login, name=name, region_id=region.id if region else None, created_at=now, **columns)
    session.add(user)
    session.flush()
    for role in roles or (access.LEARNER,):
        session.add(RoleGrant(user_id=user.id, role=role, region_id=scope.id if scope else None))
    session.flush()
    return user


def actor_for(session: Session, user: User) -> Actor:
    return access.actor_of(session, user.id)


def make_programme(key: str = "rural", **changes: Any) -> Programme:
    """A programme of two modules: 2 class hours of films, 1 of discussion (three posts), open from 1 November to
    31 January; `changes` replace fields of the value."""
    programme = Programme(
        key=key,
        title=Text("农村教师远程培训", "Remote training of rural teachers"),
        description=Text("面向农村中小学教师。", "For teachers of rural schools."),
        window=Window(date(2026, 11, 1), date(2027, 2, 1)),
        components=(
            Component("video", ComponentKind.VIDEO, Text("课程视频", "Films"), Decimal(2)),
            Component("discussion", ComponentKind.DISCUSSION, Text("研讨", "Discussion"), Decimal(1)),
        ),
        total_class_hours=Decimal(3),
        watching=WatchingRule(),
        discussion=DiscussionRule(),
        modules=(
            Module("reading", Text("读懂学生", "Understanding pupils")),
            Module("teaching", Text("上好一课", "Teaching a lesson well")),
        ),
    )
    return replace(programme, **changes)


def make_film(key: str, duration_ms: int = FILM_MS) -> EncodedFilm:
    return EncodedFilm(hashlib.sha256(f"{key} {duration_ms}".encode()).hexdigest(), duration_ms, {"zh": "zh.vtt"})


def publish(
    session: Session,
    programme: Programme | None = None,
    *,
    durations_ms: Mapping[str, int] | None = None,
    now: datetime = NOW,
) -> InForce:
    """Publish a programme with a film of 20 minutes per module, or those named by module key in `durations_ms`."""
    programme = programme or make_programme()
    lengths = {module.key: FILM_MS for module in programme.modules} if durations_ms is None else durations_ms
    films = {key: make_film(f"{programme.key}/{key}", duration_ms) for key, duration_ms in lengths.items()}
    return catalogue.in_force(session, catalogue.publish(session, programme, films, now).programme_id, now)


def make_class_group(session: Session, current: InForce, name: str = "一班", *tutors: User) -> ClassGroup:
    group = ClassGroup(programme_id=current.id, name=name)
    session.add(group)
    session.flush()
    session.add_all(ClassGroupTutor(class_group_id=group.id, user_id=tutor.id) for tutor in tutors)
    session.flush()
    return group


def enrol(
    session: Session,
    user: User,
    current: InForce,
    *,
    group: ClassGroup | None = None,
    now: datetime = NOW,
) -> Enrolment:
    """Enrol somebody, with the region they teach in at this moment."""
    enrolment = Enrolment(
        user_id=user.id,
        programme_id=current.id,
        class_group_id=group.id if group else None,
        region_id=user.region_id,
        enrolled_at=now,
    )
    session.add(enrolment)
    session.flush()
    session.refresh(enrolment)
    return enrolment


def credit(
    session: Session,
    enrolment: Enrolment,
    amount_ms: int,
    component_key: str = "video",
    *,
    source_id: str = "1",
    now: datetime = NOW,
) -> CreditEntryRow:
    """Enter credit in the ledger, as a decision would."""
    entered = hours.Credit(component_key, amount_ms, "decision", source_id, "builder/1", {})
    return hours.enter(session, enrolment, catalogue.for_enrolment(session, enrolment, now), entered, now)


def video_of(session: Session, current: InForce, module_key: str = "reading") -> Video:
    """The current film of a module."""
    return session.scalars(
        select(Video)
        .join(ModuleRow, ModuleRow.id == Video.module_id)
        .join(ProgrammeRow, ProgrammeRow.id == ModuleRow.programme_id)
        .where(ProgrammeRow.id == current.id, ModuleRow.key == module_key, Video.is_current)
    ).one()


def watch(
    session: Session,
    actor: Actor,
    enrolment: Enrolment,
    video: Video,
    to_ms: int,
    *,
    from_ms: int = 0,
    opened_at: datetime = NOW,
    playback_session_id: str | None = None,
) -> datetime:
    """Play [from_ms, to_ms) at normal speed in a session of its own, in one beat; gives the instant of that beat.

    A short stretch stays unposted until somebody settles it, as it does for real.
    """
    new_id = playback_session_id or f"play-{enrolment.id}-{video.id}-{from_ms}-{to_ms}"
    viewing.open_session(session, actor, video_id=video.id, enrolment_id=enrolment.id, new_id=new_id, now=opened_at)
    beat_at = opened_at + timedelta(milliseconds=to_ms - from_ms)
    viewing.take_beat(session, actor, new_id, seq=1, claims=[Claim(from_ms, to_ms)], now=beat_at)
    return beat_at
