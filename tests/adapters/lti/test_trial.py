"""A trial at a platform that answers oddly: each step says what it found, and nothing is raised."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from lms_plugin.adapters.guarded_http import AddressRefused
from lms_plugin.adapters.lti.registration import Registration
from lms_plugin.adapters.lti.trial import Trial
from lms_plugin.services.lti_registration import RegistrationFailed
from lms_plugin.services.platform_trial import Finding, Outcome, Step, TrialSubject, Untried
from tests.adapters.lti.services_stand import TOKEN_PATH, Answer, Asked, ServicesStand


def said(content: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


def subject_at(stand: ServicesStand) -> TrialSubject:
    return TrialSubject(
        client_id="c",
        key_set_url=f"{stand.origin}/keys",
        token_url=f"{stand.origin}{TOKEN_PATH}",
        token_audience="",
        has_link=True,
        line_items_url=f"{stand.origin}/lineitems?type=1",
        memberships_url=f"{stand.origin}/members",
    )


def try_out(stand: ServicesStand, **changed: Any) -> dict[Step, Finding]:
    found = Trial(allow_loopback=True)(replace(subject_at(stand), **changed), stand.sign)
    assert [one.step for one in found] == list(Step)
    return {one.step: one for one in found}


def test_what_is_not_what_was_asked_for_is_no_success() -> None:
    with ServicesStand(serve=lambda _asked: said({"odd": 1}), clock=time.time) as stand:
        found = try_out(stand)
    assert found[Step.TOKEN].outcome is Outcome.FOUND
    assert [found[one].outcome for one in (Step.LINE_ITEMS, Step.ROSTER)] == [Outcome.FAILED] * 2
    assert "AGS 2.0" in found[Step.LINE_ITEMS].words
    assert "NRPS 2.0" in found[Step.ROSTER].words


def test_what_a_platform_does_not_offer_is_not_tried() -> None:
    with ServicesStand(clock=time.time) as stand:
        found = try_out(stand, line_items_url=None, memberships_url=None)
        assert {found[one].reason for one in (Step.LINE_ITEMS, Step.ROSTER)} == {Untried.NOT_OFFERED}
        found = try_out(stand, line_items_url=None, memberships_url=None, has_link=False)
        assert {found[one].reason for one in (Step.LINE_ITEMS, Step.ROSTER)} == {Untried.NO_LINK}


def test_a_refused_token_says_the_platforms_words() -> None:
    refusal = said({"error": "invalid_client", "error_description": "no such tool"}, 400)
    with ServicesStand(clock=time.time) as stand:
        stand.answers.extend([refusal, refusal])
        found = try_out(stand)
    assert (found[Step.TOKEN].outcome, "no such tool" in found[Step.TOKEN].words) == (Outcome.FAILED, True)
    assert found[Step.ROSTER].reason is Untried.NO_TOKEN


def test_addresses_that_must_not_be_called_are_refused() -> None:
    with ServicesStand(clock=time.time) as stand:
        found = {one.step: one for one in Trial(allow_loopback=False)(subject_at(stand), stand.sign)}
        assert found[Step.KEY_SET].outcome is Outcome.FAILED
        assert found[Step.TOKEN].outcome is Outcome.FAILED
        assert stand.asked == []
        with pytest.raises(AddressRefused):
            Registration(allow_loopback=False).configuration(f"{stand.origin}/configuration")


def test_a_registration_sends_its_token_and_takes_only_an_object() -> None:
    def serve(asked: Asked) -> Answer:
        if asked.path == "/register":
            return said({"client_id": asked.json["client_name"]}, 201)
        return said([1, 2])

    with ServicesStand(serve=serve, clock=time.time) as stand:
        stand.good_tokens.add("once")
        calls = Registration(allow_loopback=True)
        assert calls.register(f"{stand.origin}/register", "once", {"client_name": "x"}) == {"client_id": "x"}
        with pytest.raises(RegistrationFailed):
            calls.configuration(f"{stand.origin}/configuration")
