"""A learner's page of the messages from their tutors."""

from flask import render_template

from lms_plugin.http.context import context
from lms_plugin.http.identity import current_actor
from lms_plugin.services import access, catalogue, tutor_messages


def own(enrolment_id: int) -> str:
    """The messages to a learner, as they got them."""
    actor, shared = current_actor(), context()
    with shared.database.reading() as store:
        enrolment = access.own_enrolment(store, actor, enrolment_id)
        programme = catalogue.for_enrolment(store, enrolment, shared.clock()).programme
        found = tutor_messages.of_enrolment(store, enrolment_id)
    return render_template("messages.html", enrolment=enrolment, programme=programme, messages=found)
