"""Credit entries in words: where one comes from, and what confirmed study and decided disputes rest on."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask_babel import get_locale
from flask_babel import gettext as _

from lms_plugin.domain import intervals
from lms_plugin.domain.elsewhere import ELSEWHERE
from lms_plugin.domain.intervals import Segments
from lms_plugin.domain.programme import Programme
from lms_plugin.http.dispute_wording import amount_words
from lms_plugin.http.elsewhere_wording import elsewhere_facts
from lms_plugin.http.figures import clocks
from lms_plugin.http.post_wording import post_sentence
from lms_plugin.http.study_wording import activity_name, left_out_sentence, span
from lms_plugin.services import disputes, post_changes, posting, record_evidence
from lms_plugin.services.dispute_list import ShownDispute
from lms_plugin.services.record_evidence import RecordBehind, Source
from lms_plugin.storage.ledger import CreditEntryRow


def source_sentence(row: CreditEntryRow, programme: Programme, language: str) -> str:
    """Where an entry comes from."""
    if row.source_kind in record_evidence.KINDS:
        return _study_sentence(row, programme, language)
    if row.source_kind == disputes.SOURCE_KIND:
        if "entry" in row.detail:
            return str(_("Entry %(number)s corrected after a dispute", number=row.detail["entry"]))
        return str(_("Something that was missing, entered after a dispute"))
    module = module_title(row, programme, language)
    spans = clocks(tuple((start, end) for start, end in row.detail.get("segments", ())))
    if row.source_kind == posting.WATCHED:
        return str(_("Watched “%(module)s”, %(spans)s", module=module, spans=spans))
    if row.source_kind == posting.TAKEN_BACK:
        return str(_("Taken back of “%(module)s”, %(spans)s", module=module, spans=spans))
    if row.source_kind == posting.RELEASED:
        return str(_("Confirmed by a tutor: “%(module)s”, %(spans)s", module=module, spans=spans))
    if row.source_kind == post_changes.SOURCE_KIND:
        return post_sentence(row, module)
    if row.source_kind == post_changes.POST:
        thread = str(row.detail.get("title", ""))
        return str(_("Post that counts in “%(thread)s” (%(module)s)", thread=thread, module=module))
    return str(_("Decision %(number)s", number=row.source_id))


def module_title(row: CreditEntryRow, programme: Programme, language: str) -> str:
    """The module of an entry by its title; a module that left the programme by its key."""
    key = str(row.detail.get("module") or "")
    return next((one.title.in_language(language) for one in programme.modules if one.key == key), key)


def record_lines(behind: RecordBehind, programme: Programme) -> Iterator[str]:
    """Who confirmed a study record and when, when one was there, what counts, and what does not and why."""
    record, timezone = behind.record, programme.window.timezone
    confirmed = _moment(record.row.confirmed_at, timezone)
    if record.confirmed_by is not None:
        yield _("Confirmed by %(name)s on %(moment)s.", name=record.confirmed_by, moment=confirmed)
    else:
        yield _("Confirmed by the service itself on %(moment)s.", moment=confirmed)
    if behind.present:
        yield _("Present: %(when)s.", when=_spans(behind.present, timezone))
        if behind.counted:
            yield _("Counted: %(when)s.", when=_spans(behind.counted, timezone))
        else:
            yield _("Nothing of it counts.")
    if behind.is_latest and not record.is_revoked:
        for one in record.left_out:
            yield left_out_sentence(one, programme)
    if behind.because:
        yield _("Changed because: %(reason)s", reason=behind.because)
    elif behind.is_correction:
        yield _("Reckoned again, because something else of the same time was entered or taken back.")
    if not behind.is_latest:
        yield _("Changed since by entry %(number)s.", number=max(behind.others))
    elif record.is_revoked:
        yield _("Taken back on %(moment)s.", moment=_moment(record.row.revoked_at, timezone))


def record_facts(behind: RecordBehind, programme: Programme) -> list[tuple[str, str]]:
    """What is known of the meeting, activity, month, work or reading behind a record: labels and values."""
    vouched = behind.source.vouched
    found = _facts(behind.source, programme.window.timezone) if vouched is None else elsewhere_facts(vouched, programme)
    return [(label, value) for label, value in found if value]


def dispute_lines(shown: ShownDispute) -> Iterator[str]:
    """The words of learner, tutor and admin."""
    row = shown.row
    yield _("What the learner said: %(words)s", words=row.reason)
    if shown.proposed_by is not None:
        yield _(
            "%(name)s proposed to %(amount)s: %(reason)s",
            name=shown.proposed_by,
            amount=amount_words(row.proposed_ms),
            reason=row.proposed_reason,
        )
    if shown.decided_by is not None:
        yield _(
            "%(name)s decided to %(amount)s: %(reason)s",
            name=shown.decided_by,
            amount=amount_words(row.decided_ms),
            reason=row.decided_reason,
        )


def _study_sentence(row: CreditEntryRow, programme: Programme, language: str) -> str:
    detail, timezone = row.detail, programme.window.timezone
    what, because = _study_named(row, programme, language), str(detail.get("because", ""))
    counted = tuple((start, end) for start, end in detail.get("counted", ()))
    if row.amount_ms < 0:
        what = _("Taken back: %(what)s", what=what)
        if counted:
            what = _("%(what)s; what still counts: %(when)s", what=what, when=_spans(counted, timezone))
    elif because or (counted and intervals.length(counted) != row.amount_ms):
        what = _("Changed: %(what)s", what=what)
        if counted:
            what = _("%(what)s; what counts now: %(when)s", what=what, when=_spans(counted, timezone))
    elif counted:
        what = _("%(what)s, %(when)s", what=what, when=_spans(counted, timezone))
    return str(_("%(what)s (reason: %(reason)s)", what=what, reason=because) if because else what)


def _study_named(row: CreditEntryRow, programme: Programme, language: str) -> str:
    title, kind = str(row.detail.get("title", "")), row.source_kind
    if kind == "school_based":
        activity = activity_name(str(row.detail.get("activity", "")))
        return str(_("%(activity)s “%(title)s”", activity=activity, title=title))
    if kind == "placement":
        month = row.source_id.rpartition("/")[2]
        return str(_("Month %(month)s of the placement at %(title)s", month=month, title=title))
    if kind in ("homework", "examination"):
        component = programme.component(row.component_key)
        named = component.title.in_language(language) if component is not None else title
        return str(_("“%(title)s” passed", title=named))
    if kind == "reading":
        # The ledger keeps one title; it is shown in the reader's language where the module is still there.
        named = next((one.title.in_language(language) for one in programme.modules if one.title.zh == title), title)
        return str(_("Read “%(title)s”", title=named))
    if kind == ELSEWHERE:
        return str(_("Completed elsewhere: “%(title)s”", title=title))
    if row.source_id.startswith("makeup/"):
        return str(_("Notes of “%(title)s” read, to make up for it", title=title))
    sentences = {
        "face_to_face": _("Face-to-face session “%(title)s”", title=title),
        "group_viewing": _("Group viewing “%(title)s”", title=title),
        "qna": _("Q&A session “%(title)s”", title=title),
    }
    return str(sentences[kind])


def _facts(source: Source, timezone: str) -> Iterator[tuple[str, str]]:
    if source.meeting is not None:
        meeting, sign_in = source.meeting, source.sign_in
        yield _("Meeting"), meeting.title
        yield _("Held from when to when"), _between(meeting.starts_at, meeting.ends_at, timezone)
        yield _("Place"), meeting.place
        yield _("Led by"), source.leader or ""
        if sign_in is not None:
            yield _("Came in"), _signed(sign_in.in_at, sign_in.in_by, timezone)
            yield _("Went out"), _signed(sign_in.out_at, sign_in.out_by, timezone)
            yield _("Remark on the list"), sign_in.reason
    if source.makeup is not None:
        yield _("Notes opened on"), _moment(source.makeup.opened_at, timezone)
        yield _("Question on them answered on"), _moment(source.makeup.read_at, timezone)
    if source.activity is not None:
        activity = source.activity
        yield _("Kind of school-based study"), activity_name(activity.activity)
        yield _("From when to when"), _between(activity.starts_at, activity.ends_at, timezone)
        yield _("Handed in on"), _moment(activity.submitted_at, timezone)
        for one in source.approvals:
            label = _("Approved by the county") if one.level == "county" else _("Approved by the school")
            yield label, f"{one.name} · {_moment(one.at, timezone)}"
    if source.placement is not None:
        yield _("Placed at"), source.placement.host
        yield _("Mentor there"), source.placement.mentor
    if source.month is not None:
        yield _("Days there"), str(source.month.days_present)
        yield _("What the host says"), source.month.remark
    if source.work is not None:
        work = source.work
        yield _("Attempt number") if work.kind == "examination" else _("Piece number"), str(work.piece)
        yield _("Handed in on"), _moment(work.submitted_at, timezone)
        yield _("Mark given"), "" if work.mark is None else str(work.mark)
        yield _("Remark of who marked it"), work.remark
    if source.reading is not None:
        yield _("Opened on"), _moment(source.reading.opened_at, timezone)
        yield _("Question on it answered on"), _moment(source.reading.read_at, timezone)


def _between(starts_at: datetime, ends_at: datetime, timezone: str) -> str:
    return span(int(starts_at.timestamp() * 1000), int(ends_at.timestamp() * 1000), timezone)


def _signed(at: datetime | None, by: str, timezone: str) -> str:
    if at is None:
        return ""
    moment = _moment(at, timezone)
    if by == "code":
        return str(_("%(moment)s, by the code shown there", moment=moment))
    return str(_("%(moment)s, by the leader’s list", moment=moment))


def _spans(segments: Segments, timezone: str) -> str:
    return str(_(", ").join(span(start, end, timezone) for start, end in segments))


def _moment(instant: datetime | None, timezone: str) -> str:
    if instant is None:
        return ""
    local = instant.astimezone(ZoneInfo(timezone))
    return str(_("%(day)s %(time)s", day=format_date(local.date(), "medium", get_locale()), time=f"{local:%H:%M}"))
