"""A tutor's brief (简报) of one class group and week: its figures from the ledger, and the texts that were sent."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from lms_plugin.domain.errors import Malformed
from lms_plugin.domain.modes import week_of
from lms_plugin.domain.pace import PaceState
from lms_plugin.domain.programme import Window
from lms_plugin.services import access, notices, oversight, tutor_messages
from lms_plugin.services.access import OFFICE, Actor
from lms_plugin.services.meeting_signing import SETTLED
from lms_plugin.services.meetings import CONFIRMED
from lms_plugin.services.notices import NewNotice
from lms_plugin.services.oversight import GroupOverview
from lms_plugin.services.trail import BRIEF_SENT, note_action
from lms_plugin.services.tutor_messages import LONGEST_BODY, LONGEST_TITLE, Filled
from lms_plugin.services.tutoring_waits import learners_of
from lms_plugin.storage.activity import Post
from lms_plugin.storage.ledger import CreditEntryRow
from lms_plugin.storage.people import Region, RoleGrant, User
from lms_plugin.storage.programmes import ClassGroup, Enrolment
from lms_plugin.storage.study import Meeting, MeetingGroup, SignIn
from lms_plugin.storage.tutoring import TutorBrief

GROUP, TO_OFFICE = "group", "office"
AUDIENCES = (GROUP, TO_OFFICE)
NOTICE = "tutor_brief"
LISTED = 50

_Other = aliased(Enrolment, name="in_group")


@dataclass(frozen=True, slots=True)
class BriefFigures:
    """What a brief says of a class group: where its learners stand now, and what the week brought so far."""

    week_on: str
    learners: int
    completed: int
    on_track: int
    behind: int
    not_started: int
    credited_ms: int
    class_hour_ms: int
    posts: int
    counting_posts: int
    sessions: int
    attendances: int


@dataclass(frozen=True, slots=True)
class NewBrief:
    """A brief about to be sent, in both languages. `once` names the form it comes from."""

    audience: str
    title_zh: str
    title_en: str
    text_zh: str
    text_en: str
    once: str


@dataclass(frozen=True, slots=True)
class SentBrief:
    """A brief as it was sent."""

    row: TutorBrief
    author_name: str
    group_name: str


def figures_of(session: Session, actor: Actor, class_group_id: int, now: datetime) -> BriefFigures:
    """The figures of a class group that the actor tutors, of the week of `now`; callers settle what was watched first.

    Raises:
        NotFound: they do not, or there is none.
    """
    overview = oversight.group_overview(session, actor, class_group_id, now)
    return _figures(session, overview, now)


def send(session: Session, actor: Actor, class_group_id: int, new: NewBrief, now: datetime) -> tuple[int, bool]:
    """Send a brief to the learners of the group, each in their language, or to the offices that answer for all of them;
    gives its id, and whether this call sent it.

    Raises:
        NotFound: the actor does not tutor the group.
        Malformed: `audience_unknown`, `brief_text_missing` or `brief_text_too_long` (longest) with the `field`;
            `no_recipients`.
    """
    group = access.tutored_group(session, actor, class_group_id)
    overview = oversight.group_overview(session, actor, class_group_id, now)
    if new.audience not in AUDIENCES:
        raise Malformed("audience_unknown", field="audience")
    texts = {language: _checked(text, f"text_{language}") for language, text in _by_language(new)}
    # Whoever sends at the same moment from the same form waits here, and then sees that it was sent.
    session.refresh(group, with_for_update={"key_share": True})
    known = select(TutorBrief.id).where(TutorBrief.author_id == actor.user_id, TutorBrief.once == new.once)
    sent_before = session.scalar(known)
    if sent_before is not None:
        return sent_before, False
    figures = _figures(session, overview, now)
    row = TutorBrief(
        class_group_id=group.id,
        week_on=date.fromisoformat(figures.week_on),
        audience=new.audience,
        author_id=actor.user_id,
        on_behalf_of_id=actor.stands_in_for(group.id),
        once=new.once,
        text_zh=texts["zh"],
        text_en=texts["en"],
        figures=asdict(figures),
        sent_at=now,
    )
    session.add(row)
    session.flush()
    if new.audience == GROUP:
        row.message_id = _to_group(session, actor, overview, new, texts, now)
    else:
        _to_office(session, actor, group, row, now)
    params = {"audience": new.audience, "week_on": figures.week_on}
    note_action(session, actor, BRIEF_SENT, f"brief/{row.id}", None, now, class_group_id=group.id, **params)
    session.flush()
    return row.id, True


def sent_of_group(session: Session, actor: Actor, class_group_id: int) -> list[SentBrief]:
    """The latest briefs of a class group that the actor tutors, the newest first.

    Raises:
        NotFound: they do not, or there is none.
    """
    access.tutored_group(session, actor, class_group_id)
    return _listed(session, _briefs().where(TutorBrief.class_group_id == class_group_id))


def for_office(session: Session, actor: Actor) -> list[SentBrief]:
    """The latest briefs to the office, of class groups all of whose learners an office admin answers for.

    Raises:
        NotAllowed: the person is no office admin.
    """
    scope = access.office_scope(actor)
    wanted = _briefs().where(TutorBrief.audience == TO_OFFICE)
    if scope.region_ids is not None:
        inside = access.in_scope(scope, _Other.region_id)
        in_group = exists().where(
            _Other.programme_id == ClassGroup.programme_id, _Other.class_group_id == TutorBrief.class_group_id
        )
        wanted = wanted.where(in_group.where(inside), ~in_group.where(_Other.region_id.is_(None) | ~inside))
    return _listed(session, wanted)


def week_window(programme_window: Window, now: datetime) -> Window:
    """The week of `now` as a window: Monday to Sunday in the programme's time zone."""
    monday = week_of(programme_window.day_of(now))
    return Window(monday, monday + timedelta(days=7), programme_window.timezone)


def _figures(session: Session, overview: GroupOverview, now: datetime) -> BriefFigures:
    week = week_window(overview.programme.window, now)
    states = [one.keeping.state for one in overview.learners]
    mine = learners_of([overview.id])
    credited_ms = session.scalar(
        select(func.coalesce(func.sum(CreditEntryRow.amount_ms), 0))
        .join(Enrolment, Enrolment.id == CreditEntryRow.enrolment_id)
        .where(mine, CreditEntryRow.recorded_at >= week.opens_at, CreditEntryRow.recorded_at < week.closes_at)
    )
    posts, counting = session.execute(
        select(func.count(), func.count().filter(Post.counts))
        .select_from(Post)
        .join(Enrolment, Enrolment.id == Post.enrolment_id)
        .where(mine, Post.created_at >= week.opens_at, Post.created_at < week.closes_at)
    ).one()
    meetings = session.scalars(
        select(Meeting.id)
        .join(MeetingGroup, MeetingGroup.meeting_id == Meeting.id)
        .where(MeetingGroup.class_group_id == overview.id, Meeting.state == CONFIRMED)
        .where(Meeting.starts_at >= week.opens_at, Meeting.starts_at < week.closes_at)
    ).all()
    attendances = session.scalar(
        select(func.count())
        .select_from(SignIn)
        .join(Enrolment, Enrolment.id == SignIn.enrolment_id)
        .where(mine, SignIn.meeting_id.in_(meetings), SignIn.state == SETTLED)
    )
    return BriefFigures(
        week_on=week.opens_on.isoformat(),
        learners=len(states),
        completed=states.count(PaceState.COMPLETE),
        on_track=states.count(PaceState.ON_TRACK),
        behind=states.count(PaceState.BEHIND),
        not_started=states.count(PaceState.NOT_STARTED),
        credited_ms=int(credited_ms or 0),
        class_hour_ms=overview.programme.class_hour_ms,
        posts=posts,
        counting_posts=counting,
        sessions=len(meetings),
        attendances=attendances or 0,
    )


def _to_group(
    session: Session, actor: Actor, overview: GroupOverview, new: NewBrief, texts: dict[str, str], now: datetime
) -> int:
    if not overview.learners:
        raise Malformed("no_recipients")
    people = [one.user_id for one in overview.learners]
    languages = dict(session.execute(select(User.id, User.language).where(User.id.in_(people))).tuples().all())
    titles = {"zh": new.title_zh[:LONGEST_TITLE], "en": new.title_en[:LONGEST_TITLE]}
    filled = [
        Filled(one.enrolment_id, one.user_id, one.name, titles[languages[one.user_id]], texts[languages[one.user_id]])
        for one in overview.learners
    ]
    once = f"brief {new.once}"[:40]
    message_id, _ = tutor_messages.deliver(
        session, actor, overview.id, tutor_messages.BRIEF, titles["zh"], texts["zh"], once, filled, now
    )
    return message_id


def _to_office(session: Session, actor: Actor, group: ClassGroup, row: TutorBrief, now: datetime) -> None:
    regions = session.scalars(
        select(Region).where(Region.id.in_(select(Enrolment.region_id).where(learners_of([group.id])).distinct()))
    ).all()
    shared = set.intersection(*({*one.lineage} for one in regions)) if regions else set()
    admins = session.scalars(
        select(RoleGrant.user_id)
        .join(User, User.id == RoleGrant.user_id)
        .where(RoleGrant.role == OFFICE, User.is_active)
        .where(RoleGrant.region_id.in_(sorted(shared)) | RoleGrant.region_id.is_(None))
        .distinct()
        .order_by(RoleGrant.user_id)
    ).all()
    params = {"tutor": actor.name, "group": group.name, "week_on": row.week_on.isoformat()}
    address = f"/office/brief/sent#brief-{row.id}"
    about = f"brief/{row.id}"
    notices.tell_many(session, [NewNotice(one, NOTICE, about, params, address) for one in admins], now)


def _briefs() -> Select[tuple[TutorBrief, str, str]]:
    return (
        select(TutorBrief, User.name, ClassGroup.name)
        .join(User, User.id == TutorBrief.author_id)
        .join(ClassGroup, ClassGroup.id == TutorBrief.class_group_id)
        .order_by(TutorBrief.id.desc())
        .limit(LISTED)
    )


def _listed(session: Session, query: Select[tuple[TutorBrief, str, str]]) -> list[SentBrief]:
    return [SentBrief(*row) for row in session.execute(query)]


def _by_language(new: NewBrief) -> Iterable[tuple[str, str]]:
    return (("zh", new.text_zh), ("en", new.text_en))


def _checked(text: str, name: str) -> str:
    text = text.strip()
    if not text:
        raise Malformed("brief_text_missing", field=name)
    if len(text) > LONGEST_BODY:
        raise Malformed("brief_text_too_long", field=name, longest=LONGEST_BODY)
    return text
