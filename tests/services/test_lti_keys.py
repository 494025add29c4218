"""Our own keys for LTI: one that signs, those that are published, and a rotation in between."""

from datetime import timedelta

import jwt
import pytest

from lms_plugin.services import lti_keys
from lms_plugin.services.platforms import Seal, SealBroken
from lms_plugin.storage.lti import LtiKey
from lms_plugin.storage.session import Database
from tests.builders import NOW

SEAL = Seal("a secret of the tests, long enough for them")
WEEK = lti_keys.PUBLISHED_AFTER


def checked(token: str, key_set: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    """As a platform would: by the key that the token names."""
    kid = jwt.get_unverified_header(token)["kid"]
    (key,) = [one for one in key_set["keys"] if one["kid"] == kid]
    claims: dict[str, str] = jwt.decode(token, jwt.PyJWK(key).key, algorithms=["RS256"])
    return claims


def test_the_first_key_is_made_when_it_is_needed_and_kept_sealed(database: Database) -> None:
    with database.writing() as session:
        assert lti_keys.key_set(session, NOW) == {"keys": []}
        first = lti_keys.signing_key(session, SEAL, NOW)
        assert lti_keys.signing_key(session, SEAL, NOW + timedelta(days=900)) == first
        row = session.get_one(LtiKey, first.kid)

    assert b"PRIVATE" not in row.sealed_private_key
    assert "PRIVATE" not in repr(first)
    with database.reading() as session, pytest.raises(SealBroken):
        lti_keys.signing_key(session, Seal("another secret"), NOW)


def test_after_a_rotation_the_new_key_signs_and_the_old_one_is_published_for_a_week(database: Database) -> None:
    with database.writing() as session:
        old = lti_keys.signing_key(session, SEAL, NOW)
        new = lti_keys.rotate(session, SEAL, NOW + timedelta(days=1))
        rotated_at = NOW + timedelta(days=1)
        assert lti_keys.signing_key(session, SEAL, rotated_at) == new
        tokens = [
            jwt.encode({"who": key.kid}, key.private_key_pem, algorithm="RS256", headers={"kid": key.kid})
            for key in (old, new)
        ]
        within = lti_keys.key_set(session, rotated_at + WEEK - timedelta(seconds=1))
        after = lti_keys.key_set(session, rotated_at + WEEK)
        lti_keys.rotate(session, SEAL, rotated_at + WEEK)
        assert session.get(LtiKey, old.kid) is None

    assert [checked(one, within)["who"] for one in tokens] == [old.kid, new.kid]
    assert [key["kid"] for key in after["keys"]] == [new.kid]
