"""Run by the test platform's Python, where Flask and SQLAlchemy cannot be imported: the block on XBlock's own runtime.

`python -m unittest alone` with PYTHONPATH naming this folder and where the block is installed. There is no pytest.
"""

import importlib
import importlib.metadata
import json
import threading
import time
import unittest
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import blocked
import jwt
from lms_plugin_xblock import texts
from lms_plugin_xblock.block import ModuleBlock
from lms_plugin_xblock.service import NotConfigured, Service
from webob import Request
from xblock.core import XBlock
from xblock.fields import ScopeIds
from xblock.reference.user_service import UserService, XBlockUser
from xblock.runtime import DictKeyValueStore, KvsFieldData, MemoryIdManager, Runtime

SECRET = "a secret of the tests, long enough to be one"
STANDING: dict[str, Any] = {
    "key": "rural/reading",
    "title": "Understanding pupils",
    "programme": {"key": "rural", "title": "Remote training"},
    "film": {"duration_seconds": 1200.0, "counted_seconds": 300.0},
    "ratio": 0.25,
    "hours": {"credited_class_hours": 0.5, "required_class_hours": 3.0},
    "complete": False,
    "missing": [{"code": "posts", "message": "two more posts"}],
}


class _Answers(BaseHTTPRequestHandler):
    """A service that answers what it is told to, and keeps what it was asked."""

    status: ClassVar[int] = 200
    answer: ClassVar[Any] = STANDING
    asked: ClassVar[list[tuple[str, str, str]]] = []

    def do_GET(self) -> None:
        content = json.dumps(self.answer).encode()
        self.asked.append((self.path, self.headers["Authorization"], self.headers["Accept-Language"]))
        self.send_response(self.status)
        if self.status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class _Users(UserService):
    def __init__(self, **attributes: object) -> None:
        super().__init__()
        self.attributes = attributes

    def get_current_user(self) -> XBlockUser:
        user = XBlockUser(is_current_user=True, full_name="王丽")
        user.opt_attrs.update({f"edx-platform.{name}": value for name, value in self.attributes.items()})
        return user


class _Settings:
    def __init__(self, bucket: dict[str, Any]) -> None:
        self.bucket = bucket

    def get_settings_bucket(self, block: XBlock, default: object = None) -> object:
        return self.bucket if block.block_settings_key == "lms_plugin" else default


class _Runtime(Runtime):
    """XBlock's own runtime, in memory, keeping what is published."""

    def __init__(self, bucket: dict[str, Any], **user: object) -> None:
        ids = MemoryIdManager()
        attributes = {"user_id": 42, "username": "wang.li", "user_role": "student"} | user
        self.published: list[tuple[str, dict[str, Any]]] = []
        super().__init__(
            ids,
            ids,
            services={
                "field-data": KvsFieldData(DictKeyValueStore()),
                "user": _Users(**attributes),
                "settings": _Settings(bucket),
            },
        )

    def publish(self, block: XBlock, event_type: str, event_data: dict[str, Any]) -> None:
        self.published.append((event_type, event_data))

    def handler_url(self, *_: object, **__: object) -> str:
        return "/handler"

    def local_resource_url(self, *_: object) -> str:
        return "/resource"

    def resource_url(self, *_: object) -> str:
        return "/resource"


def raises(kind: type[Exception], do: Callable[[], object]) -> bool:
    try:
        do()
    except kind:
        return True
    return False


class TheBlockAlone(unittest.TestCase):
    server: ClassVar[HTTPServer]
    settings: ClassVar[dict[str, Any]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = HTTPServer(("127.0.0.1", 0), _Answers)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.settings = {
            "SERVICE_URL": f"http://127.0.0.1:{cls.server.server_port}/",
            "PLATFORM_KEY": "openedx",
            "SECRET": SECRET,
            "FRAME_ORIGINS": ["https://apps.example.org"],
        }

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.shutdown()
        cls.server.server_close()

    def setUp(self) -> None:
        _Answers.status, _Answers.answer, _Answers.asked = 200, STANDING, []

    def block(self, bucket: dict[str, Any] | None = None, **user: object) -> ModuleBlock:
        runtime = _Runtime(self.settings if bucket is None else bucket, **user)
        ids = ScopeIds("42", "lms_plugin", "definition", "block-v1:A+B+C+type@lms_plugin+block@one")
        block = ModuleBlock(runtime, scope_ids=ids)
        block.module_key, block.module_title = "rural/reading", "Understanding <pupils>"
        return block

    def ask(self, block: ModuleBlock, handler: str, data: object = None) -> Any:
        request = Request.blank("/", method="POST", body=json.dumps(data or {}).encode())
        answer = block.handle(handler, request)
        return {"status": answer.status_code, **json.loads(answer.body)}

    def claims(self, token: str, purpose: str) -> dict[str, Any]:
        found: dict[str, Any] = jwt.decode(token, SECRET, algorithms=["HS256"], audience=purpose)
        assert jwt.get_unverified_header(token)["kid"] == "openedx"
        return found

    def test_the_entry_point_is_the_block(self) -> None:
        (found,) = importlib.metadata.entry_points(group="xblock.v1", name="lms_plugin")
        assert found.load() is ModuleBlock
        assert XBlock.load_class("lms_plugin") is ModuleBlock

    def test_nothing_of_the_service_can_be_imported_here(self) -> None:
        for name in blocked.NAMES:
            with self.subTest(name):
                assert raises(ImportError, lambda name=name: importlib.import_module(name))

    def test_its_distribution_needs_xblock_and_pyjwt_alone(self) -> None:
        needs = importlib.metadata.requires("lms-plugin-xblock") or []
        assert sorted(one.split(">")[0] for one in needs) == ["PyJWT", "XBlock"]

    def test_the_page_holds_neither_secret_nor_hand_over(self) -> None:
        for view in ("student_view", "author_view", "studio_view"):
            with self.subTest(view):
                fragment = getattr(self.block(user_role="staff"), view)()
                page = fragment.content + "".join(one.data for one in fragment.resources) + str(fragment.json_init_args)
                assert SECRET not in page
                assert "eyJ" not in page
                assert "<pupils>" not in fragment.content
        assert _Answers.asked == [], "a page never waits for the service"

    def test_a_learner_reads_their_own_language(self) -> None:
        for preference, words in (("zh-cn", "在本页打开"), ("en", "Open in this page"), ("fr", "在本页打开")):
            with self.subTest(preference):
                block = self.block(user_preferences={"pref-lang": preference})
                assert words in block.student_view().content

    def test_what_is_opened_is_signed_for_this_learner_and_module(self) -> None:
        found = self.ask(self.block(), "open")
        claims = self.claims(found["token"], "lms-plugin:open")
        assert found["action"] == f"http://127.0.0.1:{self.server.server_port}/xblock/open"
        assert (claims["sub"], claims["username"], claims["name"]) == ("42", "wang.li", "王丽")
        assert claims["module_key"] == "rural/reading"
        assert claims["exp"] - claims["iat"] == 60
        assert abs(claims["iat"] - time.time()) <= 60
        assert claims["frame_origins"] == ["https://apps.example.org"]
        again = self.claims(self.ask(self.block(), "open")["token"], "lms-plugin:open")
        assert claims["jti"] != again["jti"]

    def test_the_browser_cannot_say_who_it_is_or_how_far(self) -> None:
        block = self.block()
        forged = {"sub": "1", "username": "admin", "module_key": "rural/other", "ratio": 1.0, "opening": "true"}
        claims = self.claims(self.ask(block, "open", forged)["token"], "lms-plugin:open")
        assert (claims["sub"], claims["username"], claims["module_key"]) == ("42", "wang.li", "rural/reading")
        self.ask(block, "standing", forged)
        assert block.runtime.published[0] == ("completion", {"completion": 0.25})

    def test_the_standing_is_asked_of_the_service_and_published(self) -> None:
        block = self.block(user_preferences={"pref-lang": "en"})
        found = self.ask(block, "standing", {"opening": True})
        ((path, authorization, language),) = _Answers.asked
        assert (path, language) == ("/api/v1/xblock/standing", "en")
        self.claims(authorization.removeprefix("Bearer "), "lms-plugin:standing")
        assert found["film"] == "Film of 20:00, 5:00 of it counted"
        assert found["hours"] == "Remote training: 0.5 of 3 class hours so far"
        assert found["missing"] == "Still missing: two more posts"
        assert block.runtime.published == [
            ("completion", {"completion": 0.25}),
            ("grade", {"value": 0.25, "max_value": 1.0}),
        ]

    def test_it_is_published_when_it_rises_or_a_page_opens_and_never_falls(self) -> None:
        block = self.block()

        def completions(ratio: object, **data: object) -> list[float]:
            _Answers.answer = STANDING | {"ratio": ratio}
            block.runtime.published.clear()
            self.ask(block, "standing", data)
            return [data["completion"] for kind, data in block.runtime.published if kind == "completion"]

        assert completions(0) == []
        assert completions(None) == []
        assert completions(0.5) == [0.5]
        assert completions(0.5) == []
        assert completions(0.5, opening=True) == [0.5]
        assert completions(0.25, opening=True) == [0.5]
        assert completions(7) == [1.0]
        assert completions("1") == []
        assert completions(True) == []

    def test_another_module_begins_anew(self) -> None:
        block = self.block()

        def completions(ratio: object, **data: object) -> list[float]:
            _Answers.answer = STANDING | {"ratio": ratio}
            block.runtime.published.clear()
            self.ask(block, "standing", data)
            return [data["completion"] for kind, data in block.runtime.published if kind == "completion"]

        assert completions(1) == [1.0]
        block.module_key = "rural/other"
        assert completions(None) == []
        assert completions(0) == [0.0]
        assert completions(0, opening=True) == []
        assert completions(0.25) == [0.25]
        assert completions(0.1, opening=True) == [0.25]
        block.module_key = "rural/reading"
        assert completions(0.2) == [0.2]

    def test_a_service_that_is_away_or_says_no_is_told_in_words(self) -> None:
        for status, answer, words in (
            (403, {"code": "handover_not_enrolled", "detail": "You are not enrolled"}, "You are not enrolled"),
            (403, "no object", "cannot be reached"),
            (302, {}, "cannot be reached"),
            (500, {}, "cannot be reached"),
            (200, [1, 2], "cannot be reached"),
        ):
            with self.subTest(status=status, answer=answer):
                _Answers.status, _Answers.answer = status, answer
                block = self.block(user_preferences={"pref-lang": "en"})
                assert words in self.ask(block, "standing")["fault"]
                assert block.runtime.published == []
        assert "/elsewhere" not in [path for path, *_ in _Answers.asked]
        nowhere = self.settings | {"SERVICE_URL": "http://127.0.0.1:9"}
        assert "联系不上" in self.ask(self.block(nowhere), "standing")["fault"]

    def test_without_settings_nothing_is_signed(self) -> None:
        for missing in ("SERVICE_URL", "PLATFORM_KEY", "SECRET"):
            with self.subTest(missing):
                bucket = {name: value for name, value in self.settings.items() if name != missing}
                found = self.ask(self.block(bucket), "open")
                assert "fault" in found
                assert "token" not in found
                assert "接入" in self.block(bucket).author_view().content
        elsewhere = self.settings | {"SERVICE_URL": "file:///etc/passwd"}
        assert raises(NotConfigured, lambda: Service.from_settings(elsewhere))
        assert SECRET not in repr(Service.from_settings(self.settings))

    def test_an_author_chooses_from_the_service_s_list_only(self) -> None:
        listed = {"key": "rural/teaching", "title": "Teaching", "programme": {"key": "rural", "title": "R"}}
        _Answers.answer = {"modules": [listed | {"film_seconds": 1200.0}]}
        block = self.block(user_role="staff")
        assert self.ask(block, "modules", {"words": "教 a&b"})["modules"][0]["key"] == "rural/teaching"
        assert "q=%E6%95%99+a%26b" in _Answers.asked[0][0]
        assert "fault" in self.ask(block, "choose", {"key": "rural/secret", "name": ""})
        assert block.module_key == "rural/reading"
        assert self.ask(block, "choose", {"key": "rural/teaching", "name": " "})["key"] == "rural/teaching"
        assert (block.module_title, block.display_name) == ("Teaching", "Teaching")

    def test_a_learner_neither_lists_nor_chooses(self) -> None:
        block = self.block()
        for handler in ("modules", "choose"):
            with self.subTest(handler):
                assert self.ask(block, handler, {"key": "rural/teaching"})["status"] == 403
        assert block.module_key == "rural/reading"

    def test_nobody_is_asked_to_sign_in(self) -> None:
        block = self.block(user_id=None)
        block.scope_ids = block.scope_ids._replace(user_id=None)
        for handler in ("standing", "open"):
            with self.subTest(handler):
                found = self.ask(block, handler)
                assert (found["status"], found["error"]) == (403, "请先登录课程平台。")

    def test_every_text_is_there_in_both_languages_with_the_same_places(self) -> None:
        for key, (chinese, english) in texts.TEXTS.items():
            with self.subTest(key):
                places = [sorted(part.split("}")[0] for part in one.split("{")[1:]) for one in (chinese, english)]
                assert places[0] == places[1]
                assert any(letter >= "\u3000" for letter in chinese)

    def test_figures_are_short(self) -> None:
        for seconds, shown in ((5, "0:05"), (245.9, "4:05"), (3723, "1:02:03")):
            assert texts.clock(seconds) == shown
        for hours, shown in ((2.0, "2"), (0.5, "0.5"), (1.255, "1.25"), (0.0, "0"), (10.0, "10")):
            assert texts.figure(hours) == shown


if __name__ == "__main__":
    unittest.main()
