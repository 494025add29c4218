"""The journal by itself: what it keeps for whom, and which page takes up what another left."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.player.viewer import Viewer

JOURNAL = """async (argument) => {
  const { openStore, Journal } = await import("/static/player/journal.js");
  const { Ownership } = await import("/static/player/ownership.js");
  const { MemoryBeatStore } = await import("/static/player/beats.js");
  const played = (from, to) => [{ from, to, rate: 1 }];
  const beat = (session, seq) => ({ session, seq, segments: played(seq, seq + 1) });
  const left = async (store) => {
    const found = [];
    await store.takeLeft((entries) => found.push(...entries));
    return found.map(({ session, seq, check, segments }) => [session, seq ?? check, segments?.[0]?.to ?? null]);
  };
  SCRIPT
}"""

Journal = Callable[..., Any]


def run(page: Page, script: str, argument: object = None) -> Any:
    return page.evaluate(JOURNAL.replace("SCRIPT", script), argument)


@pytest.fixture
def journal(viewer: Viewer) -> Journal:
    """Run a script with the journal at hand; `again=True` in a new page of the same browser, the old one being gone."""
    viewer.page.goto(f"{viewer.address}/blank")

    def run_here(script: str, *, again: bool = False) -> Any:
        if again:
            viewer.page.goto(f"{viewer.address}/blank?again")
        return run(viewer.page, script)

    return run_here


@pytest.fixture
def other_tab(viewer: Viewer) -> Page:
    page = viewer.page.context.new_page()
    page.goto(f"{viewer.address}/blank")
    return page


LEAVE_TWO = """
    const store = await openStore("7");
    await store.own("old");
    await store.put(beat("old", 1), beat("old", 2));
"""


def test_beats_outlive_the_page_and_come_oldest_first(journal: Journal) -> None:
    journal("""
        const store = await openStore("7");
        await store.put(beat("b", 1));
        await store.put(beat("a", 1), beat("a", 2));
        await store.put({ session: "a", check: "c1", answer: 2 });
        await store.remove(beat("a", 1));
    """)
    found = journal('return left(await openStore("7"));', again=True)
    assert found == [["b", 1, 2], ["a", 2, 3], ["a", "c1", None]]


def test_an_open_stretch_becomes_one_beat_with_the_next_number(journal: Journal) -> None:
    journal("""
        const store = await openStore("7");
        await store.put(beat("a", 1));
        store.keep({ session: "a", seq: 2, segments: played(2, 2.5) });
        await store.keep({ session: "a", seq: 2, segments: played(2, 3.5) });
    """)
    assert journal('return left(await openStore("7"));', again=True) == [["a", 1, 2], ["a", 2, 3.5]]
    assert journal('return left(await openStore("7"));', again=True) == [["a", 1, 2], ["a", 2, 3.5]]


def test_a_beat_takes_the_place_of_the_open_stretch(journal: Journal) -> None:
    journal("""
        const store = await openStore("7");
        store.keep({ session: "a", seq: 1, segments: played(0, 1.5) });
        await store.put(beat("a", 1));
    """)
    assert journal('return left(await openStore("7"));', again=True) == [["a", 1, 2]]


def test_another_persons_beats_stay_until_that_person_is_back(journal: Journal) -> None:
    journal(LEAVE_TWO + 'await store.keep({ session: "old", seq: 3, segments: played(3, 4) });')
    assert journal('return left(await openStore("8"));', again=True) == []
    assert journal('return left(await openStore("7"));', again=True) == [["old", 1, 2], ["old", 2, 3], ["old", 3, 4]]


WAIT = """
    const store = await openStore("7");
    return new Promise((atOnce) => {
      globalThis.taken = new Promise((resolve) => {
        store.takeLeft((entries) => {
          atOnce(entries.length);
          if (entries.length > 0) resolve(entries.map(({ session, seq }) => [session, seq]));
        });
      });
    });
"""


def test_what_a_living_page_plays_is_left_to_it_until_it_lets_go(journal: Journal, other_tab: Page) -> None:
    journal(
        LEAVE_TWO + 'await store.keep({ session: "old", seq: 3, segments: played(3, 4) }); globalThis.store = store;'
    )
    assert run(other_tab, WAIT) == 0
    journal("globalThis.store.letGo();")
    assert other_tab.evaluate("globalThis.taken") == [["old", 1], ["old", 2], ["old", 3]]
    journal("await globalThis.store.holdAgain();")
    assert journal('return left(await openStore("7"));') == []  # the other page has them now


def test_a_closed_page_leaves_its_beats_to_an_open_one(journal: Journal, other_tab: Page, viewer: Viewer) -> None:
    journal(LEAVE_TWO)
    assert run(other_tab, WAIT) == 0
    viewer.page.close()
    assert other_tab.evaluate("globalThis.taken") == [["old", 1], ["old", 2]]


WITHOUT_LOCKS = """
    const request = await new Promise((resolve) => {
      const opening = indexedDB.open("watching");
      opening.onsuccess = () => resolve(opening.result);
    });
    const store = new Journal(request, "7", { ownership: new Ownership(null), abandonedSeconds: argument });
"""


def test_without_locks_an_open_stretch_is_taken_up_when_it_has_stood_still(journal: Journal, other_tab: Page) -> None:
    journal(
        LEAVE_TWO
        + """
        await store.keep({ session: "old", seq: 3, segments: played(3, 4) });
        await store.keep({ session: "alive", seq: 1, segments: played(0, 1) });
        globalThis.timer = setInterval(() => store.keep({ session: "alive", seq: 1, segments: played(0, 1) }), 50);
    """
    )
    found = run(other_tab, WITHOUT_LOCKS + "return left(store);", 3)
    assert found == [["old", 1, 2], ["old", 2, 3], ["old", 3, 4]]


@pytest.mark.parametrize(
    "refusal",
    [
        "Object.defineProperty(globalThis, 'indexedDB', { value: undefined });",
        "indexedDB.open = () => { throw new DOMException('no', 'SecurityError'); };",
        "indexedDB.open = () => { const r = {}; setTimeout(() => r.onerror()); return r; };",
        "indexedDB.open = () => ({});",
    ],
)
def test_a_browser_that_keeps_nothing_gets_a_store_as_old_as_the_page(journal: Journal, refusal: str) -> None:
    lasting, found = journal(
        refusal
        + """
        const store = await openStore("7");
        await store.put(beat("a", 1), { session: "a", check: "c", answer: 0 });
        await store.keep({ session: "a", seq: 2, segments: played(2, 3) });
        return [store.lasting, await left(store)];
    """
    )
    assert lasting is False
    assert found == [["a", 1, 2], ["a", "c", None], ["a", 2, 3]]


def test_a_journal_that_was_cleared_is_said_not_to_last(journal: Journal) -> None:
    before, after = journal(
        LEAVE_TWO
        + """
        const before = store.lasting;
        await new Promise((resolve) => { indexedDB.deleteDatabase("watching").onsuccess = resolve; });
        await store.put(beat("old", 3));
        await store.remove(beat("old", 3));
        return [before, store.lasting];
    """
    )
    assert (before, after) == (True, False)
