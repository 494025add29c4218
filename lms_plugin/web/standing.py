"""How an enrolment stands, for the pages that show it: its hours with everything watched so far."""

from dataclasses import dataclass

from lms_plugin.http.context import context
from lms_plugin.http.languages import current_language
from lms_plugin.http.wording import all_missing_sentence
from lms_plugin.services import hours, posting
from lms_plugin.services.hours import HoursOfEnrolment
from lms_plugin.storage.programmes import Enrolment


@dataclass(frozen=True, slots=True)
class Standing:
    """An enrolment with its hours and the sentence of what is missing."""

    enrolment: Enrolment
    hours: HoursOfEnrolment
    missing: str


def standing_of(enrolment_id: int) -> Standing:
    """The hours of an enrolment, everything watched so far included; the caller has checked who may see them."""
    shared = context()
    now = shared.clock()
    shared.database.transact(lambda store: posting.settle(store, store.get_one(Enrolment, enrolment_id), now))
    with shared.database.reading() as store:
        enrolment = store.get_one(Enrolment, enrolment_id)
        found = hours.read(store, enrolment, now)
    missing = all_missing_sentence(found.completion.missing, found.programme, current_language())
    return Standing(enrolment, found, missing)
