"""An explanation of hours in sentences, in the language of the request: what counts, from what, and why not more."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from lms_plugin.domain.hours import Standing
from lms_plugin.domain.programme import Programme
from lms_plugin.http.entry_wording import dispute_lines, record_facts, record_lines, source_sentence
from lms_plugin.http.figures import clock, clocks, figure
from lms_plugin.http.wording import all_missing_sentence, pending_sentence, stretch_sentence
from lms_plugin.services import post_changes, posting
from lms_plugin.services.explaining import FAILED, LAPSED, MISSED, Basis, ExplainedEntry, Explanation


def explanation_lines(told: Explanation, language: str) -> Iterator[str]:
    """All of an explanation, line by line; two spaces in front of what belongs to the line above."""
    return _Telling(told, language).lines()


class _Telling:
    def __init__(self, told: Explanation, language: str) -> None:
        self._told, self._language = told, language
        self._programme: Programme = told.current.programme
        self._zone = ZoneInfo(self._programme.window.timezone)
        self._modules = {one.key: one.title.in_language(language) for one in self._programme.modules}

    def lines(self) -> Iterator[str]:
        told, found = self._told, self._told.found
        title = self._programme.title.in_language(self._language)
        yield _("Hours of %(name)s (%(login)s): %(programme)s", name=told.name, login=told.login, programme=title)
        yield _(
            "As of %(moment)s, %(zone)s time. One class hour is %(minutes)s minutes.",
            moment=self._moment(found.as_of),
            zone=self._programme.window.timezone,
            minutes=self._programme.class_hour_minutes,
        )
        if told.difference is not None:
            yield _("Ledger and evidence do not agree (lms-plugin hours audit): %(what)s", what=told.difference)
        if told.cut_at is not None:
            yield _(
                "The evidence from before %(moment)s was removed when its time was over; the ledger stays.",
                moment=self._moment(told.cut_at),
            )
        yield ""
        yield _("Class hours")
        for standing in found.hours.components:
            yield from self._component(standing)
        total = found.hours.total
        yield "  " + _(
            "In total: %(hours)s of %(required)s class hours (%(time)s).",
            hours=figure(total.credited_class_hours),
            required=figure(total.required_class_hours),
            time=clock(total.counted_ms),
        )
        if found.completion.complete:
            yield "  " + _("All requirements are met.")
        else:
            yield "  " + all_missing_sentence(found.completion.missing, self._programme, self._language)
        yield ""
        yield _("The ledger")
        for entry in told.entries:
            yield from self._entry(entry)
        if not told.entries:
            yield "  " + _("Nothing has been credited so far.")
        yield (
            "  " + _("End of the chain after %(number)s entries:", number=found.ledger_length) + " " + found.ledger_head
        )
        if told.films:
            yield ""
            yield _("What does not count at present")
            for film in told.films:
                yield "  " + _("Film of “%(module)s”", module=self._module(film.module_key))
                for stretches, held in ((film.held, True), (film.withheld, False)):
                    for reason in dict.fromkeys(one.reason for one in stretches):
                        spans = clocks(tuple((one.from_ms, one.to_ms) for one in stretches if one.reason is reason))
                        sentence = stretch_sentence(reason, held=held)
                        yield f"    {sentence}{'' if sentence.endswith('：') else ' '}{spans}"

    def _component(self, standing: Standing) -> Iterator[str]:
        component = standing.component
        if component is None:
            raise AssertionError("unreachable")
        rows = [one.row for one in self._told.entries if one.row.component_key == component.key]
        added = sum(one.amount_ms for one in rows if one.amount_ms > 0)
        taken = sum(one.amount_ms for one in rows if one.amount_ms < 0)
        yield "  " + _(
            "%(component)s: %(hours)s of %(required)s class hours (%(time)s).",
            component=component.title.in_language(self._language),
            hours=figure(standing.credited_class_hours),
            required=figure(standing.required_class_hours),
            time=clock(standing.counted_ms),
        )
        if rows:
            yield "    " + ngettext(
                "%(num)s entry: %(added)s credited, %(taken)s taken back, %(time)s remain.",
                "%(num)s entries: %(added)s credited, %(taken)s taken back, %(time)s remain.",
                len(rows),
                added=clock(added),
                taken=clock(-taken),
                time=clock(standing.credited_ms),
            )
        if standing.pending_ms:
            yield "    " + pending_sentence(standing)
        over_ms = standing.credited_ms - standing.pending_ms - standing.counted_ms
        if over_ms:
            yield "    " + _(
                "%(time)s more is credited; no more than %(hours)s class hours of this kind count.",
                time=clock(over_ms),
                hours=figure(standing.credited_class_hours),
            )

    def _entry(self, entry: ExplainedEntry) -> Iterator[str]:
        row = entry.row
        sign = "+" if row.amount_ms >= 0 else ""
        source = source_sentence(row, self._programme, self._language)
        yield f"  {row.number}. {self._moment(row.recorded_at)}  {sign}{clock(row.amount_ms)}  " + source
        for sentence in self._grounds(entry):
            yield "     " + sentence
        yield "     " + _("Rule: %(rule)s", rule=row.rule_version)

    def _grounds(self, entry: ExplainedEntry) -> Iterator[str]:
        row, basis = entry.row, entry.basis
        if row.source_kind == posting.WATCHED:
            if basis is None:
                yield _("Playback session %(name)s", name=row.source_id)
            else:
                yield _("Playback session %(name)s: %(what)s", name=row.source_id, what=self._beats(basis))
        elif row.source_kind == posting.TAKEN_BACK:
            yield _("Playback session %(name)s", name=row.source_id)
            for loss in basis.losses if basis is not None else ():
                sentences = {
                    MISSED: _("Presence check %(number)s on %(moment)s was not answered in time."),
                    LAPSED: _(
                        "Presence check %(number)s had run out on %(moment)s while the player was not heard of; it"
                        " counts again with the next right answer."
                    ),
                    FAILED: _("Presence check %(number)s was answered wrongly on %(moment)s, at the last try."),
                }
                yield sentences[loss.kind] % {"number": loss.check, "moment": self._moment(loss.at)}
        elif row.source_kind in (post_changes.POST, post_changes.SOURCE_KIND) and entry.written_at is not None:
            yield _("Written on %(moment)s.", moment=self._moment(entry.written_at))
        if entry.dispute is not None:
            yield from dispute_lines(entry.dispute)
            return
        if entry.record is not None:
            for label, value in record_facts(entry.record, self._programme):
                yield _("%(label)s: %(value)s", label=label, value=value)
            yield from record_lines(entry.record, self._programme)
            if not entry.record.is_correction:
                return
        if entry.decided_by is not None:
            yield _("Decided by %(name)s.", name=entry.decided_by)
        reason = row.detail.get("reason")
        if reason:
            yield _("Reason given: %(reason)s", reason=str(reason))

    def _beats(self, basis: Basis) -> str:
        if basis.first_at is None or basis.last_at is None:
            return str(_("claimed in earlier reports, and counted since"))
        return str(
            ngettext(
                "%(num)s report of the player, %(first)s to %(last)s",
                "%(num)s reports of the player, %(first)s to %(last)s",
                basis.beats,
                first=self._moment(basis.first_at),
                last=self._moment(basis.last_at),
            )
        )

    def _module(self, key: str) -> str:
        return self._modules.get(key, key)

    def _moment(self, instant: datetime) -> str:
        locale, local = get_locale(), instant.astimezone(self._zone)
        day = format_date(local.date(), "medium", locale)
        return str(_("%(day)s %(time)s", day=day, time=format_time(local.time(), "HH:mm:ss", locale=locale)))
