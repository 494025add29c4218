"""A platform's token service, and anything beside it, on 127.0.0.1: it checks assertions as a platform does."""

import json
import threading
import urllib.parse
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

TOKEN_PATH = "/token"
Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived; `query` and `form` as lists of pairs."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(self.body.decode()))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ServicesStand:
    """Gives numbered tokens against assertions that are valid by its own clock, `ahead_seconds` ahead of ours.

    `answers` are given to token requests instead; `serve` answers everything else, once the token is a good one.
    """

    serve: Callable[[Asked], Answer] = lambda asked: (200, {}, b"{}")
    ahead_seconds: float = 0
    answers: deque[Answer] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)
    claims: list[dict[str, Any]] = field(default_factory=list)
    good_tokens: set[str] = field(default_factory=set)
    life_seconds: object = 3600

    def __post_init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._guard = threading.Lock()

    def sign(self, claims: dict[str, object]) -> str:
        """As the tool signs."""
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "first"})

    @property
    def tokens_given(self) -> int:
        return sum(one.path == TOKEN_PATH for one in self.asked)

    def _token(self, asked: Asked) -> Answer:
        if self.answers:
            return self.answers.popleft()
        public = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        given = asked.form
        claims = jwt.decode(
            given["client_assertion"],
            public,
            algorithms=["RS256"],
            audience=f"{self.origin}{TOKEN_PATH}",
            options={"verify_exp": False, "verify_iat": False, "require": ["iss", "sub", "aud", "iat", "exp", "jti"]},
        )
        self.claims.append(claims)
        there = self.clock() + self.ahead_seconds
        if not claims["iat"] <= there < claims["exp"]:
            return 400, {}, b'{"error": "invalid_grant", "error_description": "not valid by our clock"}'
        token = f"token-{len(self.claims)}"
        self.good_tokens.add(token)
        body = {"access_token": token, "token_type": "Bearer", "expires_in": self.life_seconds, "scope": given["scope"]}
        return 200, {}, json.dumps(body).encode()

    clock: Callable[[], float] = lambda: 0.0

    def answer(self, asked: Asked) -> Answer:
        with self._guard:
            self.asked.append(asked)
            if asked.path == TOKEN_PATH:
                return self._token(asked)
            if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.good_tokens:
                return 401, {}, b'{"error": "invalid_token"}'
            return self.serve(asked)

    def __enter__(self) -> Self:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, path, urllib.parse.parse_qsl(query), headers, body)
                status, further, said = owner.answer(asked)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(said)), **further}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            def do_POST(self) -> None:
                self.do_GET()

            def do_PUT(self) -> None:
                self.do_GET()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"
