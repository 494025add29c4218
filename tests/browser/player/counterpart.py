"""The player's counterpart: a small service in the API's shape that records what is sent and can be told to fail.

The pages are the real templates with the real style sheets and scripts under the real content security policy.
"""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from babel.messages.pofile import read_po
from flask import Blueprint, Flask, Response, abort, jsonify, render_template_string, request, send_from_directory

from lms_plugin.http.wording import reason_texts
from tests.browser.player.questions import Check, Interval, Questions

ROOT = Path(__file__).resolve().parents[3]
WEB = ROOT / "lms_plugin" / "web"
TRANSLATIONS = ROOT / "lms_plugin" / "translations" / "zh"
POLICY = (
    "default-src 'self'; media-src 'self' blob:; img-src 'self' data:; worker-src 'self' blob:; "
    "style-src 'self'; script-src 'self'"
)
DURATION_SECONDS = 12.0
CAPTIONS = {
    "zh": "WEBVTT\n\n00:00.000 --> 00:12.000\n教师在课堂上讲解\n",
    "en": "WEBVTT\n\n00:00.000 --> 00:12.000\nA teacher explains in class\n",
}
PAGE = """
{% extends "base.html" %}
{% from "_components.html" import breadcrumb, page_header %}
{% from "_player.html" import player, player_scripts, player_styles %}
{% block title %}{{ video.title }}{% endblock %}
{% block head %}{{ player_styles() }}{% endblock %}
{% block breadcrumb %}{{ breadcrumb([(_("My study"), url_for("pages.home")), (video.title, none)]) }}{% endblock %}
{% block content %}
{{ page_header(video.title) }}
{{ player(video, enrolment) }}
<label for="note">note</label><textarea id="note"></textarea>
{% endblock %}
{% block scripts %}{{ player_scripts() }}{% endblock %}
"""


PLAIN_PAGE = '{% extends "base.html" %}{% block title %}-{% endblock %}{% block content %}<h1>-</h1>{% endblock %}'


class Service:
    """What the player talks to. Plain fields tell it how to behave; what it heard is in `opened` and `beats`."""

    def __init__(self, film: Path) -> None:
        self.film = film
        self.lock = threading.Lock()
        self.token = "token-1"
        self.signed_in = True
        self.line_is_cut = False
        self.lost: list[object] = []
        self.person_id = 7
        self.max_rate = 1.5
        self.beat_interval_seconds = 30
        self.resume_at_seconds = 0.0
        self.covered: list[list[float]] = []
        self.page_covered: list[list[float]] = []
        self.page_held: list[dict[str, Any]] = []
        self.withheld: list[dict[str, Any]] = []
        self.held: list[dict[str, Any]] = []
        self.skipping_ahead = True
        self.questions = Questions()
        self.looks: list[str] = []
        self.manifest_status = 200
        self.expired: set[str] = set()
        self.gates: dict[str, threading.Event] = {}
        self.answers: list[tuple[int, dict[str, Any], dict[str, str]]] = []
        self.opened: list[str] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.arrivals: list[float] = []
        self.beats: dict[tuple[str, int], list[dict[str, float]]] = {}
        self.heard = threading.Condition(self.lock)

    def fail_next(self, status: int, **headers: str) -> None:
        """Answer one more beat with this status, without recording it."""
        with self.lock:
            self.answers.append((status, {"code": "unavailable", "title": "no"}, headers))

    def take_lease(self) -> None:
        """The person has opened the film elsewhere."""
        with self.lock:
            self.opened.append("elsewhere")

    def wait_for(self, condition: Callable[["Service"], object], seconds: float = 40) -> None:
        """Wait until what the service has heard fulfils the condition; fails the test when it never does.

        Nothing of the browser's that needs the test (a route, a dialogue) goes on meanwhile.
        """
        with self.heard:
            assert self.heard.wait_for(lambda: bool(condition(self)), seconds), (self.requests, self.opened)

    @property
    def segments(self) -> list[dict[str, float]]:
        """All segments recorded, in the order of their sessions and beats."""
        return [segment for key in self.beats for segment in self.beats[key]]

    @property
    def seqs(self) -> list[int]:
        return [seq for _, seq in self.beats]

    def open_session(self) -> dict[str, Any]:
        with self.heard:
            session = f"s{len(self.opened) + 1}"
            self.opened.append(session)
            self.heard.notify_all()
        return {
            "id": session,
            "opened_at": "2026-01-05T11:00:00Z",
            "max_rate": self.max_rate,
            "beat_interval_seconds": self.beat_interval_seconds,
            "manifest_url": f"/media/{session}/master.m3u8",
            "resume_at_seconds": self.resume_at_seconds,
            "skipping_ahead": self.skipping_ahead,
            **self.film_state(),
        }

    def put_check(self, **told: Any) -> Check:
        with self.lock:
            return self.questions.put(self.questions.make(**told))

    def film_state(self) -> dict[str, Any]:
        check = self.questions.open
        return {
            "covered": self.covered,
            "covered_seconds": self.covered_seconds,
            "held": self.held,
            "withheld": self.withheld,
            "presence_check": check.described() if check else None,
        }

    def look(self, session: str) -> dict[str, Any]:
        with self.heard:
            self.looks.append(session)
            self.heard.notify_all()
            return {**self.film_state(), "lease": self.lease_of(session)}

    def take_answer(self, check_id: str, answer: int) -> dict[str, Any]:
        with self.heard:
            passed, _ = self.questions.judge(check_id, answer)
            pending = [stretch for stretch in self.held if stretch["reason"] == "presence_pending"]
            if passed:
                self.covered = united([*self.covered, *([one["from"], one["to"]] for one in pending)])
                self.held = [stretch for stretch in self.held if stretch not in pending]
            self.heard.notify_all()
            check = self.questions.open
            return {
                "passed": passed,
                "presence_check": check.described() if check else None,
                "film_changed": passed and bool(pending),
            }

    def take_beat(self, session: str, body: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        with self.heard:
            self.requests.append((session, body))
            self.arrivals.append(time.monotonic())
            self.heard.notify_all()
            if self.answers:
                return self.answers.pop(0)
            key = (session, body["seq"])
            known = self.beats.setdefault(key, body["segments"])
            assert known == body["segments"], f"beat {key} changed"
            return 200, self.judge_beat(session, body["segments"]), {}

    def judge_beat(self, session: str, segments: list[dict[str, float]]) -> dict[str, Any]:
        questions = self.questions
        unseen = questions.run_out()
        self.held += [{"from": start, "to": to, "reason": "presence_unanswered"} for start, to in unseen]
        self.covered = without(self.covered, unseen)
        credited = [[segment["from"], segment["to"]] for segment in segments]
        questions.since_sign = united([*questions.since_sign, *credited])
        self.covered = united([*self.covered, *credited])
        self.held = [
            {**stretch, "from": start, "to": to}
            for stretch in self.held
            for start, to in without([[stretch["from"], stretch["to"]]], self.covered)
        ]
        if not segments and questions.open is None and questions.next_when_asked and not unseen:
            questions.put(questions.next_when_asked)
            questions.next_when_asked = None
        check = questions.open
        return {
            "credited": credited,
            "withheld": self.withheld,
            "held": [],
            "held_reasons": [],
            "covered_seconds": self.covered_seconds,
            "lease": self.lease_of(session),
            "presence_check": check.described() if check else None,
            "film_changed": bool(unseen),
        }

    @property
    def covered_seconds(self) -> float:
        return round(sum(to - start for start, to in self.covered), 3)

    def lease_of(self, session: str) -> str:
        return "held" if self.opened[-1] == session else "lost"


def without_token(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "csrf_token"}


def united(intervals: list[list[float]]) -> list[list[float]]:
    joined: list[list[float]] = []
    for start, end in sorted(intervals):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return joined


def without(intervals: list[Interval], taken: list[Interval]) -> list[Interval]:
    rest = intervals
    for start, end in taken:
        pieces = [piece for a, b in rest for piece in ([a, min(b, start)], [max(a, end), b])]
        rest = united([[a, b] for a, b in pieces if b > a])
    return rest


def make_app(service: Service) -> Flask:
    app = Flask("counterpart", template_folder=str(WEB / "templates"), static_folder=str(WEB / "static"))
    app.secret_key = "only for the counterpart of the player"
    catalog: dict[str, str] = {}
    for name in ("shell", "player", "http"):
        with (TRANSLATIONS / f"{name}.po").open("rb") as file:
            for message in read_po(file):
                one, chinese = message.id, message.string or ""
                catalog[one if isinstance(one, str) else one[0]] = chinese if isinstance(chinese, str) else chinese[0]

    def language() -> str:
        return "en" if request.accept_languages.best_match(["zh", "en"]) == "en" else "zh"

    def gettext(text: str) -> str:
        return text if language() == "en" else catalog.get(text, text)

    def ngettext(one: str, many: str, number: int) -> str:
        if language() == "zh":
            return catalog.get(one, many)
        return one if number == 1 else many

    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(gettext, ngettext, newstyle=True)
    app.jinja_env.globals["reason_texts"] = lambda: reason_texts(gettext)
    app.jinja_env.globals["csrf_token"] = lambda: service.token
    # The head of the page is not what is tried here.
    app.jinja_env.globals["navigation"] = lambda: SimpleNamespace(areas=[], current=None)
    app.jinja_env.globals["unread_notices"] = lambda: 0

    pages = Blueprint("pages", __name__)
    for name in ("home", "login", "logout", "language", "tutor", "office", "deliveries", "notices"):
        methods = ["POST"] if name in ("logout", "language") else ["GET"]
        pages.add_url_rule(f"/{name}", name, lambda: "", methods=methods)
    app.register_blueprint(pages)

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @app.context_processor
    def context() -> dict[str, Any]:
        roles = ["learner", "tutor", "office"]
        person = SimpleNamespace(is_authenticated=True, user_id=service.person_id, name="王小兰", roles=roles)
        return {"current_user": person, "language": language()}

    @app.get("/film")
    def film() -> str:
        video = SimpleNamespace(
            id="v1",
            title="观摩名师课堂实录" if language() == "zh" else "A master teacher's lesson",
            duration_seconds=DURATION_SECONDS,
            poster_url="/poster.jpg",
            captions=[
                {"language": "zh", "label": "中文", "url": "/captions/zh"},
                {"language": "en", "label": "English", "url": "/captions/en"},
            ],
            covered=service.page_covered,
            held=service.page_held,
            resume_at_seconds=service.resume_at_seconds,
        )
        return render_template_string(PAGE, video=video, enrolment=SimpleNamespace(id="e1"))

    @app.get("/plain")
    def plain() -> str:
        """Some page of the site without a film."""
        return render_template_string(PLAIN_PAGE)

    @app.get("/blank")
    def blank() -> str:
        return "<!doctype html><title>blank</title>"

    @app.get("/poster.jpg")
    def poster() -> Response:
        return send_from_directory(service.film, "poster.jpg")

    @app.get("/captions/<tag>")
    def captions(tag: str) -> Response:
        return Response(CAPTIONS[tag], mimetype="text/vtt")

    @app.get("/media/<session>/<path:name>")
    def media(session: str, name: str) -> Response:
        if service.manifest_status != 200:
            abort(service.manifest_status)
        if session in service.expired:
            abort(403)
        gate = service.gates.get(name)
        if gate is not None:
            gate.wait(20)
        kind = "application/vnd.apple.mpegurl" if name.endswith(".m3u8") else "video/mp2t"
        return send_from_directory(service.film, name, mimetype=kind)

    @app.before_request
    def authorise() -> Response | None:
        if not request.path.startswith("/api/"):
            return None
        if not service.signed_in:
            return refusal(401, "not_authenticated")
        if request.method == "POST" and token_of_request() != service.token:
            return refusal(400, "csrf")
        return None

    def token_of_request() -> str | None:
        """The token of a script's header, or of a beacon's body: a beacon can't set headers."""
        return request.headers.get("X-CSRFToken") or request.get_json().get("csrf_token")

    def refusal(status: int, code: str) -> Response:
        response = jsonify(code=code, title=code)
        response.status_code = status
        return response

    @app.get("/api/v1/me")
    def me() -> Response:
        return jsonify(id=service.person_id)

    @app.post("/api/v1/videos/<video>/playback-sessions")
    def open_session(video: str) -> Response:
        assert (video, request.get_json()) == ("v1", {"enrolment_id": "e1"})
        response = jsonify(service.open_session())
        response.status_code = 201
        return response

    def cut(what: object) -> Response:
        """No answer, as on a dead line."""
        with service.heard:
            service.lost.append(what)
            service.heard.notify_all()
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return Response()

    @app.get("/api/v1/playback-sessions/<session>")
    def look(session: str) -> Response:
        return jsonify(service.look(session))

    @app.post("/api/v1/playback-sessions/<session>/presence-checks/<check>")
    def take_answer(session: str, check: str) -> Response:
        if service.line_is_cut:
            return cut(check)
        return jsonify(service.take_answer(check, request.get_json()["answer"]))

    @app.post("/api/v1/playback-sessions/<session>/beats")
    def take_beat(session: str) -> Response:
        if service.line_is_cut:
            sent = request.get_json()
            return cut(("last words", sent["seq"]) if "csrf_token" in sent else sent["seq"])
        status, body, headers = service.take_beat(session, without_token(request.get_json()))
        response = jsonify(body)
        response.status_code = status
        response.headers.update(headers)
        return response

    return app


def encode(folder: Path) -> None:
    """A film of 12 s that shows the time, in two sizes, as HLS with segments of 4 s."""
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg, "ffmpeg is needed on PATH"
    for height in (180, 90):
        subprocess.run(
            [
                *[ffmpeg, "-v", "error", "-y"],
                *[
                    "-f",
                    "lavfi",
                    "-i",
                    f"testsrc2=size={height * 16 // 9}x{height}:rate=25:duration={DURATION_SECONDS}",
                ],
                *["-f", "lavfi", "-i", f"sine=frequency=330:duration={DURATION_SECONDS}"],
                *["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "100"],
                *["-sc_threshold", "0", "-c:a", "aac", "-b:a", "48k", "-muxdelay", "0"],
                *["-hls_time", "4", "-hls_playlist_type", "vod", "-hls_flags", "independent_segments"],
                *["-hls_segment_filename", str(folder / f"{height}_%d.ts"), str(folder / f"{height}.m3u8")],
            ],
            check=True,
        )
    variants = [
        f"#EXT-X-STREAM-INF:BANDWIDTH={height * 3000},RESOLUTION={height * 16 // 9}x{height}\n{height}.m3u8\n"
        for height in (180, 90)
    ]
    (folder / "master.m3u8").write_text("#EXTM3U\n" + "".join(variants))
    subprocess.run(
        [ffmpeg, "-v", "error", "-y", "-i", str(folder / "180_0.ts"), "-frames:v", "1", str(folder / "poster.jpg")],
        check=True,
    )
