"""What was served to a playback session is recorded once and read back merged."""

import threading

from sqlalchemy import func, select

from lms_plugin.services import deliveries
from lms_plugin.services.deliveries import Delivery
from lms_plugin.storage.deliveries import SegmentDelivery
from lms_plugin.storage.session import Database


def record(database: Database, *served: Delivery) -> list[tuple[int, str]]:
    return database.transact(lambda session: deliveries.record(session, served))


def test_segments_are_read_back_merged(database: Database) -> None:
    record(database, Delivery(1, "a", 4000, 8000), Delivery(1, "a", 0, 4000), Delivery(1, "a", 12_000, 14_000))
    with database.reading() as session:
        assert deliveries.delivered(session, 1, "a") == ((0, 8000), (12_000, 14_000))


def test_each_session_has_its_own(database: Database) -> None:
    record(database, Delivery(1, "a", 0, 4000), Delivery(1, "b", 4000, 8000), Delivery(2, "a", 8000, 9000))
    with database.reading() as session:
        assert deliveries.delivered(session, 1, "a") == ((0, 4000),)
        assert deliveries.delivered(session, 2, "a") == ((8000, 9000),)
        assert deliveries.delivered(session, 2, "b") == ()
        assert deliveries.delivered_to(session, [(1, "a"), (1, "b"), (2, "b"), (1, "a")]) == {
            (1, "a"): ((0, 4000),),
            (1, "b"): ((4000, 8000),),
        }
        assert deliveries.delivered_to(session, []) == {}


def test_recording_again_changes_nothing(database: Database) -> None:
    one, other = Delivery(1, "a", 0, 4000), Delivery(1, "a", 4000, 8000)
    assert record(database, one) == [(1, "a")]
    assert record(database, one) == []
    assert record(database, one, other, one) == [(1, "a")]
    assert record(database) == []
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SegmentDelivery)) == 2


def test_any_number_is_recorded_and_it_is_said_for_whom(database: Database) -> None:
    served = [Delivery(user_id, "a", start, start + 1000) for start in range(0, 400_000, 1000) for user_id in (1, 2, 3)]
    record(database, *served[:3])
    assert deliveries.recorded_for(database, iter(served * 2)) == {(1, "a"): 399, (2, "a"): 399, (3, "a"): 399}
    assert deliveries.recorded_for(database, served) == {}
    with database.reading() as session:
        assert deliveries.delivered(session, 3, "a") == ((0, 400_000),)


def test_writers_at_the_same_time_do_not_trip_over_each_other(database: Database) -> None:
    served = [Delivery(1, "a", start, start + 1000) for start in range(0, 100_000, 1000)]
    new: list[int] = []

    def write(wanted: list[Delivery]) -> None:
        new.append(sum(deliveries.recorded_for(database, wanted).values()))

    writers = [threading.Thread(target=write, args=(served[:: 1 if turn % 2 else -1],)) for turn in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sum(new) == 100
    assert len(new) == 4
