"""What admins see of delivery, and their word to try again."""

from decimal import Decimal

import pytest

from lms_plugin.domain.errors import Conflict, NotAllowed, NotFound
from lms_plugin.services import access, delivery_list, platforms
from lms_plugin.services.access import Actor
from lms_plugin.services.platforms import CONSOLE
from lms_plugin.services.ports import TryLater
from lms_plugin.storage.outbox import ACKNOWLEDGED, REFUSED, WAITING
from lms_plugin.storage.session import Database
from tests.adapters.reporter_contract import COURSE, VIDEO_1, VIDEO_2
from tests.builders import RegionTree, actor_for, make_region_tree, make_user
from tests.services.delivery_rig import PLATFORM, DeliveryRig


@pytest.fixture
def rig(database: Database) -> DeliveryRig:
    return DeliveryRig(database)


@pytest.fixture
def regions(rig: DeliveryRig) -> RegionTree:
    with rig.database.writing() as session:
        return make_region_tree(session)


def office(rig: DeliveryRig, regions: RegionTree | None = None) -> Actor:
    """An office admin: of one province where regions are given, else of all."""
    with rig.database.writing() as session:
        scope = regions.province if regions else None
        return actor_for(session, make_user(session, "office", access.OFFICE, scope=scope))


class TestTheList:
    def test_shows_who_is_owed_what_and_how_far_it_is(self, rig: DeliveryRig) -> None:
        learner, stranger = rig.learner("li"), rig.learner("stranger", at_lms=False)
        first, second = rig.owe(learner, "0.5"), rig.owe(stranger, "0.75", VIDEO_2)
        rig.deliver()
        with rig.database.reading() as session:
            taken, refused = delivery_list.deliveries(session, CONSOLE)
        assert (taken.id, taken.state, taken.ratio, taken.acknowledged_ratio) == (
            first,
            ACKNOWLEDGED,
            Decimal("0.5"),
            Decimal("0.5"),
        )
        assert (taken.learner_login, taken.learner_name, taken.lms_username) == ("login.li", "Name of li", "li")
        assert (taken.platform_key, taken.course_key, taken.block_key) == (PLATFORM, COURSE, VIDEO_1)
        assert (refused.id, refused.state, refused.error_code) == (second, REFUSED, "unknown_learner")
        assert refused.error_words == "User matching query does not exist."
        assert (refused.attempts, refused.next_attempt_at) == (1, None)

    def test_goes_on_page_by_page(self, rig: DeliveryRig) -> None:
        owed = [rig.owe(rig.learner(f"teacher{number}"), "0.5") for number in range(5)]
        with rig.database.reading() as session:
            first = delivery_list.deliveries(session, CONSOLE, limit=3)
            second = delivery_list.deliveries(session, CONSOLE, limit=3, after=first[-1].id)
        assert [one.id for one in first + second] == owed

    def test_is_narrowed_by_state_and_platform(self, rig: DeliveryRig) -> None:
        rig.add_platform("moodle")
        learner, nobody = rig.learner("li"), rig.learner("nobody", has_account=False)
        rig.owe(learner, "0.5")
        refused = rig.owe(nobody, "0.5")
        rig.deliver()
        elsewhere = rig.owe(learner, "0.5", platform="moodle")
        with rig.database.reading() as session:
            by_state = delivery_list.deliveries(session, CONSOLE, state=REFUSED)
            by_platform = delivery_list.deliveries(session, CONSOLE, platform_key="moodle")
            by_both = delivery_list.deliveries(session, CONSOLE, state=REFUSED, platform_key="moodle")
        assert ([one.id for one in by_state], [one.id for one in by_platform], by_both) == ([refused], [elsewhere], [])

    def test_shows_a_regional_admin_their_own_region_only(self, rig: DeliveryRig, regions: RegionTree) -> None:
        ours = rig.owe(rig.learner("ours", region=regions.school), "0.5")
        theirs = rig.owe(rig.learner("theirs", region=regions.far_school), "0.5")
        rig.owe(rig.learner("nowhere"), "0.5")
        regional = office(rig, regions)
        with rig.database.writing() as session:
            assert [one.id for one in delivery_list.deliveries(session, regional)] == [ours]
            (summary,) = delivery_list.summaries(session, regional)
            with pytest.raises(NotFound):
                delivery_list.retry(session, regional, theirs, rig.clock())
        assert summary.waiting == 1

    @pytest.mark.parametrize("role", [access.LEARNER, access.TUTOR, access.PROVIDER])
    def test_is_for_office_admins(self, rig: DeliveryRig, role: str) -> None:
        with rig.database.writing() as session:
            actor = actor_for(session, make_user(session, "somebody", role))
            for attempt in (
                lambda: delivery_list.deliveries(session, actor),
                lambda: delivery_list.summaries(session, actor),
                lambda: delivery_list.retry(session, actor, 1, rig.clock()),
                lambda: delivery_list.retry_refused(session, actor, PLATFORM, rig.clock()),
            ):
                with pytest.raises(NotAllowed):
                    attempt()


class TestTheSummary:
    def test_counts_by_state_and_says_since_when_the_oldest_waits(self, rig: DeliveryRig) -> None:
        rig.owe(rig.learner("li"), "0.5")
        rig.owe(rig.learner("nobody", has_account=False), "0.5")
        rig.deliver()
        since = rig.clock()
        rig.owe(rig.learner("wang"), "0.5")
        rig.clock.advance(hours=1)
        rig.owe(rig.learner("zhao"), "0.5")
        with rig.database.reading() as session:
            (summary,) = delivery_list.summaries(session, CONSOLE)
        assert (summary.key, summary.condition, summary.is_registered) == (PLATFORM, "well", True)
        assert (summary.waiting, summary.acknowledged, summary.refused) == (2, 1, 1)
        assert summary.oldest_waiting_at == since

    def test_names_a_platform_that_nobody_registered(self, rig: DeliveryRig) -> None:
        rig.owe(rig.learner("li"), "0.5", platform="canvas")
        with rig.database.reading() as session:
            canvas, openedx = delivery_list.summaries(session, CONSOLE)
        assert (canvas.key, canvas.condition, canvas.is_registered, canvas.waiting) == (
            "canvas",
            "unregistered",
            False,
            1,
        )
        assert (openedx.key, openedx.waiting, openedx.oldest_waiting_at) == (PLATFORM, 0, None)

    @pytest.mark.parametrize("condition", ["failing", "faulty", "paused"])
    def test_says_what_stops_a_platform(self, rig: DeliveryRig, condition: str) -> None:
        rig.owe(rig.learner("li"), "0.5")
        if condition == "failing":
            rig.lms.up = False
        elif condition == "faulty":
            rig.lms.tracking = False
        else:
            with rig.database.writing() as session:
                platforms.pause(session, CONSOLE, key=PLATFORM, reason="moving house")
        rig.deliver()
        with rig.database.reading() as session:
            (summary,) = delivery_list.summaries(session, CONSOLE)
        assert summary.condition == condition
        assert {
            "failing": summary.last_failure_words,
            "faulty": summary.fault_code,
            "paused": summary.paused_reason,
        }[condition] == {"failing": "Connection refused", "faulty": "tracking_disabled", "paused": "moving house"}[
            condition
        ]


class TestRetrying:
    def test_sends_one_refused_report_again(self, rig: DeliveryRig) -> None:
        learner = rig.learner("li", at_lms=False)
        report_id = rig.owe(learner, "0.5")
        rig.deliver()
        rig.lms.enrol("li", COURSE)
        actor = office(rig)
        with rig.database.writing() as session:
            delivery_list.retry(session, actor, report_id, rig.clock())
        rig.deliver()
        assert rig.report(report_id).state == ACKNOWLEDGED
        assert rig.stored(learner) == Decimal("0.5")

    def test_sends_all_refused_ones_of_a_platform_again_or_those_with_a_code(self, rig: DeliveryRig) -> None:
        rig.add_platform("moodle")
        strangers = [rig.owe(rig.learner(f"stranger{number}", at_lms=False), "0.5") for number in range(3)]
        nobody = rig.owe(rig.learner("nobody", has_account=False), "0.5")
        elsewhere = rig.owe(rig.learner("elsewhere", has_account=False), "0.5", platform="moodle")
        rig.deliver_all()
        with rig.database.writing() as session:
            assert delivery_list.retry_refused(session, CONSOLE, PLATFORM, rig.clock(), code="unknown_learner") == 3
        assert {rig.report(one).state for one in strangers} == {WAITING}
        with rig.database.writing() as session:
            assert delivery_list.retry_refused(session, CONSOLE, PLATFORM, rig.clock()) == 1
        assert rig.report(nobody).state == WAITING
        assert rig.report(elsewhere).state == REFUSED

    def test_is_for_what_was_refused(self, rig: DeliveryRig) -> None:
        report_id = rig.owe(rig.learner("li"), "0.5")
        rig.lms.answer_next(TryLater("HTTP 500"))
        rig.deliver()
        with rig.database.writing() as session:
            with pytest.raises(Conflict, match="report_not_refused"):
                delivery_list.retry(session, CONSOLE, report_id, rig.clock())
            with pytest.raises(NotFound):
                delivery_list.retry(session, CONSOLE, report_id + 1, rig.clock())
