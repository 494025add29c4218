"""The answers that the XBlock's server gets."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from lms_plugin.api.shapes import Body, Hours, MissingAnswer, ProgrammeAnswer, Ratio, Seconds


class XBlockModulesQuery(Body):
    q: Annotated[str, StringConstraints(max_length=200)] = ""


class XBlockModuleAnswer(BaseModel):
    key: str
    """`programme key/module key`: what a hand-over names it by."""
    title: str
    programme: ProgrammeAnswer
    film_seconds: Seconds | None


class XBlockModulesAnswer(BaseModel):
    modules: list[XBlockModuleAnswer]


class XBlockFilmAnswer(BaseModel):
    duration_seconds: Seconds
    counted_seconds: Seconds


class XBlockHoursAnswer(BaseModel):
    credited_class_hours: Hours
    required_class_hours: Hours


class XBlockStandingAnswer(BaseModel):
    """How a learner stands in a module. `ratio` (0..1) is null where the module has nothing that counts."""

    key: str
    title: str
    programme: ProgrammeAnswer
    film: XBlockFilmAnswer | None
    ratio: Ratio | None
    hours: XBlockHoursAnswer
    complete: bool
    missing: list[MissingAnswer]
