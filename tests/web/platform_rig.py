"""An LTI platform as tests play it: its keys, its id_tokens, and what it has learners' browsers send."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import RSAAlgorithm
from werkzeug.test import TestResponse

from lms_plugin.domain.lti_claims import AGS, NRPS, PREFIX
from lms_plugin.http.context import EXTENSION, Context
from lms_plugin.services.lti_key_sets import KeySetUnread, PlatformKeys
from lms_plugin.storage.lti import LtiDeployment, LtiPlatform, PlatformAccount
from lms_plugin.storage.outbox import LTI, Platform
from tests.web.stage import HOST, Browser, Stage

ISSUER, CLIENT, DEPLOYMENT, SUBJECT = "https://lms.example.org", "client-1", "1", "subject-of-teacher"
TARGET = f"{HOST}/lti/programmes/rural/modules/reading"
IN_FRAME = {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"}
IN_WINDOW = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}
Claims = dict[str, Any]


@lru_cache
def private_key(name: str, bits: int = 2048) -> RSAPrivateKey:
    """One key for each name, made once in a run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def jwk(kid: str, key: RSAPrivateKey, **changes: object) -> dict[str, Any]:
    public = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    return {"kty": "RSA", "n": public["n"], "e": public["e"], "kid": kid, "alg": "RS256", "use": "sig"} | changes


@dataclass
class ServedKeySets:
    """What would be read over the network, by address; every reading is counted."""

    sets: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    read_urls: list[str] = field(default_factory=list)

    def read(self, url: str) -> Mapping[str, Any]:
        self.read_urls.append(url)
        if url not in self.sets:
            raise KeySetUnread(words="no answer")
        return self.sets[url]


@dataclass(frozen=True)
class Begun:
    """What a platform is asked when a login has begun."""

    address: str
    state: str
    nonce: str
    asked: dict[str, str]


@dataclass
class PlatformRig:
    """A registered platform beside the service, and its key set."""

    stage: Stage
    key_sets: ServedKeySets
    platform_id: int
    issuer: str = ISSUER
    client_id: str = CLIENT
    deployment_id: str = DEPLOYMENT
    kid: str = "key-1"
    key: RSAPrivateKey = field(default_factory=lambda: private_key("platform"))

    @property
    def key_set_url(self) -> str:
        return f"{self.issuer}/jwks"

    def publish(self, *keys: Mapping[str, Any]) -> None:
        self.key_sets.sets[self.key_set_url] = {"keys": list(keys) or [jwk(self.kid, self.key)]}

    def login(self, browser: Browser, method: str = "GET", **changes: str | None) -> TestResponse:
        """What the platform's page has the browser send first; None leaves a part out."""
        parts = {
            "iss": self.issuer,
            "login_hint": "hint",
            "target_link_uri": TARGET,
            "client_id": self.client_id,
            "lti_deployment_id": self.deployment_id,
            "lti_message_hint": "message hint",
        } | changes
        sent = {name: value for name, value in parts.items() if value is not None}
        if method == "POST":
            return browser.client.post("/lti/login", data=sent)
        return browser.client.get("/lti/login", query_string=sent)

    def begin(self, browser: Browser, method: str = "GET", **changes: str | None) -> Begun:
        answer = self.login(browser, method, **changes)
        assert answer.status_code == 302, answer.text
        address = urlsplit(answer.location)
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        return Begun(f"{address.scheme}://{address.netloc}{address.path}", asked["state"], asked["nonce"], asked)

    def claims(self, nonce: str, /, **changes: object) -> Claims:
        """The claims of a usual launch; `changes` replace some by their short names, None leaves one out."""
        now = int(self.stage.clock().timestamp())
        claims: Claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": SUBJECT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "name": "王丽",
            "email": "wang.li@example.org",
            PREFIX + "version": "1.3.0",
            PREFIX + "message_type": "LtiResourceLinkRequest",
            PREFIX + "deployment_id": self.deployment_id,
            PREFIX + "target_link_uri": TARGET,
            PREFIX + "resource_link": {"id": "link-1", "title": "第一讲"},
            PREFIX + "context": {"id": "course-1", "title": "远程培训"},
            PREFIX + "roles": ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"],
            AGS: {
                "scope": ["https://purl.imsglobal.org/spec/lti-ags/scope/score"],
                "lineitem": f"{self.issuer}/items/1",
                "lineitems": f"{self.issuer}/items",
            },
            NRPS: {"context_memberships_url": f"{self.issuer}/members", "service_versions": ["2.0"]},
        }
        for name, value in changes.items():
            full = name if name in claims or name in ("azp", "nbf") else PREFIX + name
            full = {"ags": AGS, "nrps": NRPS}.get(name, full)
            if value is None:
                claims.pop(full, None)
            else:
                claims[full] = value
        return claims

    def token(self, claims: Claims, **header: object) -> str:
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.kid} | header)

    def send(
        self, browser: Browser, state: str, token: str, headers: Mapping[str, str] = IN_FRAME, **more: str
    ) -> TestResponse:
        """The platform's page has the browser send its answer."""
        data = {"state": state, "id_token": token} | more
        return browser.client.post("/lti/launch", data=data, headers={"Origin": self.issuer, **headers})

    def launch(self, browser: Browser, headers: Mapping[str, str] = IN_FRAME, **changes: object) -> TestResponse:
        """A whole launch with these claims changed."""
        begun = self.begin(browser)
        return self.send(browser, begun.state, self.token(self.claims(begun.nonce, **changes)), headers)

    def another(self, **changes: Any) -> "PlatformRig":
        """Another platform that is registered here as well."""
        other = replace(self, **{"issuer": "https://other.example.net", "client_id": "client-2", **changes})
        other.platform_id = register(self.stage, other.issuer, other.client_id, other.deployment_id)
        return other


def register(stage: Stage, issuer: str = ISSUER, client_id: str = CLIENT, deployment_id: str = DEPLOYMENT) -> int:
    """Register an LTI platform; gives its id."""
    with stage.database.writing() as session:
        key = f"{urlsplit(issuer).hostname}-{client_id}".replace(".", "-")
        platform = Platform(key=key, base_url=issuer, client_id=client_id, sealed_secret=b"", kind=LTI, failures=0)
        session.add(platform)
        session.flush()
        session.add(
            LtiPlatform(
                platform_id=platform.id,
                issuer=issuer,
                client_id=client_id,
                authorization_url=f"{issuer}/auth?tool=1",
                token_url=f"{issuer}/token",
                key_set_url=f"{issuer}/jwks",
            )
        )
        session.flush()
        session.add(LtiDeployment(platform_id=platform.id, deployment_id=deployment_id))
        return platform.id


def link_account(stage: Stage, platform_id: int, login: str = "teacher", subject: str = SUBJECT) -> None:
    """Somebody here is known to be this subject there."""
    with stage.database.writing() as session:
        session.add(
            PlatformAccount(
                platform_id=platform_id,
                subject=subject,
                user_id=stage.users[login],
                origin="launch",
                linked_at=stage.clock(),
            )
        )


def open_platform(stage: Stage) -> PlatformRig:
    """A registered platform whose key set is read from the test, with the teacher's account linked."""
    key_sets = ServedKeySets()
    shared: Context = stage.app.extensions[EXTENSION]
    stage.app.extensions[EXTENSION] = replace(shared, platform_keys=PlatformKeys(stage.database, key_sets))
    platform = PlatformRig(stage, key_sets, register(stage))
    platform.publish()
    link_account(stage, platform.platform_id)
    return platform
