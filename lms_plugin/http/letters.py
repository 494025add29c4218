"""E-mail as people get it: their notices in their language, as plain text and HTML, with a way out of further mail."""

from collections.abc import Sequence
from html import escape

from flask import Flask
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from itsdangerous import BadSignature, URLSafeSerializer

from lms_plugin.http.notice_wording import notice_sentence, notice_text
from lms_plugin.services.mailing import Recipient
from lms_plugin.services.ports import Letter
from lms_plugin.storage.notices import Notice

_SALT = "lms-plugin unsubscribe"


class LetterWriter:
    """Writes letters outside of any request; `app` lends its languages and key, `base_url` begins every address."""

    def __init__(self, app: Flask, base_url: str) -> None:
        self._app, self._base_url = app, base_url

    def __call__(self, recipient: Recipient, notices: Sequence[Notice], message_id: str) -> Letter:
        with self._app.app_context(), force_locale(recipient.language):
            return self._written(recipient, notices, message_id)

    def _written(self, recipient: Recipient, notices: Sequence[Notice], message_id: str) -> Letter:
        language = recipient.language
        lines = [
            (
                notice_sentence(one.kind, one.params, language),
                f"{self._base_url}{one.address}" if one.address else "",
                notice_text(one.kind, one.params),
            )
            for one in notices
        ]
        number = len(lines)
        subject = lines[0][0] if number == 1 else ngettext("%(num)s notice for you", "%(num)s notices for you", number)
        greeting = _("Dear %(name)s,", name=recipient.name)
        token = unsubscribe_token(str(self._app.config["SECRET_KEY"]), recipient.user_id)
        leave = f"{self._base_url}/notices/unsubscribe/{token}"
        choose = f"{self._base_url}/notices"
        closing = _("You get this from the service that keeps your class hours. Nobody reads answers to it.")
        text = [greeting, ""]
        for sentence, address, written in lines:
            text += [f"- {sentence}", *(f"  {line}" for line in written.splitlines())]
            text += [f"  {address}"] if address else []
        text += ["", closing, _("How often you get e-mail: %(address)s", address=choose)]
        text += [_("No e-mail any more: %(address)s", address=leave), ""]
        how_often, no_more = _("How often you get e-mail"), _("No e-mail any more")
        items = "".join(
            (f'<li><a href="{escape(address)}">{escape(sentence)}</a>' if address else f"<li>{escape(sentence)}")
            + "".join(f"<br>{escape(line)}" for line in written.splitlines())
            + "</li>"
            for sentence, address, written in lines
        )
        html = (
            f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}"><meta charset="utf-8">'
            f"<title>{escape(subject)}</title><p>{escape(greeting)}</p><ul>{items}</ul><p><small>{escape(closing)}<br>"
            f'<a href="{escape(choose)}">{escape(how_often)}</a> · '
            f'<a href="{escape(leave)}">{escape(no_more)}</a></small></p></html>'
        )
        return Letter(
            to_address=recipient.address,
            to_name=recipient.name,
            subject=_("%(subject)s – Class Hours", subject=subject),
            text="\n".join(text),
            html=html,
            message_id=message_id,
            language="zh-CN" if language == "zh" else "en",
            unsubscribe_address=leave,
        )


def unsubscribe_token(secret_key: str, user_id: int) -> str:
    """What stands in the address that ends e-mail to a person; it does not run out, since letters are kept."""
    return str(URLSafeSerializer(secret_key, salt=_SALT).dumps(user_id))


def unsubscribed(secret_key: str, token: str) -> int | None:
    """Whose e-mail a token ends; None where it is not one of ours."""
    try:
        found = URLSafeSerializer(secret_key, salt=_SALT).loads(token)
    except BadSignature:
        return None
    return found if isinstance(found, int) else None
