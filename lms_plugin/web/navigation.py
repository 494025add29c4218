"""Where one can go: an area for each role, the pages inside of it, and what waits for the visitor there."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import g, request
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Unavailable
from lms_plugin.http.context import context
from lms_plugin.http.identity import Visitor
from lms_plugin.services import access, posts_to_mark, questions_queue, waiting
from lms_plugin.services.access import Actor

Count = Callable[[Session, Actor, datetime], int]
Sentence = Callable[[int], str]
ANYBODYS = ("hours", "entry", "pace", "tutor_learner")
"""Pages of one learner that tutors and offices see as well."""
POSTS = ("post_history", "edit_post", "remove_post")
"""Pages of a post for whoever wrote it."""

OF_GROUPS = (
    "tutor_selected",
    "tutor_messages",
    "tutor_message",
    "tutor_release_many",
    "tutor_pass_homework",
    "tutor_brief",
    "tutor_trail",
    "handover",
)
"""Pages of one class group of a tutor's."""
OF_MEETINGS = ("calendar", "meeting_edit", "meeting_questions", "meeting_notes")
"""Pages of one meeting, beside its own."""
OF_PLATFORMS = (
    *("platforms", "new_platform", "platform", "try_platform", "confirm_platform", "lti_register"),
    *("rosters", "roster"),
)
"""Pages of LMS platforms; the reports lead to them."""


@dataclass(slots=True)
class Entry:
    """A link of an area; `pages` are the endpoints that it stands for, `waiting` how much waits there."""

    endpoint: str
    label: str
    pages: tuple[str, ...] = ()
    shown: bool = True
    count: Count | None = None
    sentence: Sentence = str
    waiting: int = 0
    is_current: bool = False
    is_here: bool = False

    @property
    def figure(self) -> str:
        """What is waiting, for a badge."""
        return _figure(self.waiting)

    @property
    def task(self) -> str:
        """What is waiting, in words."""
        return self.sentence(self.waiting)


@dataclass(slots=True)
class Area:
    """What one role does: a main entry, and the links inside."""

    label: str
    entries: list[Entry]
    is_current: bool = False

    @property
    def endpoint(self) -> str:
        return self.entries[0].endpoint

    @property
    def tasks(self) -> list[Entry]:
        """The links behind which something waits for the visitor."""
        return [one for one in self.entries if one.waiting]

    @property
    def figure(self) -> str:
        """All that is waiting, for the badge of the links that are folded away."""
        return _figure(sum(one.waiting for one in self.entries))

    @property
    def chosen(self) -> Entry | None:
        """The link that stands for the page."""
        return next((one for one in self.entries if one.is_current), None)


@dataclass(frozen=True, slots=True)
class Navigation:
    """The areas of the visitor, and the one that the page belongs to."""

    areas: list[Area]
    current: Area | None


def navigation() -> Navigation:
    """The visitor's ways, put together once in a request; whatever waits is counted in the area of the page only."""
    if "navigation" not in g:
        g.navigation = _navigation()
    found: Navigation = g.navigation
    return found


def _navigation() -> Navigation:
    if not current_user.is_authenticated:
        return Navigation([], None)
    visitor: Visitor = current_user._get_current_object()
    areas = [_inside(one) for one in _areas_of(visitor)]
    here = (request.endpoint or "").removeprefix("pages.")
    # Whoever tutors or runs a meeting is there for that, also where they learn something themselves.
    order = areas[1:] + areas[:1] if here == "meeting" or here in OF_MEETINGS else areas
    current = next((one for one in order if _holds(one, here)), areas[0] if areas else None)
    if current is not None:
        current.is_current = True
        _count(current, visitor.actor)
    return Navigation(areas, current)


def _areas_of(visitor: Visitor) -> list[Area]:
    made = {
        access.LEARNER: _study,
        access.TUTOR: _tutoring,
        access.OFFICE: lambda: _office(visitor.runs_whole_office),
        access.PROVIDER: _hosting,
    }
    return [make() for role, make in made.items() if role in (visitor.roles or (access.LEARNER,))]


def _inside(area: Area) -> Area:
    area.entries = [one for one in area.entries if one.shown]
    return area


def _holds(area: Area, here: str) -> bool:
    for one in area.entries:
        one.is_here = one.endpoint == f"pages.{here}"
        one.is_current = one.is_here or here in one.pages
        if one.is_current:
            return True
    return False


def _count(area: Area, actor: Actor) -> None:
    counted = [(one, one.count) for one in area.entries if one.count is not None]
    if not counted:
        return
    shared = context()
    try:
        with shared.database.reading() as store:
            for one, count in counted:
                one.waiting = count(store, actor, shared.clock())
    except Unavailable:
        # The page of that error has these links too.
        return


def _figure(number: int) -> str:
    return str(number) if number < waiting.MOST else f"{waiting.MOST - 1}+"


def _study() -> Area:
    studied = ("programme", "disputes", "module", "thread", "study", "new_activity", "activity", "homework")
    own = (*studied, "messages", "questions", "question", *POSTS, *ANYBODYS)
    return Area(
        _("My study"),
        [
            Entry("pages.home", _("My programmes"), own),
            Entry("pages.own_meetings", _("Meetings"), ("meeting_sign_in", "viewings", "meeting", *OF_MEETINGS)),
            Entry("pages.notices", _("Notices")),
        ],
    )


def _tutoring() -> Area:
    return Area(
        _("Tutoring"),
        [
            Entry(
                "pages.tutor",
                _("Class groups"),
                ("release", "tutor_module", "tutor_thread", *OF_GROUPS, *POSTS, *ANYBODYS),
            ),
            Entry(
                "pages.tutor_questions",
                _("Questions"),
                ("tutor_question", "mark_reply", "merge_question", "promote_question", "tutor_faq"),
                count=lambda store, actor, now: questions_queue.waiting_questions(store, actor)[0],
                sentence=lambda num: ngettext("%(num)s question to answer", "%(num)s questions to answer", num),
            ),
            Entry(
                "pages.tutor_meetings",
                _("Meetings"),
                ("meeting", *OF_MEETINGS),
                count=waiting.attendance_lists,
                sentence=lambda num: ngettext(
                    "%(num)s attendance list to confirm", "%(num)s attendance lists to confirm", num
                ),
            ),
            Entry(
                "pages.tutor_coursework",
                _("Homework"),
                ("tutor_work",),
                count=lambda store, actor, now: waiting.homework(store, actor),
                sentence=lambda num: ngettext(
                    "%(num)s piece of homework to mark", "%(num)s pieces of homework to mark", num
                ),
            ),
            Entry(
                "pages.tutor_posts",
                _("Posts to mark"),
                ("tutor_post",),
                count=lambda store, actor, now: posts_to_mark.waiting_posts(store, actor),
                sentence=lambda num: ngettext("%(num)s post to look at", "%(num)s posts to look at", num),
            ),
            Entry(
                "pages.tutor_disputes",
                _("Disputes"),
                ("proposal",),
                count=lambda store, actor, now: waiting.proposals(store, actor),
                sentence=lambda num: ngettext("%(num)s dispute to answer", "%(num)s disputes to answer", num),
            ),
        ],
    )


def _office(whole: bool) -> Area:
    return Area(
        _("Programme office"),
        [
            Entry("pages.office", _("Completion"), ANYBODYS),
            Entry("pages.brief", _("Progress brief"), ("briefs_sent",)),
            Entry(
                "pages.admission_programmes",
                _("Admission"),
                (
                    "admission",
                    "admission_quotas",
                    "admission_decide",
                    "admission_nominations",
                    "admission_nomination",
                    "admission_learners",
                    "admission_groups",
                    "admission_group",
                    "office_handover",
                    "admission_enrolment",
                    "admission_receive",
                    "admission_upload",
                    "elsewhere",
                    "remove_elsewhere",
                ),
                count=(lambda store, actor, now: waiting.nominations(store)) if whole else None,
                sentence=lambda num: ngettext("%(num)s nomination to decide", "%(num)s nominations to decide", num),
            ),
            Entry(
                "pages.imports",
                _("Import"),
                ("import_preview", "import_check", "import_confirm", "import_discard", "import_passwords"),
            ),
            Entry("pages.office_meetings", _("Meetings"), ("meeting", "viewings", *OF_MEETINGS)),
            Entry(
                "pages.approvals",
                _("Approvals"),
                ("approval",),
                count=lambda store, actor, now: waiting.approvals(store, actor),
                sentence=lambda num: ngettext(
                    "%(num)s school-based activity to approve", "%(num)s school-based activities to approve", num
                ),
            ),
            Entry("pages.office_placements", _("Placements"), ("end_placement",)),
            Entry("pages.examinations", _("Examinations"), ("examination_file",)),
            Entry(
                "pages.office_disputes",
                _("Disputes"),
                ("decision",),
                count=waiting.decisions,
                sentence=lambda num: ngettext("%(num)s dispute to decide", "%(num)s disputes to decide", num),
            ),
            Entry("pages.office_faq", _("FAQ"), ("withdraw_faq",)),
            Entry("pages.office_trail", _("What tutors did")),
            Entry("pages.deliveries", _("LMS reports"), ("retry", "retry_platform", *OF_PLATFORMS), shown=whole),
        ],
    )


def _hosting() -> Area:
    return Area(_("Placements with me"), [Entry("pages.placements", _("Placements with me"), ("placement_month",))])
