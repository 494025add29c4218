"""What somebody typed, kept through every error: refused, signed out, or away for too long."""

from dataclasses import dataclass

from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from lms_plugin.web.addresses import comes_from_here, here_or_home
from lms_plugin.web.numbers import as_id

ENDPOINTS = frozenset(
    {
        "pages.module",
        "pages.thread",
        "pages.tutor_module",
        "pages.tutor_thread",
        "pages.edit_post",
        "pages.new_activity",
        "pages.activity",
        "pages.homework",
        "pages.questions",
        "pages.question",
        "pages.tutor_question",
        "pages.promote_question",
        "pages.tutor_message",
        "pages.tutor_learner",
        "pages.tutor_brief",
        "pages.meeting_questions",
        "pages.meeting_question",
        "pages.meeting_notes",
    }
)
_OF_NOTES = ("link", "module", *(f"{name}_{one}" for one in (1, 2, 3) for name in ("asked", "choices")))
_HIDDEN = (
    "reply_to",
    "class_group",
    "kind",
    "day",
    "starts",
    "ends",
    "at_seconds",
    "is_private",
    "key",
    "recipients",
    "once",
    "audience",
    "body_en",
    "action",
    "into",
    *_OF_NOTES,
)
"""Fields that go along unseen: what a draft answers, when and what an activity was, how a question is asked, who gets a
message or brief, what comes with notes."""
_CARRIED = "draft_"


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wrote and has not sent yet: a thread, a reply, an activity, homework, a question.

    `target` is the address it would be posted to, `others` the fields that only some forms have.
    """

    target: str = ""
    title: str = ""
    body: str = ""
    reply_to: str = ""
    class_group: str = ""
    others: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.title.strip() or self.body.strip())

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Names and values of a form that would post it."""
        values = (
            ("title", self.title),
            ("body", self.body),
            ("reply_to", self.reply_to),
            ("class_group", self.class_group),
            *self.others,
        )
        return [(name, value) for name, value in values if value]

    @property
    def hidden_fields(self) -> list[tuple[str, str]]:
        """Those that a form which sends the draft does not show."""
        return [(name, value) for name, value in self.fields if name in _HIDDEN]

    @property
    def carried_fields(self) -> list[tuple[str, str]]:
        """The same under names that a sign-in form can carry along."""
        return [(_CARRIED + name, value) for name, value in self.fields]

    @property
    def reply_to_id(self) -> int | None:
        return as_id(self.reply_to)

    @property
    def class_group_id(self) -> int | None:
        return as_id(self.class_group)


def typed() -> Draft:
    """What the request's form holds, where it is one for writing; nothing where another site sent it."""
    if request.method != "POST" or request.endpoint not in ENDPOINTS or not comes_from_here():
        return Draft()
    try:
        form = request.form
    except HTTPException:
        # Too large, or cut off on the way: there is no form to keep.
        return Draft()
    return _read(form, "", request.path)


def carried() -> Draft:
    """What a sign-in form carried along."""
    return _read(request.form, _CARRIED, here_or_home(request.form.get("next")))


def written() -> Draft:
    """The form of a request that is about to be carried out."""
    return _read(request.form, "", request.path)


def _read(form: MultiDict[str, str], prefix: str, target: str) -> Draft:
    return Draft(
        target=target,
        title=form.get(f"{prefix}title", ""),
        # A question has a name of its own: its form stands beside that of a thread.
        body=form.get(f"{prefix}body") or form.get(f"{prefix}question", ""),
        reply_to=form.get(f"{prefix}reply_to", ""),
        class_group=form.get(f"{prefix}class_group", ""),
        others=tuple((name, form[prefix + name]) for name in _HIDDEN[2:] if form.get(prefix + name)),
    )
