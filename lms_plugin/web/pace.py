"""Pace on pages: a learner's card and page with what each week asked and got, what-if, and a tutor's class group."""

from datetime import timedelta
from decimal import ROUND_DOWN, ROUND_UP

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import format_date, ngettext
from flask_babel import gettext as _

from lms_plugin.domain.hours import class_hours
from lms_plugin.domain.pace import Forecast, PaceState
from lms_plugin.domain.programme import Programme
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.services import access, pace
from lms_plugin.services.oversight import GroupOverview
from lms_plugin.services.pace import Keeping, LearnerPace
from lms_plugin.web import charts, showing
from lms_plugin.web.standing import Standing, standing_of

WEEKS_SHOWN = 13
BADGES = {
    PaceState.COMPLETE: "ok",
    PaceState.ON_TRACK: "ok",
    PaceState.BEHIND: "warn",
    PaceState.NOT_STARTED: "missing",
}


class Telling:
    """A learner's pace in words and figures, for templates."""

    def __init__(self, found: LearnerPace) -> None:
        self.found = found
        self.programme: Programme = found.programme
        self.last_on = self.programme.window.closes_on - timedelta(days=1)

    @property
    def badge(self) -> tuple[str, str]:
        return BADGES[self.found.state], state_name(self.found.state)

    def hours(self, milliseconds: int, *, up: bool = False) -> str:
        """Class hours: credit rounded down, what is missing rounded up."""
        rounding = ROUND_UP if up else ROUND_DOWN
        return showing.figure(class_hours(milliseconds, self.programme.class_hour_ms, rounding=rounding))

    @property
    def sentence(self) -> str:
        """The state in one sentence."""
        found = self.found
        reached, asked = self.hours(found.reached_ms), self.hours(found.asked_ms)
        if found.state is PaceState.COMPLETE:
            return str(_("Everything that this programme requires is reached."))
        if found.is_over:
            return str(
                _(
                    "The programme ended on %(day)s. %(hours)s class hours are missing.",
                    day=showing.day(self.last_on),
                    hours=self.hours(found.remaining_ms, up=True),
                )
            )
        if not found.is_open:
            opens_on = showing.day(self.programme.window.opens_on)
            return str(_("The programme opens on %(day)s; nothing is asked for before.", day=opens_on))
        if found.state is PaceState.NOT_STARTED:
            if not found.asked_ms:
                return str(_("Nothing counts yet, and nothing is asked for so far."))
            return str(_("Nothing counts yet; %(asked)s class hours are asked for by today.", asked=asked))
        if found.state is PaceState.BEHIND:
            return str(
                _(
                    "%(short)s class hours behind: %(reached)s of %(asked)s that are asked for by today.",
                    short=self.hours(found.short_ms, up=True),
                    reached=reached,
                    asked=asked,
                )
            )
        if found.short_ms:
            return str(
                _(
                    "%(reached)s of %(asked)s class hours that are asked for by today. %(short)s short is no more than"
                    " a week's worth: that is on track.",
                    reached=reached,
                    asked=asked,
                    short=self.hours(found.short_ms, up=True),
                )
            )
        return str(
            _("%(reached)s class hours reached; %(asked)s are asked for by today.", reached=reached, asked=asked)
        )

    @property
    def forecast(self) -> str | None:
        """When the last hour comes in; None where there is nothing to foretell."""
        found = self.found
        if not found.is_open or found.state is PaceState.COMPLETE:
            return None
        if found.forecast.finish_on is None:
            return str(_("Nothing was credited in the last four weeks, so no end can be foretold."))
        weekly = self.hours(found.present.weekly_ms)
        return self._when(
            found.forecast,
            _("At the present pace of %(weekly)s class hours a week", weekly=weekly),
        )

    @property
    def needed(self) -> str | None:
        """What a week needs to bring for the end to be in time; None where nothing helps or nothing is missing."""
        if not self.found.needed_weekly_ms or self.found.is_over:
            return None
        needed = self.hours(self.found.needed_weekly_ms, up=True)
        return str(
            ngettext(
                "To finish by %(day)s, %(hours)s class hour a week is needed from now on.",
                "To finish by %(day)s, %(hours)s class hours a week are needed from now on.",
                1 if needed == "1" else 2,
                day=showing.day(self.last_on),
                hours=needed,
            )
        )

    def what_if(self, typed: str) -> tuple[str, bool | None]:
        """The answer to so many class hours a week, and whether that is in time (None: it was no number)."""
        weekly_ms = pace.weekly_ms_of(typed, self.programme.class_hour_ms)
        if weekly_ms is None:
            most = pace.MOST_WEEKLY_HOURS
            return str(_("Please enter class hours a week as a number from 0.01 to %(most)s.", most=most)), None
        answer = self.found.at_weekly(weekly_ms)
        weekly = self.hours(weekly_ms)
        return self._when(answer, _("With %(weekly)s class hours a week from now on", weekly=weekly)), answer.in_time

    def _when(self, answer: Forecast, opening: str) -> str:
        if answer.finish_on is None:
            return str(_("%(opening)s, this would take more than a hundred years.", opening=opening))
        day = showing.day(answer.finish_on)
        if answer.in_time:
            return str(_("%(opening)s, the last hour comes in on %(day)s: in time.", opening=opening, day=day))
        return str(
            _(
                "%(opening)s, the last hour comes in on %(day)s: too late, the programme ends on %(last)s.",
                opening=opening,
                day=day,
                last=showing.day(self.last_on),
            )
        )

    @property
    def chart(self) -> str:
        """The last weeks as bars: what was asked for beside what came in."""
        shown = self.found.weeks[-WEEKS_SHOWN:]
        per_hour = self.programme.class_hour_ms

        def heights(amounts: list[int]) -> list[float]:
            return [round(max(0, one) / per_hour, 2) for one in amounts]

        return charts.bars(
            [format_date(one.week_on, "M/d") for one in shown],
            [
                (_("Asked for"), heights([one.asked_ms for one in shown])),
                (_("Credited"), heights([one.got_ms for one in shown])),
            ],
            text=_("Class hours by week, asked for and credited; the table below has the figures."),
        )


class Keepers:
    """How the learners of a class group keep up, for the tutor's table; `chosen` narrows it to one state."""

    def __init__(self, group: GroupOverview, chosen: str) -> None:
        self._group = group
        self.chosen = chosen if chosen in list(PaceState) else ""
        self.learners = [one for one in group.learners if self.chosen in ("", one.keeping.state)]

    def badge(self, keeping: Keeping) -> tuple[str, str]:
        return BADGES[keeping.state], state_name(keeping.state)

    def short(self, keeping: Keeping) -> str | None:
        """By how many class hours a learner is short of what is asked for by today; None for not at all."""
        if not keeping.short_ms:
            return None
        per_hour = self._group.programme.class_hour_ms
        return showing.figure(class_hours(keeping.short_ms, per_hour, rounding=ROUND_UP))

    @property
    def choices(self) -> list[tuple[str, str, int]]:
        """(state, name, learners) of every choice, beginning with all."""
        states = [one.keeping.state for one in self._group.learners]
        order = (PaceState.BEHIND, PaceState.NOT_STARTED, PaceState.ON_TRACK, PaceState.COMPLETE)
        return [("", _("All"), len(states)), *((one.value, state_name(one), states.count(one)) for one in order)]


def state_name(state: PaceState) -> str:
    return {
        PaceState.COMPLETE: _("Through"),
        PaceState.ON_TRACK: _("On track"),
        PaceState.BEHIND: _("Behind"),
        PaceState.NOT_STARTED: _("Not begun"),
    }[state]


def told(standing: Standing) -> Telling:
    """The pace of an enrolment with the hours it has."""
    with context().database.reading() as store:
        return Telling(pace.of_enrolment(store, standing.enrolment, standing.hours))


def learner(enrolment_id: int) -> ResponseReturnValue:
    """Pace of one enrolment: the state, every week, and what if so much is studied from now on (`weekly`)."""
    actor = current_actor()
    with context().database.reading() as store:
        enrolment = access.visible_enrolment(store, actor, enrolment_id)
    telling, typed = told(standing_of(enrolment_id)), request.args.get("weekly")
    answer, in_time = telling.what_if(typed) if typed is not None else (None, None)
    if "HX-Request" in request.headers:
        return render_template("_what_if.html", answer=answer, in_time=in_time)
    page = render_template(
        "pace.html",
        enrolment=enrolment,
        telling=telling,
        is_own=enrolment.user_id == actor.user_id,
        weekly=typed,
        answer=answer,
        in_time=in_time,
        weeks_shown=WEEKS_SHOWN,
    )
    return (page, 422) if typed is not None and in_time is None else page
