"""Film that waits for proof that it was delivered counts when the proof comes in, whichever session it is of."""

from lms_plugin.domain.programme import WatchingRule
from lms_plugin.services import deliveries, film_standing
from lms_plugin.services.deliveries import Delivery
from lms_plugin.storage.session import Database
from tests.builders import make_programme
from tests.services.viewers import after, make_viewer


def test_sessions_are_redeemed_in_the_order_in_which_they_were_opened(database: Database) -> None:
    """Where a film is to be seen in order, what a later session played waits for what an earlier one did."""
    rule = WatchingRule(delivery_proof=True, skipping_ahead=False)
    viewer = make_viewer(database, programme=make_programme(watching=rule))
    viewer.open("b", 0)
    viewer.beat("b", 1, 10, (0, 10_000))
    viewer.open("a", 20)
    viewer.beat("a", 1, 30, (10_000, 20_000))
    assert viewer.covered() == ()

    user_id = viewer.actor.user_id
    served = [Delivery(user_id, "a", 8_000, 20_000), Delivery(user_id, "b", 0, 12_000)]
    new = deliveries.recorded_for(database, served)
    with database.reading() as session:
        owners = film_standing.in_order_of_opening(session, new)
    assert owners == [(user_id, "b"), (user_id, "a")]
    for _, name in owners:
        assert database.transact(
            lambda session, name=name: film_standing.redeem_delivered(session, user_id, name, after(60))
        )
    assert viewer.covered() == ((0, 20_000),)
    viewer.check_books()
