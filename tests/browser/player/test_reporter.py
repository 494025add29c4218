"""The reporter by itself: when it makes beats, what it keeps, what it tells; in a browser, with a clock of its own."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.player.viewer import Viewer

REPORT = """async () => {
  const { Reporter } = await import("/static/player/reporter.js");
  const { MemoryBeatStore } = await import("/static/player/beats.js");
  const sent = [];
  const session = { id: "s1", beat_interval_seconds: 30, max_rate: 1.5 };
  const me = { status: 200, ok: true, body: { id: 7 } };
  const accept = { status: 200, ok: true, body: { credited: [], withheld: [], held: [], lease: "held" } };
  const api = {
    async post(path, body, options) {
      sent.push({ path, body: structuredClone(body), keepalive: Boolean(options.keepalive) });
      return path.endsWith("/playback-sessions") ? { status: 201, ok: true, body: session } : accept;
    },
    async get() { return me; },
    beacon(path, body) { sent.push({ path, body: structuredClone(body), beacon: true }); return world.beacons; },
    async refreshToken() {},
  };
  const played = [];
  const gatherer = {
    take: () => played.splice(0),
    peek: () => [...played],
    get waitingSeconds() { return played.reduce((sum, { from, to }) => sum + to - from, 0); },
  };
  class OpenStore extends MemoryBeatStore {
    stretchesKept = new Map();
    async put(...entries) {
      for (const { session } of entries) this.stretchesKept.delete(session);
      return super.put(...entries);
    }
    async keep(stretch) { this.stretchesKept.set(stretch.session, structuredClone(stretch)); }
    async stretches() { return [...this.stretchesKept.values()]; }
    async all() { let found; await this.takeLeft((entries) => (found = entries)); return found; }
  }
  const store = new OpenStore();
  const world = { now: 0, beacons: true, me, api, store, gatherer, played, sent, session, accept, events: [] };
  const make = () => {
    const clock = () => world.now;
    const reporter = new Reporter({ api, store, user: "7", gatherer, videoId: "v", enrolmentId: "e", clock });
    for (const name of ["acknowledged", "answered", "lease-lost", "presence-check", "refused", "delivery", "film"]) {
      reporter.addEventListener(name, ({ detail }) => world.events.push([name, detail]));
    }
    return reporter;
  };
  const settled = async () => { for (let n = 0; n < 20; n++) await Promise.resolve(); };
  SCRIPT
}"""

Report = Callable[[str], Any]


@pytest.fixture
def report(viewer: Viewer) -> Report:
    """Run a script with a reporter of one's own making in a page; see REPORT for what it has at hand."""
    viewer.page.goto(f"{viewer.address}/blank")
    return lambda script: viewer.page.evaluate(REPORT.replace("SCRIPT", script))


def test_no_beat_is_due_before_the_interval(report: Report) -> None:
    sent = report("""
        const reporter = make();
        await reporter.open();
        world.played.push({ from: 0, to: 29, rate: 1 });
        world.now = 29; reporter.tick(); await settled();
        const before = world.sent.length;
        world.now = 30; reporter.tick(); await settled();
        return [before, world.sent.length, world.sent[1].body];
    """)
    assert sent == [1, 2, {"seq": 1, "segments": [{"from": 0, "to": 29, "rate": 1}]}]


def test_what_an_earlier_page_left_in_the_store_is_sent_to_its_session(report: Report) -> None:
    sent = report("""
        await world.store.put({ session: "old", seq: 7, segments: [{ from: 1, to: 2, rate: 1 }] });
        const reporter = make();
        await reporter.restore(); await settled();
        return [world.sent.map(({ path, body }) => [path, body.seq]), await world.store.all(), reporter.pendingSeconds];
    """)
    assert sent == [[["/playback-sessions/old/beats", 7]], [], 0]


def test_very_many_segments_are_split_over_beats(report: Report) -> None:
    sizes = report("""
        const reporter = make();
        await reporter.open();
        for (let n = 0; n < 120; n++) world.played.push({ from: n, to: n + 0.5, rate: 1 });
        reporter.beat(); await settled(); await settled(); await settled();
        return world.sent.slice(1).map(({ body }) => [body.seq, body.segments.length]);
    """)
    assert sizes == [[1, 50], [2, 50], [3, 20]]


def test_hiding_sends_everything_at_once_and_lets_it_outlive_the_page(report: Report) -> None:
    sent = report("""
        const reporter = make();
        await reporter.open();
        let answer;
        const post = world.api.post;
        world.api.post = (path, body, options) => {
          post(path, body, options);
          return new Promise((resolve) => { answer = () => resolve(world.accept); });
        };
        world.played.push({ from: 0, to: 1, rate: 1 }); reporter.beat(); await settled();
        world.played.push({ from: 1, to: 2, rate: 1 }); reporter.hide(); await settled();
        return world.sent.slice(1).map(({ body, keepalive }) => [body.seq, keepalive]);
    """)
    assert sent == [[1, False], [1, True], [2, True]]


def test_an_answer_that_comes_twice_counts_once(report: Report) -> None:
    events = report("""
        const reporter = make();
        await reporter.open();
        const waiting = [];
        world.api.post = () => new Promise((resolve) => waiting.push(() => resolve(world.accept)));
        world.played.push({ from: 0, to: 1, rate: 1 });
        reporter.beat(); await settled(); reporter.hide(); await settled();
        for (const answer of waiting) answer();
        await settled();
        return [waiting.length, world.events.filter(([name]) => name === "acknowledged").length];
    """)
    assert events == [2, 1]


def test_a_presence_check_is_passed_on(report: Report) -> None:
    check = report("""
        const reporter = make();
        await reporter.open();
        world.accept.body.presence_check = { id: "c1", question: "2 + 2", choices: ["3", "4"] };
        world.played.push({ from: 0, to: 1, rate: 1 }); reporter.beat(); await settled();
        return world.events.find(([name]) => name === "presence-check")[1].check;
    """)
    assert check["id"] == "c1"


def test_an_older_sessions_lost_lease_is_no_news(report: Report) -> None:
    events = report("""
        await world.store.put({ session: "old", seq: 1, segments: [{ from: 1, to: 2, rate: 1 }] });
        world.accept.body.lease = "lost";
        const reporter = make();
        await reporter.open(); await reporter.restore(); await settled();
        return world.events.map(([name]) => name);
    """)
    assert events == ["acknowledged"]


def test_a_page_that_goes_sends_beacons_and_keeps_everything(report: Report) -> None:
    sent, kept = report("""
        const reporter = make();
        await reporter.open();
        world.played.push({ from: 0, to: 1, rate: 1 }); reporter.leave(); await settled();
        reporter.hide(); await settled();  // browsers hide a page after it is gone
        return [world.sent.slice(1).map(({ body, beacon }) => [body.seq, beacon]), await world.store.all()];
    """)
    assert sent == [[1, True]]
    assert [entry["seq"] for entry in kept] == [1]


def test_what_no_beacon_takes_goes_by_an_ordinary_request(report: Report) -> None:
    sent = report("""
        const reporter = make();
        await reporter.open();
        world.beacons = false;
        world.played.push({ from: 0, to: 1, rate: 1 }); reporter.leave(); await settled();
        return world.sent.slice(1).map(({ body, keepalive }) => [body.seq, keepalive ?? null]);
    """)
    assert sent == [[1, None], [1, True]]


def test_a_page_that_comes_back_asks_again_and_hears_how_things_stand(report: Report) -> None:
    sent, kept, lost = report("""
        const reporter = make();
        await reporter.open();
        world.played.push({ from: 0, to: 1, rate: 1 }); reporter.leave(); await settled();
        world.accept.body.lease = "lost";
        await reporter.comeBack(); await settled();
        const names = world.events.map(([name]) => name);
        return [world.sent.slice(1).map(({ body }) => body.seq), await world.store.all(), names.includes("lease-lost")];
    """)
    assert (sent, kept, lost) == ([1, 1, 2], [], True)


def test_what_was_played_is_kept_every_few_seconds_until_it_is_a_beat(report: Report) -> None:
    kept, after = report("""
        const reporter = make();
        await reporter.open();
        world.now = 3; world.played.push({ from: 0, to: 3, rate: 1 }); reporter.tick();
        world.now = 4; world.played.push({ from: 3, to: 4, rate: 1 }); reporter.tick();
        world.now = 5; reporter.tick();
        const kept = await world.store.stretches();
        reporter.beat(); await settled();
        return [kept, await world.store.stretches()];
    """)
    segments = [{"from": 0, "to": 3, "rate": 1}, {"from": 3, "to": 4, "rate": 1}]
    assert kept == [{"session": "s1", "seq": 1, "segments": segments}]
    assert after == []


def test_an_answer_given_on_a_dead_line_goes_before_any_beat(report: Report) -> None:
    sent, answered = report("""
        const { NetworkFailure } = await import("/static/player/api.js");
        const reporter = make();
        await reporter.open();
        const post = world.api.post;
        world.api.post = async () => { throw new NetworkFailure(); };
        world.played.push({ from: 0, to: 1, rate: 1 }); reporter.beat(); await settled();
        world.played.push({ from: 1, to: 2, rate: 1 }); reporter.answer("c1", 2); await settled();
        world.api.post = post;
        world.accept.body.passed = true;
        reporter.retry(); await settled(); await settled();
        const answered = world.events.filter(([name]) => name === "answered").map(([, detail]) => detail.result.passed);
        return [world.sent.slice(1).map(({ path, body }) => [path, body.seq ?? body.answer]), answered];
    """)
    assert sent == [
        ["/playback-sessions/s1/presence-checks/c1", 2],
        ["/playback-sessions/s1/beats", 1],
        ["/playback-sessions/s1/beats", 2],
    ]
    assert answered == [True]


@pytest.mark.parametrize("status", [200, 404, 405, 410, 501, 507, 511, 521])
def test_what_the_service_has_not_said_is_asked_again(report: Report, status: int) -> None:
    states, kept = report(
        """
        const reporter = make();
        await reporter.open();
        world.api.post = async () => ({ status: STATUS, ok: false, code: null, body: {} });
        world.played.push({ from: 0, to: 1, rate: 1 }); reporter.beat(); await settled(); await settled();
        return [world.events.map(([name, detail]) => [name, detail.state]), (await world.store.all()).length];
    """.replace("STATUS", str(status))
    )
    assert (states, kept) == ([["delivery", "kept"]], 1)


def test_a_film_that_changed_is_looked_at(report: Report) -> None:
    events = report("""
        const reporter = make();
        await reporter.open();
        const film = { covered: [[0, 1]], held: [], withheld: [], lease: "held", presence_check: null };
        const asked = [];
        world.api.get = async (path) => { asked.push(path); return { status: 200, ok: true, body: film }; };
        world.accept.body.film_changed = true;
        world.played.push({ from: 0, to: 1, rate: 1 }); reporter.beat(); await settled();
        return [asked, world.events.find(([name]) => name === "film")[1].film.covered];
    """)
    assert events == [["/playback-sessions/s1"], [[0, 1]]]


def test_a_look_that_was_overtaken_by_an_answer_is_taken_again(report: Report) -> None:
    asked, films = report("""
        const reporter = make();
        await reporter.open();
        const waiting = [];
        world.api.get = (path) => new Promise((resolve) => {
          waiting.push((covered) => resolve({ status: 200, ok: true, body: { covered, lease: "held" } }));
        });
        reporter.look(); await settled();
        world.played.push({ from: 0, to: 1, rate: 1 }); reporter.beat(); await settled();
        waiting[0]([]); await settled();
        waiting[1]([[0, 1]]); await settled();
        return [waiting.length, world.events.filter(([name]) => name === "film").map(([, { film }]) => film.covered)];
    """)
    assert (asked, films) == (2, [[[0, 1]]])


def test_a_look_on_a_dead_line_is_taken_when_the_line_is_back(report: Report) -> None:
    names = report("""
        const { NetworkFailure } = await import("/static/player/api.js");
        const reporter = make();
        await reporter.open();
        world.api.get = async () => { throw new NetworkFailure(); };
        await reporter.look();
        world.api.get = async () => ({ status: 200, ok: true, body: { covered: [], lease: "lost" } });
        world.played.push({ from: 0, to: 1, rate: 1 }); reporter.beat(); await settled();
        return world.events.map(([name]) => name);
    """)
    assert names == ["acknowledged", "presence-check", "film", "lease-lost"]


def test_what_was_played_and_not_judged_is_of_this_film_only(report: Report) -> None:
    unjudged = report("""
        await world.store.put({ session: "old", seq: 7, segments: [{ from: 50, to: 60, rate: 1 }] });
        world.api.post = async (path) =>
          path.endsWith("/playback-sessions") ? { status: 201, ok: true, body: world.session } : new Promise(() => {});
        const reporter = make();
        await reporter.open();
        await reporter.restore();
        world.played.push({ from: 0, to: 1, rate: 1 }); reporter.beat();
        world.played.push({ from: 1, to: 2, rate: 1 });
        return reporter.unjudged;
    """)
    assert unjudged == [[0, 1], [1, 2]]
