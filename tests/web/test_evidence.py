"""What is held is shown with its reason and its way back; every entry opens what it rests on; tutors release."""

import re

import pytest

from lms_plugin.services import hours
from tests.web.stage import BEGAN_MS, Stage


@pytest.fixture
def held_to_ms(stage: Stage) -> int:
    """The teacher watched on from 5:00, and answered a presence check wrongly; gives up to where the film is held."""
    return stage.hold_film()


def entry_address(stage: Stage, number: int) -> str:
    return f"{stage.hours_address}/entries/{number}"


def shown(milliseconds: int) -> str:
    return f"{milliseconds // 60_000}:{milliseconds // 1000 % 60:02}"


def release(stage: Stage, held_to_ms: int, reason: str, person: str = "tutor") -> str:
    answer = stage.browser(person).post(
        f"/tutor/enrolments/{stage.enrolment_id}/releases",
        video_id=str(stage.video_id),
        segment=f"{BEGAN_MS}-{held_to_ms}",
        reason=reason,
    )
    return answer.text


def test_what_is_held_is_shown_with_its_reason_and_a_link_that_plays_it(stage: Stage, held_to_ms: int) -> None:
    hours_page = stage.browser("teacher").get(stage.hours_address).text
    programme = stage.browser("teacher").get(f"/enrolments/{stage.enrolment_id}").text

    for page in (hours_page, programme):
        assert f"{shown(held_to_ms - BEGAN_MS)} on hold" in page
        assert "It counts when you watch it again, or when your tutor confirms it:" in page
        assert f"?from=300.000&amp;to={held_to_ms / 1000:.3f}" in page
        assert f"Watch 5:00–{shown(held_to_ms)} again" in page
    for person in ("tutor", "admin"):
        page = stage.browser(person).get(stage.hours_address).text
        assert f"5:00–{shown(held_to_ms)}" in page
        assert "?from=" not in page
    assert "/tutor?group=" in stage.browser("tutor").get(stage.hours_address).text
    assert "/tutor?group=" not in stage.browser("admin").get(stage.hours_address).text


@pytest.mark.parametrize("person", ["teacher", "tutor", "county", "admin"])
def test_every_entry_of_the_hours_page_opens_and_says_what_the_ledger_says(
    stage: Stage, held_to_ms: int, person: str
) -> None:
    browser = stage.browser(person)
    with stage.database.reading() as session:
        rows = hours.entries(session, stage.enrolment_id)
    linked = re.findall(r"/hours/entries/(\d+)", browser.get(stage.hours_address).text)
    assert linked == [str(row.number) for row in rows]
    for row in rows:
        page = browser.get(entry_address(stage, row.number)).text
        assert f"<code>{row.hash}</code>" in page
        assert f"<code>{row.previous_hash}</code>" in page
        assert row.rule_version in page
        if "evidence" in row.detail:
            assert row.detail["evidence"] in page
            assert "is in the evidence" in page
        assert "do not agree" not in page


def test_entries_show_reports_posts_and_what_was_taken_back(stage: Stage, held_to_ms: int) -> None:
    # The ledger: post, film, film, taken back.
    post, first, watched, taken = (
        stage.browser("teacher").get(entry_address(stage, number)).text for number in (1, 2, 3, 4)
    )

    assert "1 report of the player came on Nov 24, 2026: 5:00 played, 5:00 counted at once." in first
    assert "Nov 24, 2026 19:05:00" in first
    assert f'href="{stage.thread_address}#post-{stage.post_id}"' in post
    assert "Counts: 15 minutes of credit." in post
    amount = shown(held_to_ms - BEGAN_MS)
    assert f"{amount} played, {amount} counted at once." in watched
    assert f'<dd class="figures">−{amount}</dd>' in taken
    assert f"Taken back of “Understanding pupils”, 5:00–{shown(held_to_ms)}" in taken
    assert "was answered wrongly on" in taken
    assert "What is" in taken
    assert f"−{amount}" in stage.browser("teacher").get(stage.hours_address).text


def test_a_post_is_linked_for_its_tutor_and_named_for_the_office(stage: Stage) -> None:
    assert f"/tutor/threads/{stage.thread_id}#post-" in stage.browser("tutor").get(entry_address(stage, 1)).text
    office = stage.browser("admin").get(entry_address(stage, 1)).text
    assert "量花坛" in office
    assert f"threads/{stage.thread_id}" not in office


def test_a_tutor_releases_with_a_reason_and_the_learner_reads_it(stage: Stage, held_to_ms: int) -> None:
    page = stage.browser("tutor").get("/tutor").text
    assert f'name="segment" value="{BEGAN_MS}-{held_to_ms}"' in page
    assert "Nov 24, 2026 20:" in page
    assert "王丽" not in stage.browser("other-tutor").get("/tutor").text

    refused = release(stage, held_to_ms, "  ")
    assert "Please say why it should count." in refused
    assert '<details class="release" open>' in refused
    assert "The reason is too long" in release(stage, held_to_ms, "好" * 501)
    assert "好" * 501 in release(stage, held_to_ms, "好" * 501)
    release(stage, held_to_ms, "当时停电，我在教室里")

    assert "Nothing of your learners is on hold." in stage.browser("tutor").get("/tutor").text
    entry = stage.browser("teacher").get(entry_address(stage, 5)).text
    assert "Decided by 李建国." in entry
    assert "当时停电，我在教室里" in entry
    assert "was answered wrongly on" in entry
    hours_page = stage.browser("teacher").get(stage.hours_address).text
    assert "Confirmed by a tutor: “Understanding pupils”" in hours_page
    assert "on hold" not in hours_page


def test_stretches_can_be_left_out_and_what_is_no_stretch_releases_nothing(stage: Stage, held_to_ms: int) -> None:
    browser = stage.browser("tutor")
    for segment in ("x", "5-", "9-3", "-", "0-1000"):
        answer = browser.post(
            f"/tutor/enrolments/{stage.enrolment_id}/releases",
            video_id=str(stage.video_id),
            segment=segment,
            reason="r",
        )
        assert answer.status_code == 303
    assert "Nothing of it is on hold any more." in browser.get("/tutor").text
    answer = browser.post(f"/tutor/enrolments/{stage.enrolment_id}/releases", video_id="x", segment="0-1", reason="r")
    assert answer.status_code == 404


def test_films_and_releases_through_the_api(stage: Stage, held_to_ms: int) -> None:
    films = f"/api/v1/enrolments/{stage.enrolment_id}/films"
    releases = f"/api/v1/enrolments/{stage.enrolment_id}/releases"
    held = {
        "from": BEGAN_MS / 1000,
        "to": held_to_ms / 1000,
        "reason": "presence_unanswered",
        "message": "The presence check in between was not answered. It counts when you watch it again, or when your"
        " tutor confirms it",
    }
    for person in ("teacher", "tutor", "county"):
        answer = stage.browser(person).call("GET", films).json
        first = answer["films"][0]
        assert (first["covered"], first["held"], first["withheld"]) == ([[0, 300]], [held], [])
        assert (first["module_key"], first["covered_seconds"], first["duration_seconds"]) == ("reading", 300, 1200)

    tutor = stage.browser("tutor")
    body = {"video_id": stage.video_id, "segments": [[300, 320], [0, 10]], "reason": "停电"}
    for fault in ({"segments": []}, {"segments": [[5, 5]]}, {"segments": [[-1, 5]]}, {"reason": " "}):
        assert tutor.call("POST", releases, body | fault).status_code == 422
    answer = tutor.call("POST", releases, body)
    assert (answer.status_code, answer.json) == (201, {"released_seconds": 20.0})
    assert tutor.call("POST", releases, body).json == {"released_seconds": 0.0}
    assert stage.browser("teacher").call("GET", films).json["films"][0]["covered_seconds"] == 320


def test_everything_is_said_in_chinese_too(stage: Stage, held_to_ms: int) -> None:
    for person, address in (
        *(("teacher", entry_address(stage, number)) for number in (1, 2, 3, 4)),
        ("teacher", stage.hours_address),
        ("tutor", "/tutor"),
    ):
        page = stage.browser(person, language="zh").get(address).text
        main = re.sub(r"<[^>]+>|<!--.*?-->|&[a-z]+;", " ", page[page.index("<main") : page.index("</main>")])
        words = set(re.findall(r"[A-Za-z]{4,}", main)) - {"rural", "clocks", "checked", "play", "posts", "words"}
        assert not {one for one in words if not re.fullmatch(r"[0-9a-f]+", one)}, (address, words)
