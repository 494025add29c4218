"""Homework of several learners that a tutor passes at once: the form, with what each of them handed in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import render_template, request

from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.services import access, coursework
from lms_plugin.services.oversight import GroupOverview
from lms_plugin.web.moments import seen_by_id


@dataclass(frozen=True, slots=True)
class Pieces:
    """The form as it was typed: the pieces that are ticked, as ID@INSTANT of what was read, mark and remark."""

    pieces: tuple[str, ...] = ()
    mark: str = ""
    remark: str = ""

    @staticmethod
    def typed() -> "Pieces":
        given = request.form
        return Pieces(tuple(given.getlist("piece")), given.get("mark", "").strip(), given.get("remark", ""))

    @property
    def ticked(self) -> list[tuple[int, datetime]]:
        """The pieces with when what the tutor read was handed in; whatever is none is left out."""
        return sorted(seen_by_id(self.pieces).items())

    def has(self, value: str) -> bool:
        return value in self.pieces


def pieces_page(
    class_group_id: int, overview: GroupOverview, chosen: Sequence[int], form: Pieces, errors: Mapping[str, str]
) -> str:
    """The homework of the chosen learners that waits, each piece to be read and ticked."""
    actor, shared, wanted = current_actor(), context(), set(chosen)
    with shared.database.reading() as store:
        group = access.tutored_group(store, actor, class_group_id)
        waiting = coursework.to_mark(store, actor, shared.clock())
    return render_template(
        "tutor_pass.html",
        group=group,
        found=[one for one in waiting if one.row.enrolment_id in wanted],
        recipients=",".join(str(one) for one in chosen),
        form=form,
        errors=errors,
        longest=coursework.LONGEST_REMARK,
    )
