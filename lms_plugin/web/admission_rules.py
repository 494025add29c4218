"""A programme's rules in plain words, from its data: what the office and the regions go by."""

from flask_babel import gettext as _
from flask_babel import ngettext

from lms_plugin.domain.nomination import NominationRule, deadline_at
from lms_plugin.domain.programme import Group, Programme
from lms_plugin.http.admission_wording import degree_names, title_names
from lms_plugin.web import showing


def rule_lines(programme: Programme, language: str) -> list[tuple[str, str]]:
    """(what, the rule in words) of a programme."""
    lines = [
        (_("Dates"), showing.window(programme.window)),
        (_("In total"), showing.class_hours(showing.figure(programme.total_class_hours))),
        (_("One class hour"), _("%(minutes)s minutes", minutes=programme.class_hour_minutes)),
    ]
    if programme.window_months is not None:
        months = ngettext(
            "%(num)s month from the day of enrolment",
            "%(num)s months from the day of enrolment",
            programme.window_months,
        )
        lines.append((_("Time for each learner"), months))
    lines += [
        (
            one.title.in_language(language),
            showing.class_hours(showing.figure(one.required_class_hours))
            if one.required_class_hours
            else _("no hours of its own"),
        )
        for one in programme.components
    ]
    if programme.places is not None:
        lines.append((_("Places"), str(programme.places)))
    if programme.class_size is not None:
        lines.append((_("Class group"), _("at most %(size)s learners", size=programme.class_size)))
    lines += [(_("Phase"), _group(one, language)) for one in programme.phases]
    lines += [(_("Tier"), _group(one, language)) for one in programme.tiers]
    if programme.nomination is not None:
        lines += _nomination(programme.nomination, programme.window.timezone)
    return lines


def _group(group: Group, language: str) -> str:
    parts = [group.title.in_language(language)]
    if group.opens_on is not None:
        parts.append(_("from %(day)s", day=showing.day(group.opens_on)))
    if group.total_class_hours is not None:
        parts.append(showing.class_hours(showing.figure(group.total_class_hours)))
    if group.places is not None:
        parts.append(ngettext("%(num)s place", "%(num)s places", group.places))
    if group.class_size is not None:
        parts.append(_("at most %(size)s learners", size=group.class_size))
    return " · ".join(parts)


def _nomination(rule: NominationRule, timezone: str) -> list[tuple[str, str]]:
    lines = []
    deadline = deadline_at(rule, timezone)
    if deadline is not None:
        lines.append((_("Nominations until"), showing.moment(deadline)))
    if rule.subjects:
        lines.append((_("Subject taught"), _(", ").join(rule.subjects)))
    if rule.least_degree is not None:
        lines.append((_("Degree"), _("%(least)s or higher", least=degree_names()[rule.least_degree])))
    if rule.least_title is not None:
        lines.append((_("Professional title"), _("%(least)s or higher", least=title_names()[rule.least_title])))
    if rule.least_teaching_years is not None:
        lines.append((_("Years of teaching"), _("at least %(years)s", years=rule.least_teaching_years)))
    ages = [
        _("men up to %(age)s", age=rule.most_age_men) if rule.most_age_men is not None else "",
        _("women up to %(age)s", age=rule.most_age_women) if rule.most_age_women is not None else "",
    ]
    if any(ages):
        lines.append((_("Age when it opens"), _(", ").join(one for one in ages if one)))
    if rule.least_rural_percent is not None:
        share = showing.figure(rule.least_rural_percent)
        lines.append((_("Rural nominees of a region"), _("at least %(share)s %%", share=share)))
    return lines
