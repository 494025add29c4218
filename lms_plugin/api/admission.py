"""Quotas and nominations, for programs of regions and of the programme office."""

from datetime import date, datetime
from typing import Annotated, Literal

from flask import Response, jsonify
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.orm import Session

from lms_plugin.api.reading import read_body, read_query
from lms_plugin.api.shapes import Body, Id
from lms_plugin.domain.nomination import Misfit
from lms_plugin.http.admission_wording import misfit_sentence
from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.services import access, admission_list, catalogue, deciding, nominations, quotas
from lms_plugin.services.admission_list import NominationShown
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.nominees import NewNomination

Key = Annotated[str, StringConstraints(max_length=60)]
Code = Annotated[str, StringConstraints(max_length=40)]
State = Literal["submitted", "waiting", "accepted", "refused", "withdrawn"]


class QuotasQuery(BaseModel):
    phase: Key = ""


class QuotaAnswer(BaseModel):
    """`used` counts those of the regions below too; `kept` is what is not handed down to them."""

    region_code: str
    region: str
    level: str
    places: int
    used: int
    free: int
    kept: int


class QuotasAnswer(BaseModel):
    """`free` is what the programme (or the phase) still takes in all; null for any number."""

    quotas: list[QuotaAnswer]
    free: int | None


class QuotaRequest(Body):
    """`places` null takes the region's own quota away."""

    places: Annotated[int, Field(ge=0, le=quotas.MOST_PLACES)] | None
    phase: Key = ""


class NominationsQuery(BaseModel):
    state: State | None = None
    region: Code | None = None
    before: Id | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class NominationRequest(Body):
    """`region_code` is the school, or else the region, where the person teaches."""

    login: Annotated[str, StringConstraints(max_length=80)]
    name: Annotated[str, StringConstraints(max_length=120)]
    region_code: Code
    email: Annotated[str, StringConstraints(max_length=254)] | None = None
    phone: Annotated[str, StringConstraints(max_length=40)] = ""
    subject: Annotated[str, StringConstraints(max_length=60)] = ""
    degree: Literal["", "secondary", "junior_college", "bachelor", "master", "doctor"] = ""
    title: Literal["", "none", "third_grade", "second_grade", "first_grade", "senior", "full_senior"] = ""
    teaching_years: Annotated[int, Field(ge=0, le=60)] | None = None
    born_on: Annotated[date, Field(ge=date(1900, 1, 1))] | None = None
    sex: Literal["", "male", "female"] = ""
    is_rural: bool | None = None
    phase: Key = ""
    tier: Key = ""


class WarningAnswer(BaseModel):
    code: str
    message: str


class NominationAnswer(BaseModel):
    """`warnings` are in what the person did not fit when nominated."""

    id: int
    login: str
    name: str
    region: str
    phase: str
    tier: str
    state: str
    warnings: list[WarningAnswer]
    reason: str
    nominated_at: datetime
    waiting_since: datetime | None
    enrolment_id: int | None


class NominationsAnswer(BaseModel):
    nominations: list[NominationAnswer]
    next_before: int | None


class NominationDecisionRequest(Body):
    decision: Literal["accept", "refuse", "withdraw"]
    reason: Annotated[str, StringConstraints(max_length=500)] = ""
    draw_password: bool = False


class NominationDecisionAnswer(BaseModel):
    """`password` was drawn for a new account and is told this once."""

    state: State
    enrolment_id: int | None = None
    registration_number: str | None = None
    password: str | None = None


def quotas_of(key: str) -> Response:
    """The quotas of the regions that an admin answers for."""
    actor, query = current_actor(), read_query(QuotasQuery)
    with context().database.reading() as store:
        access.office_scope(actor)
        current = _in_force(store, key)
        rows = quotas.quotas(store, actor, current, query.phase)
        answer = QuotasAnswer(
            quotas=[
                QuotaAnswer(
                    region_code=one.region.code,
                    region=one.region.name,
                    level=one.region.level,
                    places=one.places,
                    used=one.used,
                    free=one.free,
                    kept=one.kept,
                )
                for one in rows
            ],
            free=quotas.places_of(store, current).left(query.phase, ""),
        )
    return jsonify(answer.model_dump(mode="json"))


def set_quota(key: str, region_code: str) -> tuple[str, int]:
    """Give a region so many places, or take its own quota away."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    body, now = read_body(QuotaRequest), shared.clock()

    def write(store: Session) -> None:
        programme_id = catalogue.programme_id_of(store, key)
        quotas.set_quota(store, actor, programme_id, region_code, body.places, now, phase=body.phase)

    shared.database.transact(write)
    return "", 204


def nominations_of(key: str) -> Response:
    """Nominations of the regions that an admin answers for, the latest first; those with an id below `before`."""
    actor, query = current_actor(), read_query(NominationsQuery)
    with context().database.reading() as store:
        access.office_scope(actor)
        rows = admission_list.nominations(
            store,
            actor,
            catalogue.programme_id_of(store, key),
            state=query.state,
            region_code=query.region,
            before=query.before,
            limit=query.limit,
        )
    answer = NominationsAnswer(
        nominations=[_nomination(one) for one in rows],
        next_before=rows[-1].nomination.id if len(rows) == query.limit else None,
    )
    return jsonify(answer.model_dump(mode="json"))


def nominate(key: str) -> tuple[Response, int]:
    """Nominate somebody of a region that the admin answers for; what does not fit comes back as warnings."""
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    body, now = read_body(NominationRequest), shared.clock()

    def write(store: Session) -> NominationShown:
        wanted = NewNomination(**body.model_dump())
        made = nominations.nominate(store, actor, catalogue.programme_id_of(store, key), wanted, now)
        return admission_list.shown(store, made)

    made = shared.database.transact(write)
    return jsonify(_nomination(made).model_dump(mode="json")), 201


def decide_nomination(nomination_id: int) -> Response:
    """Accept or refuse a nomination, which is for the whole programme office, or withdraw one of the own region.

    Whoever is accepted and finds no place waits: the state is "waiting".
    """
    actor, shared = current_actor(), context()
    access.office_scope(actor)
    body, now = read_body(NominationDecisionRequest), shared.clock()

    def write(store: Session) -> NominationDecisionAnswer:
        if body.decision == "accept":
            taken = deciding.accept(
                store, actor, nomination_id, reason=body.reason, draws_password=body.draw_password, now=now
            )
            return NominationDecisionAnswer(
                state="waiting" if taken.enrolment_id is None else "accepted",
                enrolment_id=taken.enrolment_id,
                registration_number=taken.registration_number,
                password=taken.password,
            )
        decide = deciding.refuse if body.decision == "refuse" else nominations.withdraw
        decide(store, actor, nomination_id, reason=body.reason, now=now)
        return NominationDecisionAnswer(state="refused" if body.decision == "refuse" else "withdrawn")

    return jsonify(shared.database.transact(write).model_dump(mode="json"))


def _nomination(shown: NominationShown) -> NominationAnswer:
    one = shown.nomination
    return NominationAnswer(
        id=one.id,
        login=one.login,
        name=one.name,
        region=shown.region,
        phase=one.phase,
        tier=one.tier,
        state=one.state,
        warnings=[_warning(found) for found in shown.misfits],
        reason=one.reason,
        nominated_at=one.nominated_at,
        waiting_since=one.waiting_since,
        enrolment_id=one.enrolment_id,
    )


def _warning(found: Misfit) -> WarningAnswer:
    return WarningAnswer(code=found.code, message=misfit_sentence(found))


def _in_force(store: Session, key: str) -> InForce:
    return catalogue.in_force(store, catalogue.programme_id_of(store, key), context().clock())
