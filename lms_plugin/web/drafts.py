"""What somebody typed, kept through every error: refused, signed out, or away for too long.

Every form of a page is kept, with the value of its button and all it holds unseen, but for files and secrets. It
travels in the browser only, as fields of the form that signs in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request, session
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from lms_plugin.http.security import SIGNED_IN
from lms_plugin.web.addresses import comes_from_here, form_page, here_or_home
from lms_plugin.web.draft_fields import WRITTEN, kind_of, label_of
from lms_plugin.web.numbers import as_id

MOST_BYTES = 400_000
"""As a form sends it: above that the form that signs in could not carry it."""
_CARRIED = "draft_"
_NAMED = ("title", "body", "question", "reply_to", "class_group")
_SECRET_ENDPOINTS = frozenset(
    f"pages.{name}"
    for name in ("login", "logout", "language", "import_passwords", "meeting_sign_in", "calendar", "unsubscribe")
)
_WHILE_TYPING = frozenset({"pages.preview", "pages.alike"})
_ON_THE_WAY_IN = ("pages.lti_", "pages.xblock_", "pages.continue_")
_SECRET_NAMES = ("password", "secret", "csrf_token", "ticket", "proof", "id_token")


@dataclass(frozen=True, slots=True)
class Written:
    """One field of a draft as it is shown; `kind` as the macro that draws fields has it."""

    name: str
    label: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wrote and has not sent yet: a thread, a reply, an activity, homework, a question, any other form.

    `target` is the address it would be posted to, `page` the one its form stands on, `others` the fields that only some
    forms have, `owner` the id of the person whose session it was, where that is known.
    """

    target: str = ""
    title: str = ""
    body: str = ""
    reply_to: str = ""
    class_group: str = ""
    others: tuple[tuple[str, str], ...] = ()
    page: str = ""
    owner: str = ""

    def __bool__(self) -> bool:
        return any(name in WRITTEN and value.strip() for name, value in self.fields)

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
    def written(self) -> list[Written]:
        """What people wrote of it, in the order of the form."""
        return [Written(name, label_of(name), kind_of(name), value) for name, value in self.fields if name in WRITTEN]

    @property
    def hidden_fields(self) -> list[tuple[str, str]]:
        """Those that a form which sends the draft does not show."""
        return [(name, value) for name, value in self.fields if name not in WRITTEN]

    @property
    def carried_fields(self) -> list[tuple[str, str]]:
        """The same under names that a sign-in form can carry along, with where it goes and whose it is."""
        beside = [("target", self.target if self.target != self.page else ""), ("owner", self.owner)]
        return [(name, value) for name, value in beside if value] + [
            (_CARRIED + name, value) for name, value in self.fields
        ]

    @property
    def reply_to_id(self) -> int | None:
        return as_id(self.reply_to)

    @property
    def class_group_id(self) -> int | None:
        return as_id(self.class_group)

    def is_for(self, user_id: int) -> bool:
        """Whether it may be shown to a person who has signed in: not where it was another one's."""
        return self.owner in ("", str(user_id))


def typed() -> Draft:
    """What the request's form holds, where it is a page's form; nothing where another site sent it."""
    endpoint = request.endpoint or ""
    is_kept = (
        endpoint.startswith("pages.")
        and not endpoint.startswith(_ON_THE_WAY_IN)
        and endpoint not in _SECRET_ENDPOINTS | _WHILE_TYPING
    )
    if request.method != "POST" or not is_kept or not comes_from_here():
        return Draft()
    try:
        form = request.form
    except HTTPException:
        # Too large, or cut off on the way: there is no form to keep.
        return Draft()
    owner = str(session.get(SIGNED_IN, "")).partition(".")[0]
    return _within_bounds(_read(form, "", request.path, form_page(), owner))


def carried() -> Draft:
    """What a sign-in form of this host carried along."""
    if not comes_from_here():
        return Draft()
    given = request.form.get
    page = here_or_home(given("next"))
    return _within_bounds(
        _read(request.form, _CARRIED, here_or_home(given("target") or page), page, given("owner", ""))
    )


def written() -> Draft:
    """The form of a request that is about to be carried out."""
    return _read(request.form, "", request.path)


def _read(form: MultiDict[str, str], prefix: str, target: str, page: str = "", owner: str = "") -> Draft:
    return Draft(
        target=target,
        title=form.get(f"{prefix}title", ""),
        # A question has a name of its own: its form stands beside that of a thread.
        body=form.get(f"{prefix}body") or form.get(f"{prefix}question", ""),
        reply_to=form.get(f"{prefix}reply_to", ""),
        class_group=form.get(f"{prefix}class_group", ""),
        others=tuple(_others(form, prefix)),
        page=page,
        owner=owner,
    )


def _others(form: MultiDict[str, str], prefix: str) -> Iterator[tuple[str, str]]:
    for full, value in form.items(multi=True):
        name = full[len(prefix) :]
        is_secret = any(one in name.lower() for one in _SECRET_NAMES)
        if full.startswith(prefix) and value and name not in _NAMED and not is_secret:
            yield name, value


def _within_bounds(draft: Draft) -> Draft:
    return draft if len(urlencode(draft.carried_fields)) <= MOST_BYTES else Draft(target=draft.target, page=draft.page)
