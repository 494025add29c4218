"""The text of a tutor's brief in either language, made of its figures; the tutor changes it before it is sent."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_DOWN

from flask_babel import force_locale, format_date
from flask_babel import gettext as _

from lms_plugin.domain.hours import class_hours
from lms_plugin.domain.programme import Text
from lms_plugin.http.figures import figure
from lms_plugin.services.tutor_briefs import BriefFigures


def brief_title(group_name: str, figures: BriefFigures) -> Text:
    """What a brief is called."""
    return _both(lambda _language: _("Brief of %(group)s, %(week)s", group=group_name, week=_week(figures)))


def brief_text(group_name: str, programme: Text, figures: BriefFigures) -> Text:
    """A brief as it is proposed."""
    return _both(lambda language: _text(group_name, programme.in_language(language), figures))


def _text(group_name: str, programme: str, figures: BriefFigures) -> str:
    hours = figure(class_hours(figures.credited_ms, figures.class_hour_ms, rounding=ROUND_DOWN))
    lines = [
        _("%(group)s, “%(programme)s”: the week %(week)s.", group=group_name, programme=programme, week=_week(figures)),
        _(
            "Learners: %(learners)s. Through: %(completed)s. On track: %(on_track)s. Behind: %(behind)s. Not begun:"
            " %(not_started)s.",
            learners=figures.learners,
            completed=figures.completed,
            on_track=figures.on_track,
            behind=figures.behind,
            not_started=figures.not_started,
        ),
        _(
            "Credited this week: %(hours)s class hours. Posts: %(posts)s, of which %(counting)s count.",
            hours=hours,
            posts=figures.posts,
            counting=figures.counting_posts,
        ),
    ]
    if figures.sessions:
        lines.append(
            _(
                "Meetings held: %(sessions)s, with %(attendances)s attendances in all.",
                sessions=figures.sessions,
                attendances=figures.attendances,
            )
        )
    if figures.behind or figures.not_started:
        lines.append(_("Whoever is behind: please plan some evenings this week, and ask when something is unclear."))
    return "\n".join(lines)


def _week(figures: BriefFigures) -> str:
    first = date.fromisoformat(figures.week_on)
    last = first + timedelta(days=6)
    return str(_("%(first)s to %(last)s", first=format_date(first, "medium"), last=format_date(last, "medium")))


def _both(write: Callable[[str], str]) -> Text:
    texts = {}
    for language in ("zh", "en"):
        with force_locale(language):
            texts[language] = str(write(language))
    return Text(texts["zh"], texts["en"])
