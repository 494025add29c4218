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
  const accept = { status: 200, ok: true, body: { credited: [], withheld: [], held: [], lease: "held" } };
  const api = {
    async post(path, body, options) {
      sent.push({ path, body: structuredClone(body), keepalive: Boolean(options.keepalive) });
      return path.endsWith("/beats") ? accept : { status: 201, ok: true, body: session };
    },
  };
  const played = [];
  const gatherer = {
    take: () => played.splice(0),
    get waitingSeconds() { return played.reduce((sum, { from, to }) => sum + to - from, 0); },
  };
  const store = new MemoryBeatStore();
  const world = { now: 0, api, store, gatherer, played, sent, session, accept, events: [] };
  const make = () => {
    const reporter = new Reporter({ api, store, gatherer, videoId: "v", enrolmentId: "e", clock: () => world.now });
    for (const name of ["acknowledged", "lease-lost", "presence-check", "refused", "delivery"]) {
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


def test_leaving_sends_everything_at_once_and_lets_it_outlive_the_page(report: Report) -> None:
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
        world.played.push({ from: 1, to: 2, rate: 1 }); reporter.beat({ leaving: true }); await settled();
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
        reporter.beat(); await settled(); reporter.beat({ leaving: true }); await settled();
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
