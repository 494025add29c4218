"""Registering LMS platforms, and stopping and resuming delivery to them."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict, Malformed, NotAllowed, NotFound, Refusal
from lms_plugin.services import access, platforms
from lms_plugin.services.access import Actor
from lms_plugin.services.platforms import CONSOLE, Console, PlatformView, Seal, SealBroken
from lms_plugin.storage.outbox import Platform
from lms_plugin.storage.session import Database
from tests.builders import actor_for, make_region_tree, make_user

SEAL = Seal("a secret key of a test, long enough to be one")
ADDRESS = "https://lms.example.org"


class AddressRefused(Refusal):
    code = "address_refused"


def anything_goes(_: str) -> None:
    """Takes every address."""


def only_the_registered(address: str) -> None:
    if address != ADDRESS:
        raise AddressRefused(host=address)


def register(
    session: Session,
    by: Actor | Console = CONSOLE,
    *,
    check: Callable[[str], None] = anything_goes,
    parts: dict[str, str] | None = None,
) -> PlatformView:
    """Register a platform; `parts` replace the sound ones."""
    sound = {"key": "openedx", "base_url": ADDRESS, "client_id": "worker", "client_secret": "s3cret"}
    return platforms.register(session, by, SEAL, check, **(sound | (parts or {})))


class TestTheSeal:
    def test_what_was_sealed_can_be_opened_with_the_same_secret_key(self) -> None:
        sealed = Seal("one secret key").close("机密")
        assert Seal("one secret key").open(sealed) == "机密"

    def test_another_secret_key_opens_nothing(self) -> None:
        with pytest.raises(SealBroken):
            Seal("another secret key").open(Seal("one secret key").close("s3cret"))

    def test_a_changed_seal_is_broken(self) -> None:
        sealed = bytearray(SEAL.close("s3cret"))
        sealed[20] ^= 1
        with pytest.raises(SealBroken):
            SEAL.open(bytes(sealed))

    def test_the_same_text_is_never_sealed_the_same_way_twice(self) -> None:
        assert SEAL.close("s3cret") != SEAL.close("s3cret")


class TestRegistering:
    def test_the_secret_is_kept_sealed_and_shown_to_nobody(self, database: Database) -> None:
        with database.writing() as session:
            view = register(session)
        with database.reading() as session:
            kept = session.scalars(select(Platform)).one()
            connection = platforms.connection(session, SEAL, "openedx")
        assert b"s3cret" not in kept.sealed_secret
        assert "s3cret" not in repr(view)
        assert connection is not None
        assert (connection.base_url, connection.client_id, connection.client_secret) == (ADDRESS, "worker", "s3cret")
        assert "s3cret" not in repr(connection)

    def test_another_secret_key_of_the_service_cannot_open_it(self, database: Database) -> None:
        with database.writing() as session:
            register(session)
            with pytest.raises(SealBroken):
                platforms.connection(session, Seal("a new secret key"), "openedx")

    def test_nobody_has_a_connection_to_what_is_not_registered(self, database: Database) -> None:
        with database.reading() as session:
            assert platforms.connection(session, SEAL, "openedx") is None

    def test_a_key_is_taken_once(self, database: Database) -> None:
        with database.writing() as session:
            register(session)
            with pytest.raises(Conflict, match="platform_exists"):
                register(session)

    @pytest.mark.parametrize(
        ("changes", "faults"),
        [
            ({"key": ""}, ["key"]),
            ({"key": "Open edX"}, ["key"]),
            ({"key": "x" * 61}, ["key"]),
            ({"base_url": " "}, ["base_url"]),
            ({"base_url": "https://" + "x" * 300}, ["base_url"]),
            ({"client_id": "", "client_secret": ""}, ["client_id", "client_secret"]),
            ({"client_secret": "x" * 501}, ["client_secret"]),
        ],
    )
    def test_every_malformed_part_is_named(
        self, database: Database, changes: dict[str, str], faults: list[str]
    ) -> None:
        with database.writing() as session, pytest.raises(Malformed) as refused:
            register(session, parts=changes)
        assert refused.value.params["faults"] == faults

    def test_an_address_that_the_adapter_refuses_is_not_registered(self, database: Database) -> None:
        with database.writing() as session:
            with pytest.raises(AddressRefused):
                register(session, check=only_the_registered, parts={"base_url": "https://10.0.0.1"})
            assert platforms.listing(session, CONSOLE) == []


class TestChanging:
    def test_a_new_address_needs_the_secret_anew(self, database: Database) -> None:
        elsewhere = "https://elsewhere.example.org"
        with database.writing() as session:
            register(session)
            with pytest.raises(Malformed, match="platform_secret_needed"):
                platforms.update(session, CONSOLE, SEAL, anything_goes, key="openedx", base_url=elsewhere)
            view = platforms.update(
                session, CONSOLE, SEAL, anything_goes, key="openedx", base_url=elsewhere, client_secret="new"
            )
            connection = platforms.connection(session, SEAL, "openedx")
        assert view.base_url == elsewhere
        assert connection is not None
        assert connection.client_secret == "new"

    def test_a_new_address_is_checked_and_the_old_one_is_not_again(self, database: Database) -> None:
        with database.writing() as session:
            register(session)
            platforms.update(
                session, CONSOLE, SEAL, only_the_registered, key="openedx", base_url=ADDRESS, client_id="other"
            )
            with pytest.raises(AddressRefused):
                platforms.update(
                    session,
                    CONSOLE,
                    SEAL,
                    only_the_registered,
                    key="openedx",
                    base_url="https://10.0.0.1",
                    client_secret="new",
                )
            assert platforms.listing(session, CONSOLE)[0].client_id == "other"

    def test_what_is_not_named_stays(self, database: Database) -> None:
        with database.writing() as session:
            register(session)
            platforms.update(session, CONSOLE, SEAL, anything_goes, key="openedx", client_id="other")
            connection = platforms.connection(session, SEAL, "openedx")
        assert connection is not None
        assert (connection.client_id, connection.client_secret) == ("other", "s3cret")

    def test_an_empty_part_is_refused(self, database: Database) -> None:
        with database.writing() as session:
            register(session)
            with pytest.raises(Malformed) as refused:
                platforms.update(session, CONSOLE, SEAL, anything_goes, key="openedx", client_secret="")
        assert refused.value.params["faults"] == ["client_secret"]


class TestPausing:
    def test_an_admin_s_pause_has_a_reason_and_is_lifted_by_an_admin(self, database: Database) -> None:
        with database.writing() as session:
            register(session)
            paused = platforms.pause(session, CONSOLE, key="openedx", reason=" moving house ")
            resumed = platforms.resume(session, CONSOLE, key="openedx")
        assert (paused.is_paused, paused.paused_reason) == (True, "moving house")
        assert (resumed.is_paused, resumed.paused_reason) == (False, None)

    def test_a_platform_that_nobody_registered_cannot_be_changed(self, database: Database) -> None:
        with database.writing() as session:
            with pytest.raises(NotFound):
                platforms.pause(session, CONSOLE, key="canvas", reason="")
            with pytest.raises(NotFound):
                platforms.resume(session, CONSOLE, key="canvas")
            with pytest.raises(NotFound):
                platforms.update(session, CONSOLE, SEAL, anything_goes, key="canvas")


def _everything(session: Session, by: Actor) -> list[Callable[[], object]]:
    return [
        lambda: register(session, by, parts={"key": "another"}),
        lambda: platforms.update(session, by, SEAL, anything_goes, key="openedx", client_id="other"),
        lambda: platforms.pause(session, by, key="openedx", reason="x"),
        lambda: platforms.resume(session, by, key="openedx"),
        lambda: platforms.listing(session, by),
    ]


def test_an_office_admin_for_all_regions_may_do_everything(database: Database) -> None:
    with database.writing() as session:
        register(session)
        for attempt in _everything(session, actor_for(session, make_user(session, "office", access.OFFICE))):
            attempt()


@pytest.mark.parametrize("role", [access.LEARNER, access.TUTOR, access.PROVIDER, "regional office"])
def test_nobody_else_may_do_anything(database: Database, role: str) -> None:
    with database.writing() as session:
        register(session)
        if role == "regional office":
            user = make_user(session, "somebody", access.OFFICE, scope=make_region_tree(session).province)
        else:
            user = make_user(session, "somebody", role)
        for attempt in _everything(session, actor_for(session, user)):
            with pytest.raises(NotAllowed):
                attempt()
