"""The genuine adapter for scores against the LTI consumer of Open edX, and against a platform that is strict."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from lms_plugin.adapters.exchanges import Undelivered
from lms_plugin.adapters.lti.access_tokens import AccessTokens
from lms_plugin.adapters.lti.ags import ScoreService
from lms_plugin.adapters.lti.services import GradeServices
from lms_plugin.adapters.origin_clients import OriginClients
from lms_plugin.services.line_items import ScoredLink
from lms_plugin.services.ports import (
    Acknowledged,
    CompletionMessage,
    DeliveryAnswer,
    Held,
    RefusalCode,
    Refused,
    Standing,
    TryLater,
)
from tests.adapters.lti.score_rig import LinksInMemory, ScoreRig, comment_in, hours
from tests.adapters.lti.services_stand import TOKEN_PATH, Answer, Asked, ServicesStand
from tests.adapters.reporter_contract import ReporterContract
from tests.peers.lti.interface import Fault, LtiTestPlatform
from tests.peers.lti.platform import LtiPlatform
from tests.peers.lti.tool import KeySetServer

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def told(
    rig: ScoreRig,
    learner: str,
    credited: str,
    *,
    required: str = "6",
    seconds: float = 0,
    may_be_held: bool = False,
    language: str = "en",
    block_key: str = "link:1",
    attempts: int = 0,
) -> CompletionMessage:
    """A message of hours for one link."""
    reached = hours(credited, required)
    ratio = Decimal(1) if reached.credited == reached.required else reached.credited / reached.required
    standing = Standing(reached, at(0), at(seconds), may_be_held, attempts)
    return CompletionMessage(learner, rig.course, {block_key: ratio}, {block_key: standing}, language)


@pytest.fixture
def key_set() -> Iterator[KeySetServer]:
    with KeySetServer() as server:
        yield server


@pytest.fixture
def rig(lti_platform: LtiTestPlatform, key_set: KeySetServer) -> Iterator[ScoreRig]:
    made = ScoreRig(lti_platform, key_set)
    yield made
    made.close()


@pytest.fixture
def making(lti_platform: LtiTestPlatform, key_set: KeySetServer) -> Iterator[ScoreRig]:
    """On a platform where the tool makes its own line items."""
    made = ScoreRig(lti_platform, key_set, declarative=False)
    yield made
    made.close()


@pytest.fixture
def strict(own_lti_platform: LtiPlatform, key_set: KeySetServer) -> Iterator[ScoreRig]:
    made = ScoreRig(own_lti_platform, key_set)
    yield made
    made.close()


def posted(rig: ScoreRig) -> int:
    """How many scores reached the platform."""
    return sum(entry["method"] == "POST" and entry["path"].endswith("/scores") for entry in rig.platform.requests())


class TestScores(ReporterContract):
    """The fixture `rig` of this module, under the contract."""


def test_hours_are_pending_until_all_is_met_and_only_then_a_grade(rig: ScoreRig) -> None:
    learner = rig.learner()
    assert rig.reporter.send(told(rig, learner, "5.25")) == Acknowledged()
    line_item = rig.platform.line_item("one") or ""
    held = rig.platform.scores()[line_item, learner]
    assert (held.given, held.maximum) == (5.25, 6)
    assert (held.activity_progress, held.grading_progress) == ("InProgress", "Pending")
    assert held.comment == "en: 5.25 of 6"
    assert rig.platform.gradebook() == {}
    assert rig.reporter.send(told(rig, learner, "6", seconds=1, language="zh")) == Acknowledged()
    held = rig.platform.scores()[line_item, learner]
    assert (held.given, held.maximum) == (6, 6)
    assert (held.activity_progress, held.grading_progress) == ("Completed", "FullyGraded")
    assert held.comment == "zh: 6 of 6"
    assert rig.platform.gradebook() == {("one", "teacher1"): 1.0}


def test_a_score_that_lacks_a_ten_thousandth_is_pending(rig: ScoreRig) -> None:
    learner = rig.learner()
    assert rig.reporter.send(told(rig, learner, "5.9999")) == Acknowledged()
    assert {one.grading_progress for one in rig.platform.scores().values()} == {"Pending"}
    answer = rig.reporter.held(learner, rig.course, ["link:1"])
    assert isinstance(answer, Held)
    assert answer.ratios["link:1"] == Decimal("0.9999")


@pytest.mark.parametrize("credited", ["5.25", "6"])
def test_a_score_whose_answer_was_lost_is_found_and_not_sent_again(rig: ScoreRig, credited: str) -> None:
    learner = rig.learner()
    rig.platform.faults(Fault.answer_lost("scores"))
    assert isinstance(rig.reporter.send(told(rig, learner, credited)), TryLater)
    sent = posted(rig)
    rig.restart()
    assert rig.reporter.send(told(rig, learner, credited, seconds=9, may_be_held=True)) == Acknowledged()
    assert posted(rig) == sent
    assert rig.reporter.send(told(rig, learner, "6", seconds=10, may_be_held=True)) == Acknowledged()
    assert rig.stored(learner) == {"link:1": 1.0}


def test_a_score_of_the_same_time_is_acknowledged_where_it_is_held_and_sent_later_where_another_is(
    rig: ScoreRig,
) -> None:
    learner = rig.learner()
    for _ in range(2):
        assert rig.reporter.send(told(rig, learner, "3", seconds=5)) == Acknowledged()
    for seconds in (5, 4):
        answer = rig.reporter.send(told(rig, learner, "4", seconds=seconds))
        assert isinstance(answer, TryLater)
        assert answer.is_untaken
        answer = rig.reporter.send(told(rig, learner, "4", seconds=seconds, attempts=6))
        assert isinstance(answer, Refused)
        assert answer.code is RefusalCode.REJECTED
    assert rig.stored(learner) == {"link:1": 0.5}
    assert rig.reporter.send(told(rig, learner, "4", seconds=6)) == Acknowledged()


def test_a_platform_that_stores_and_answers_500_holds_the_score(rig: ScoreRig) -> None:
    learner = rig.learner()
    rig.platform.faults(Fault.stored_yet_refused("scores"))
    assert rig.reporter.send(told(rig, learner, "3")) == Acknowledged()
    assert posted(rig) == 2
    rig.platform.faults(Fault.refused("scores", 500))
    assert isinstance(rig.reporter.send(told(rig, learner, "4", seconds=1)), TryLater)
    assert rig.stored(learner) == {"link:1": 0.5}


def test_a_platform_that_stores_scores_of_somebody_it_does_not_know_shows_no_grade_and_it_is_said(
    openedx_lti_platform: LtiTestPlatform, key_set: KeySetServer
) -> None:
    rig = ScoreRig(openedx_lti_platform, key_set)
    for attempts in range(2):
        answer = rig.reporter.send(told(rig, "nobody", "6", seconds=attempts, attempts=attempts))
        assert isinstance(answer, TryLater)
        assert answer.is_untaken
    answer = rig.reporter.send(told(rig, "nobody", "6", seconds=2, attempts=2))
    assert isinstance(answer, Refused)
    assert answer.code is RefusalCode.UNKNOWN_LEARNER
    assert "the score is stored, yet the platform shows no grade" in answer.words
    assert rig.stored("nobody") == {"link:1": 1.0}
    rig.close()


class Odd:
    """A platform that answers the first score in its own way, and has no results."""

    def __init__(self, first: Answer) -> None:
        self.answers = [first]
        self.stand = ServicesStand(self.served)

    def served(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            return 200, {}, b"[]"
        return self.answers.pop() if self.answers else (200, {}, b"{}")

    def told(self) -> list[DeliveryAnswer]:
        """What becomes of a score, and of the next sending of it."""
        with self.stand as stand, OriginClients(allow_loopback=True) as clients:
            stand.clock = lambda: START.timestamp()
            tokens = AccessTokens(
                token_url=f"{stand.origin}{TOKEN_PATH}",
                client_id="tool-1",
                audience=f"{stand.origin}{TOKEN_PATH}",
                sign=stand.sign,
                client_for=clients,
                now=lambda: START,
            )
            links = LinksInMemory()
            links.links[1] = ScoredLink(1, "one", f"{stand.origin}/items/1", None, "one", "one")
            reporter = ScoreService(tokens, links, comment_in, now=lambda: START)
            standings = [Standing(hours("3", "6"), START, at(seconds), attempts=seconds) for seconds in range(2)]
            return [
                reporter.send(CompletionMessage("li", "course", {"link:1": Decimal("0.5")}, {"link:1": one}))
                for one in standings
            ]


@pytest.mark.parametrize(
    "answer",
    [
        (409, {}, b""),
        (400, {}, b'{"error": "Refusing score with an earlier timestamp for item 7 and user 3"}'),
    ],
)
def test_a_score_that_is_refused_for_its_time_is_sent_again_with_a_later_one(answer: Answer) -> None:
    first, second = Odd(answer).told()
    assert isinstance(first, TryLater)
    assert first.is_untaken
    assert second == Acknowledged()


@pytest.mark.parametrize(
    ("answer", "is_untaken"),
    [
        ((403, {}, b"403 Forbidden (Rate Limit Exceeded)"), True),
        ((403, {"X-Rate-Limit-Remaining": "0.0"}, b""), True),
        ((302, {"Location": "https://login.example.org/"}, b""), False),
        ((301, {}, b""), False),
    ],
)
def test_a_passing_answer_whose_status_says_otherwise_refuses_nobody(answer: Answer, is_untaken: bool) -> None:
    first, second = Odd(answer).told()
    assert isinstance(first, TryLater)
    assert first.is_untaken == is_untaken
    assert second == Acknowledged()


@pytest.mark.parametrize("remaining", ["12.5", "plenty"])
def test_another_403_is_a_refusal(remaining: str) -> None:
    first, _ = Odd((403, {"X-Rate-Limit-Remaining": remaining}, b'{"errors": {"message": "no"}}')).told()
    assert first == Refused(RefusalCode.REJECTED, "no")


def test_too_many_requests_are_said_to_be_untaken(rig: ScoreRig) -> None:
    rig.platform.faults(Fault.refused("scores", 429, retry_after="7"))
    answer = rig.reporter.send(told(rig, rig.learner(), "3"))
    assert isinstance(answer, TryLater)
    assert (answer.retry_after_seconds, answer.is_untaken) == (7, True)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_five_minutes_between_the_clocks_do_no_harm(rig: ScoreRig, minutes: float) -> None:
    rig.platform.set_clock(minutes)
    assert rig.reporter.send(told(rig, rig.learner(), "3")) == Acknowledged()


def test_a_new_key_of_ours_is_used_at_once(rig: ScoreRig) -> None:
    learner = rig.learner()
    assert rig.reporter.send(told(rig, learner, "3")) == Acknowledged()
    rig.tool.new_key()
    rig.restart()
    assert rig.reporter.send(told(rig, learner, "4", seconds=1)) == Acknowledged()


def test_a_refused_token_is_asked_for_again(rig: ScoreRig) -> None:
    rig.platform.faults(Fault.refused("token", 401))
    learner = rig.learner()
    answer = rig.reporter.send(told(rig, learner, "3"))
    assert isinstance(answer, Refused)
    assert answer.code is RefusalCode.BAD_CREDENTIALS
    assert rig.reporter.send(told(rig, learner, "3")) == Acknowledged()


def test_a_course_that_refuses_a_fresh_token_concerns_its_link_alone(rig: ScoreRig) -> None:
    learner = rig.learner()
    for service, may_be_held in (("scores", False), ("results", True)):
        rig.platform.faults(Fault.refused(service, 401, times=2), Fault.refused("scores", 401, times=2))
        answer = rig.reporter.send(told(rig, learner, "3", may_be_held=may_be_held))
        assert isinstance(answer, Refused)
        assert answer.code is RefusalCode.UNKNOWN_BLOCK
        rig.platform.faults()
    assert rig.reporter.send(told(rig, learner, "3", block_key="link:2")) == Acknowledged()


def test_a_right_to_line_items_that_is_not_given_concerns_its_link_alone() -> None:
    def asked(request: Asked) -> Answer:
        return (200, {}, b"[]")

    with ServicesStand(asked) as stand, OriginClients(allow_loopback=True) as clients:
        stand.answers.append((400, {}, b'{"error": "invalid_scope"}'))
        stand.clock = lambda: START.timestamp()
        tokens = AccessTokens(
            token_url=f"{stand.origin}/token",
            client_id="tool-1",
            audience=f"{stand.origin}/token",
            sign=stand.sign,
            client_for=clients,
            now=lambda: START,
        )
        services = GradeServices(tokens)
        with pytest.raises(Undelivered) as undelivered:
            services.make_line_item(f"{stand.origin}/lineitems", {})
        answer = undelivered.value.answer
        assert isinstance(answer, Refused)
        assert answer.code is RefusalCode.UNKNOWN_BLOCK
        stand.answers.append((400, {}, b'{"error": "invalid_scope"}'))
        with pytest.raises(Undelivered) as undelivered:
            services.post_score(f"{stand.origin}/lineitems/1", {})
        answer = undelivered.value.answer
        assert isinstance(answer, Refused)
        assert answer.code is RefusalCode.NOT_PERMITTED


def test_a_line_item_is_made_once_and_shows_the_grade(making: ScoreRig) -> None:
    first, second = making.learner(), making.learner()
    assert making.platform.line_item("one") is None
    assert making.reporter.probe() == Acknowledged()
    assert making.platform.line_item("one") is None
    assert making.reporter.held(first, making.course, ["link:1"]) == Held({"link:1": None})
    assert making.reporter.send(told(making, first, "5.5", required="5.5")) == Acknowledged()
    assert making.reporter.send(told(making, second, "5.5", required="5.5")) == Acknowledged()
    assert making.links.links[1].line_item_url == making.platform.line_item("one")
    assert making.platform.gradebook() == {("one", "teacher1"): 1.0, ("one", "teacher2"): 1.0}
    assert len(made_items(making)) == 1


def made_items(rig: ScoreRig) -> list[dict[str, object]]:
    return list(rig.platform.state()["line_items"])


def test_a_line_item_whose_making_got_no_answer_is_found(making: ScoreRig) -> None:
    making.platform.faults(Fault.slow("line_items", 0), Fault.answer_lost("line_items"))  # a look, and the making
    learner = making.learner()
    assert isinstance(making.reporter.send(told(making, learner, "3")), TryLater)
    assert len(made_items(making)) == 1
    making.restart()
    assert making.reporter.send(told(making, learner, "3")) == Acknowledged()
    assert len(made_items(making)) == 1


def test_what_this_platform_does_not_hold_concerns_its_link_alone(rig: ScoreRig) -> None:
    learner = rig.learner()
    for block_key, words in [
        ("link:99", "there is no link 99 any more"),
        ("programme", "programme is no link of this platform"),
    ]:
        answer = rig.reporter.send(told(rig, learner, "3", block_key=block_key))
        assert answer == Refused(RefusalCode.UNKNOWN_BLOCK, words)
        assert rig.reporter.held(learner, rig.course, [block_key]) == Held({block_key: None})
    reached = Standing(hours("3", "6"), START, START)
    blocks = {"link:1": Decimal("0.5"), "link:99": Decimal("0.5")}
    answer = rig.reporter.send(CompletionMessage(learner, rig.course, blocks, dict.fromkeys(blocks, reached)))
    assert answer == Refused(RefusalCode.UNKNOWN_BLOCK, "there is no link 99 any more", ("link:99",))
    assert rig.stored(learner) == {"link:1": 0.5}


def test_results_are_read_for_everybody_and_over_all_pages(strict: ScoreRig, own_lti_platform: LtiPlatform) -> None:
    own_lti_platform.seed(page_size=2)
    learners = [strict.learner() for _ in range(5)]
    for learner in learners:
        assert strict.reporter.send(told(strict, learner, "3")) == Acknowledged()
    for learner in learners:
        assert strict.reporter.held(learner, strict.course, ["link:1"]) == Held({"link:1": Decimal("0.5")})
    nobody = own_lti_platform.subject("nobody")
    assert strict.reporter.held(nobody, strict.course, ["link:1"]) == Held({"link:1": None})


def test_a_platform_that_shows_final_results_only_is_sent_pending_ones_again(
    strict: ScoreRig, own_lti_platform: LtiPlatform
) -> None:
    own_lti_platform.seed(pending_results=False)
    learner = strict.learner()
    own_lti_platform.faults(Fault.answer_lost("scores"))
    assert isinstance(strict.reporter.send(told(strict, learner, "3")), TryLater)
    assert strict.reporter.held(learner, strict.course, ["link:1"]) == Held({"link:1": None})
    assert strict.reporter.send(told(strict, learner, "3", seconds=1, may_be_held=True)) == Acknowledged()
    assert strict.reporter.send(told(strict, learner, "6", seconds=2)) == Acknowledged()
    assert strict.reporter.held(learner, strict.course, ["link:1"]) == Held({"link:1": Decimal(1)})


def test_a_learner_whom_the_platform_does_not_know_is_refused(strict: ScoreRig) -> None:
    answer = strict.reporter.send(told(strict, "nobody", "3"))
    assert isinstance(answer, Refused)
    assert answer.code is RefusalCode.UNKNOWN_LEARNER


def test_a_line_item_that_was_deleted_is_made_anew(own_lti_platform: LtiPlatform, key_set: KeySetServer) -> None:
    rig = ScoreRig(own_lti_platform, key_set, declarative=False)
    learner = rig.learner()
    assert rig.reporter.send(told(rig, learner, "3")) == Acknowledged()
    gone = rig.links.links[1].line_item_url or ""
    rig.tool.http.delete(gone, headers=rig.tool.bearer()).raise_for_status()
    assert rig.reporter.send(told(rig, learner, "4", seconds=1)) == Acknowledged()
    assert rig.links.links[1].line_item_url not in (None, gone)
    assert rig.links.links[1].line_item_url == own_lti_platform.line_item("one")
    rig.close()


def test_a_line_item_that_may_not_be_made_concerns_its_link_alone(strict: ScoreRig) -> None:
    link = strict.links.links[1]
    learner = strict.learner()
    for one in (
        ("", "the platform gave this link no line item"),
        (f"{strict.platform.base_url}/courses/7/lineitems?type_id=1", None),
    ):
        strict.links.links[1] = type(link)(1, "unknown", None, one[0] or None, link.label, link.resource_id)
        strict.restart()
        answer = strict.reporter.send(told(strict, learner, "3"))
        assert isinstance(answer, Refused)
        assert answer.code is RefusalCode.UNKNOWN_BLOCK
        assert one[1] in (None, answer.words)
    assert strict.reporter.send(told(strict, learner, "3", block_key="link:2")) == Acknowledged()
