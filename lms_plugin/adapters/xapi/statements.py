"""xAPI 1.0.3 statements of what a learner has done, as plain JSON values; nothing here is drawn or read from a clock.

Watching follows the xAPI Video Profile 1.0 (https://w3id.org/xapi/video, `statement_data_model.md`); standings of
programmes and modules are `progressed` and `completed` of ADL's verbs. A statement's id follows from this installation
and from what the statement is about, its timestamp and contents from what is stored: made again, it is the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from lms_plugin.domain.intervals import Segment
from lms_plugin.domain.programme import Text
from lms_plugin.domain.viewing_steps import Step, StepKind
from lms_plugin.services.experience import Experience, Named, Standing, Watching

Statement = dict[str, Any]

VIDEO_PROFILE = "https://w3id.org/xapi/video"
ADL_VERBS, VIDEO_VERBS = "http://adlnet.gov/expapi/verbs", f"{VIDEO_PROFILE}/verbs"
EXTENSIONS = f"{VIDEO_PROFILE}/extensions"
COURSE, MODULE, PROFILE = (f"http://adlnet.gov/expapi/activities/{kind}" for kind in ("course", "module", "profile"))
VIDEO = f"{VIDEO_PROFILE}/activity-type/video"

COMPLETED, PROGRESSED = f"{ADL_VERBS}/completed", f"{ADL_VERBS}/progressed"
_VERBS = {
    StepKind.INITIALIZED: f"{ADL_VERBS}/initialized",
    StepKind.PLAYED: f"{VIDEO_VERBS}/played",
    StepKind.PAUSED: f"{VIDEO_VERBS}/paused",
    StepKind.SEEKED: f"{VIDEO_VERBS}/seeked",
    StepKind.COMPLETED: COMPLETED,
    StepKind.TERMINATED: f"{ADL_VERBS}/terminated",
}
_WITH_LENGTH = (StepKind.INITIALIZED, StepKind.PAUSED, StepKind.COMPLETED, StepKind.TERMINATED)
"""Whose context must have the film's length and the share it counts as complete from (2.6.2.13, 2.6.2.14)."""
_WITH_PROGRESS = (StepKind.PAUSED, StepKind.COMPLETED, StepKind.TERMINATED)
"""Whose result must have progress and played segments (2.5.4.4, 2.5.4.5)."""
_WITH_SPEED = (StepKind.INITIALIZED, StepKind.PLAYED)

SMALLEST_RATIO, SMALLEST_SHARE = Decimal("0.0001"), Decimal("0.001")


@dataclass(frozen=True)
class Installation:
    """Who speaks: the public address of this service, which people's accounts and activities are named by."""

    base_url: str

    @cached_property
    def namespace(self) -> UUID:
        """Where all ids of this installation are made in."""
        return uuid5(NAMESPACE_URL, f"{self.base_url}/xapi")

    def id_of(self, *about: object) -> str:
        """The id that follows from what something is about (RFC 4122, version 5)."""
        return str(uuid5(self.namespace, "/".join(map(str, about))))

    def actor(self, login: str) -> Statement:
        """A person by their account here; no name and no address of theirs leaves the service."""
        return {"objectType": "Agent", "account": {"homePage": self.base_url, "name": login}}

    def programme_iri(self, programme: Named) -> str:
        return f"{self.base_url}/xapi/programmes/{programme.key}"

    def module_iri(self, programme: Named, module: Named) -> str:
        return f"{self.programme_iri(programme)}/modules/{module.key}"

    def film_iri(self, watching: Watching) -> str:
        """A film by what was filmed: a changed film is another activity."""
        return f"{self.module_iri(watching.programme, watching.module)}/films/{watching.film.digest[:16]}"

    def standing_iri(self, standing: Standing) -> str:
        """The activity of a standing: the module's, or the programme's."""
        if standing.module is None:
            return self.programme_iri(standing.programme)
        return self.module_iri(standing.programme, standing.module)


def sendable_ratio(ratio: Decimal) -> Decimal:
    """A ratio inside 0..1 with four decimals, rounded down so that only the finished read 1."""
    return min(max(ratio, Decimal(0)), Decimal(1)).quantize(SMALLEST_RATIO, ROUND_DOWN)


def statements_of(here: Installation, experience: Experience, part: Standing | Watching) -> list[Statement]:
    """All statements of one block, in their order, those told long ago included."""
    if isinstance(part, Standing):
        return [standing_statement(here, experience.login, part)]
    return list(watching_statements(here, experience.login, part))


def standing_id(here: Installation, standing: Standing) -> str:
    """The id of a standing's statement: one for each ratio of each report, which never goes down."""
    return here.id_of("report", standing.report_id, sendable_ratio(standing.ratio))


def standing_statement(here: Installation, login: str, standing: Standing) -> Statement:
    """`progressed` with how far the learner is as the scaled score, or `completed`."""
    ratio = sendable_ratio(standing.ratio)
    is_complete = ratio == 1
    named = standing.module or standing.programme
    kind = COURSE if standing.module is None else MODULE
    context: Statement = {"registration": here.id_of("enrolment", standing.enrolment_id)}
    if standing.module is not None:
        context["contextActivities"] = {"parent": [_activity(here.programme_iri(standing.programme))]}
    return {
        "id": standing_id(here, standing),
        "actor": here.actor(login),
        "verb": {
            "id": COMPLETED if is_complete else PROGRESSED,
            "display": {"zh-CN": "完成", "en": "completed"} if is_complete else {"zh-CN": "推进", "en": "progressed"},
        },
        "object": _activity(here.standing_iri(standing), kind, named.title),
        "result": {
            "completion": is_complete,
            "score": {"scaled": float(ratio)},
            "duration": _duration(standing.spent_ms),
        },
        "context": context,
        "timestamp": _instant(standing.at),
    }


def watching_statements(here: Installation, login: str, watching: Watching) -> Iterator[Statement]:
    """What was done at a film, statement by statement, in the terms of the Video Profile."""
    for step in watching.steps:
        yield {
            "id": step_id(here, watching, step),
            "actor": here.actor(login),
            # The profile's verbs have English names only.
            "verb": {"id": _VERBS[step.kind], "display": {"en-US": step.kind.value}},
            "object": _activity(here.film_iri(watching), VIDEO, watching.module.title),
            **_result(step, watching),
            "context": {
                "registration": here.id_of("enrolment", watching.enrolment_id),
                "contextActivities": {
                    "category": [_activity(VIDEO_PROFILE, PROFILE)],
                    "parent": [_activity(here.module_iri(watching.programme, watching.module))],
                    "grouping": [_activity(here.programme_iri(watching.programme))],
                },
                "extensions": _context_extensions(here, watching, step),
            },
            "timestamp": _instant(step.at),
        }


def step_id(here: Installation, watching: Watching, step: Step) -> str:
    """The id of a step's statement: of the playback session and the step's number in it; a film is completed once."""
    if step.kind is StepKind.COMPLETED:
        return here.id_of("enrolment", watching.enrolment_id, "film", watching.film.digest, "completed")
    return _session_step_id(here, watching, step.play, step.number)


def _session_step_id(here: Installation, watching: Watching, play: int, number: int) -> str:
    return here.id_of("enrolment", watching.enrolment_id, "session", watching.session_ids[play], number)


def _context_extensions(here: Installation, watching: Watching, step: Step) -> Statement:
    # "The UUID statement id of the initialized statement" (2.6.2.1), which is a session's first.
    extensions: Statement = {f"{EXTENSIONS}/session-id": _session_step_id(here, watching, step.play, 0)}
    if step.kind in _WITH_LENGTH:
        extensions[f"{EXTENSIONS}/length"] = _seconds(watching.film.length_ms)
        extensions[f"{EXTENSIONS}/completion-threshold"] = _share(watching.film.threshold)
    if step.kind in _WITH_SPEED:
        extensions[f"{EXTENSIONS}/speed"] = f"{_plain(step.rate_permille)}x"
    return extensions


def _result(step: Step, watching: Watching) -> Statement:
    if step.kind is StepKind.INITIALIZED:
        return {}
    if step.kind is StepKind.SEEKED:
        times = {"time-from": _seconds(step.from_ms), "time-to": _seconds(step.position_ms)}
        return {"result": {"extensions": {f"{EXTENSIONS}/{name}": value for name, value in times.items()}}}
    extensions: Statement = {f"{EXTENSIONS}/time": _seconds(step.position_ms)}
    if step.kind in _WITH_PROGRESS:
        extensions[f"{EXTENSIONS}/progress"] = _share(Fraction(step.covered_ms, watching.film.length_ms))
        extensions[f"{EXTENSIONS}/played-segments"] = played_segments(step.played)
    result: Statement = {"extensions": extensions}
    if step.kind is StepKind.COMPLETED:
        result |= {"completion": True, "duration": _duration(step.spent_ms)}
    return {"result": result}


def played_segments(segments: tuple[Segment, ...]) -> str:
    """Segments in the order they were played, as `0[.]12.5[,]30[.]44` (2.5.4.5)."""
    return "[,]".join(f"{_plain(start)}[.]{_plain(end)}" for start, end in segments)


def _activity(iri: str, kind: str | None = None, title: Text | None = None) -> Statement:
    activity: Statement = {"objectType": "Activity", "id": iri}
    definition: Statement = {}
    if kind is not None:
        definition["type"] = kind
    if title is not None:
        definition["name"] = {"zh-CN": title.zh, "en": title.en}
    return activity | ({"definition": definition} if definition else {})


def _instant(at: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _duration(milliseconds: int) -> str:
    """ISO 8601, in seconds with at most two decimals, which is all that stores compare (xAPI 1.0.3, data, 4.6)."""
    return f"PT{Decimal(milliseconds // 10) / 100:f}S"


def _seconds(milliseconds: int) -> float:
    return milliseconds / 1000


def _plain(thousandths: int) -> str:
    """Thousandths as a number without zeros at its end."""
    text = f"{Decimal(thousandths) / 1000:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _share(part: Fraction) -> float:
    """A share of a film with at most three decimals, rounded down; 1 only for the whole."""
    share = min(max(part, Fraction(0)), Fraction(1))
    return float((Decimal(share.numerator) / Decimal(share.denominator)).quantize(SMALLEST_SHARE, ROUND_DOWN))
