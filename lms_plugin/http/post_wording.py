"""Words of what becomes of posts: refusals, marks, changes, and the entries that they cause."""

from flask_babel import gettext as _
from flask_babel import ngettext

from lms_plugin.domain.errors import Refusal
from lms_plugin.domain.post_credit import Mark
from lms_plugin.domain.programme import MINUTE_MS
from lms_plugin.services import post_changes
from lms_plugin.storage.ledger import CreditEntryRow


def post_refusals(refusal: Refusal) -> dict[str, str]:
    """What refusals of edits and marks say, by their codes."""
    return {
        "post_taken_back": _("Its author has taken this post back."),
        "post_is_void": _("This post is void: it stays as it is until its tutor lifts that."),
        "post_own": _("It is your own post: another tutor marks it."),
        "edit_time_over": _("The time in which this post could be edited is over."),
        "mark_unknown": _("A post can be marked as excellent or as void."),
    }


def mark_badge(mark: str) -> tuple[str, str] | None:
    """A mark as a badge's kind and words; None where there is none."""
    words = {Mark.EXCELLENT: ("ok", _("Excellent")), Mark.VOID: ("bad", _("Void"))}
    return words.get(Mark(mark))


def change_words(kind: str) -> str:
    """What became of a post."""
    words = {
        post_changes.EDITED: _("Edited"),
        post_changes.TAKEN_BACK: _("Taken back by its author"),
        post_changes.EXCELLENT: _("Marked as excellent"),
        post_changes.EXCELLENT_WITHDRAWN: _("Mark of excellence withdrawn"),
        post_changes.VOID: _("Made void"),
        post_changes.VOID_LIFTED: _("Void lifted"),
    }
    return str(words[kind])


def credit_words(amount_ms: int) -> str:
    """Credit of a post in whole minutes."""
    return str(ngettext("%(num)s minute", "%(num)s minutes", amount_ms // MINUTE_MS))


def post_sentence(row: CreditEntryRow, module: str) -> str:
    """Where an entry comes from that an edit, a mark or a taking back wrote."""
    thread = str(row.detail.get("title", ""))
    sentences = {
        post_changes.EDITED: _(
            "Post in “%(thread)s” (%(module)s) edited and judged anew", thread=thread, module=module
        ),
        post_changes.TAKEN_BACK: _(
            "Post in “%(thread)s” (%(module)s) taken back by its author", thread=thread, module=module
        ),
        post_changes.EXCELLENT: _("Excellent post in “%(thread)s” (%(module)s)", thread=thread, module=module),
        post_changes.EXCELLENT_WITHDRAWN: _(
            "Post in “%(thread)s” (%(module)s) no longer marked as excellent", thread=thread, module=module
        ),
        post_changes.VOID: _("Post in “%(thread)s” (%(module)s) made void", thread=thread, module=module),
        post_changes.VOID_LIFTED: _(
            "Post in “%(thread)s” (%(module)s) counts again: the void was lifted", thread=thread, module=module
        ),
    }
    return str(sentences[str(row.detail.get("what"))])
