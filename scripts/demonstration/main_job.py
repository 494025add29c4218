"""The main job through the public API, step by step: a teacher earns hours, a tutor answers, an admin reports."""

import csv
import io
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from scripts.demonstration import posts
from scripts.demonstration.client import Check, Person, Sitting
from scripts.demonstration.installation import ROOT
from scripts.demonstration.story import Story

PROGRAMME = "remote-study"
EVERY_SECONDS = 10.0
SHORTEST_SECONDS = 0.001
REASONS = {
    "too_fast": "more film than the person's clock has room for",
    "outside_window": "the programme is not open at this time",
    "beyond_the_end": "the film is shorter than that",
    "malformed": "not a stretch of film",
}


@dataclass(slots=True)
class Job:
    """What the steps hand on to each other."""

    enrolment: dict[str, Any]
    watched: dict[str, float]
    thread_id: int = 0
    first_post_id: int = 0

    @property
    def modules(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.enrolment["modules"]
        return found


def signs_in(story: Story, teacher: Person) -> Job:
    """The teacher signs in and sees the programme and what is missing."""
    story.step("The teacher signs in")
    me = teacher.get("/api/v1/me")
    story.check("account", f"{me['name']} ({me['login']}), {', '.join(me['roles'])}", me["roles"] == ["learner"])
    enrolments = teacher.get("/api/v1/me/enrolments")
    enrolment = next(one for one in enrolments if one["programme"]["key"] == PROGRAMME)
    films = [module for module in enrolment["modules"] if module["video"]]
    seconds = sum(module["video"]["duration_seconds"] for module in films)
    story.check(
        "enrolled in",
        f"{enrolment['programme']['title']}: {len(films)} films, {seconds:.0f} s",
        bool(films) and enrolment["completion_ratio"] == 0,
    )
    hours = teacher.get(f"/api/v1/enrolments/{enrolment['id']}/hours")
    story.check("hours", _hours_line(hours), hours["total"]["credited_seconds"] == 0)
    story.check("missing", _missing_line(hours), not hours["completion"]["complete"])
    return Job(enrolment, {})


def tries_to_cheat(story: Story, teacher: Person, job: Job) -> Sitting:
    """A forged beat claims a whole film in the first second; the sitting stays open for honest watching."""
    story.step("A forged report claims a whole film at once")
    film = job.modules[0]["video"]
    sitting = Sitting(teacher, film["id"], job.enrolment["id"], choose=knowledge())
    answer = sitting.beat((0.0, film["duration_seconds"]))
    credited = _length(answer["credited"])
    withheld = sum(one["to"] - one["from"] for one in answer["withheld"])
    reasons = {one["reason"] for one in answer["withheld"]}
    story.check(
        "withheld",
        f"{withheld:.3f} of {film['duration_seconds']:.3f} s: {', '.join(REASONS.get(one, one) for one in reasons)}",
        reasons == {"too_fast"} and abs(credited + withheld - film["duration_seconds"]) < SHORTEST_SECONDS,
    )
    story.check("credited", f"{credited:.3f} s, what the clock had room for", credited < 3)
    story.check("the same again", "answered word for word the same", sitting.repeat() == answer)
    return sitting


def watches(story: Story, teacher: Person, job: Job, first: Sitting) -> None:
    """The teacher watches in real time at rate 1.5 until the required hours of film are reached."""
    hours = teacher.get(f"/api/v1/enrolments/{job.enrolment['id']}/hours")
    required = _standing(hours, "video")["required_class_hours"] * hours["class_hour_minutes"] * 60
    story.step(f"The teacher watches {required:.0f} s of film at 1.5x, in real time")
    left, sitting = required, first
    checks: list[Check] = []
    for module in job.modules:
        if left <= 0:
            break
        video = module["video"]
        if module is not job.modules[0]:
            before, sitting = sitting, Sitting(teacher, video["id"], job.enrolment["id"], choose=knowledge())
            story.check(
                "one film at a time", "the sitting before is told that it ended", before.beat()["lease"] == "lost"
            )
        end = min(video["duration_seconds"], left)
        watched = sitting.play(0.0, end, every_seconds=EVERY_SECONDS)
        story.check(
            module["key"],
            f"{end:5.1f} s in {watched.took_seconds:.1f} s, {watched.beats} reports,"
            f" {watched.fetched_bytes / 1e6:.1f} MB of film; {watched.covered:.3f} s counted",
            watched.withheld == watched.held == 0
            and watched.covered == end
            and abs(sitting.playlist_seconds - video["duration_seconds"]) < SHORTEST_SECONDS,
        )
        for check in watched.checks:
            story.check("presence check", f"put and answered: {check.question} {check.answer}", check.passed)
        checks += watched.checks
        job.watched[module["key"]] = end / video["duration_seconds"]
        if module is job.modules[0]:
            answer = sitting.beat((0.0, end))
            story.check("watched again", "adds nothing", answer["credited"] == [] and sitting.repeat() == answer)
        left = round(left - end, 3)
    story.check("presence checks", f"{len(checks)} put at moments nobody could foresee", bool(checks))
    films = teacher.get(f"/api/v1/enrolments/{job.enrolment['id']}/films")["films"]
    held = sum(len(film["held"]) for film in films)
    story.check("on hold", "nothing: every check was answered", held == 0)
    hours = teacher.get(f"/api/v1/enrolments/{job.enrolment['id']}/hours")
    story.check(
        "hours",
        _hours_line(hours),
        abs(_standing(hours, "video")["credited_seconds"] - required) < SHORTEST_SECONDS,
    )
    story.check("missing", _missing_line(hours), [one["code"] for one in hours["completion"]["missing"]] == ["posts"])


def writes(story: Story, teacher: Person, job: Job) -> None:
    """The teacher writes posts: one too short, one repeated, and as many that count as are missing."""
    story.step("The teacher takes part in the discussion")
    module = job.modules[-1]["id"]
    preview = teacher.post(f"/api/v1/modules/{module}/posts/preview", {"body": posts.TOO_SHORT})
    (title, body), (second_title, second_body) = posts.COUNTING
    short = teacher.post(f"/api/v1/modules/{module}/threads", {"title": "学习", "body": posts.TOO_SHORT}, status=201)
    story.check(
        "too short", short["message"], not short["counts"] and preview["reason"] == short["reason"] == "too_short"
    )
    first = teacher.post(f"/api/v1/modules/{module}/threads", {"title": title, "body": body}, status=201)
    story.check("a post that counts", first["message"], first["counts"])
    job.thread_id, job.first_post_id = first["thread_id"], first["id"]
    repeated = teacher.post(f"/api/v1/threads/{first['thread_id']}/posts", {"body": body}, status=201)
    story.check("the same once more", repeated["message"], repeated["reason"] == "repeats_own_post")
    second = teacher.post(f"/api/v1/modules/{module}/threads", {"title": second_title, "body": second_body}, status=201)
    story.check("another that counts", second["message"], second["counts"])


def replies(story: Story, tutor: Person, job: Job) -> None:
    """The tutor reads the class group's posts and replies, which earns nothing."""
    story.step("The tutor reads and replies")
    threads = tutor.get(f"/api/v1/modules/{job.modules[-1]['id']}/threads")["threads"]
    story.check(
        "threads to read", f"{len(threads)} in the class group", job.thread_id in {one["id"] for one in threads}
    )
    read = tutor.get(f"/api/v1/threads/{job.thread_id}/posts")["posts"]
    judged = [one["judgement"]["reason"] for one in read if one["judgement"]]
    story.check("posts and judgements", ", ".join(judged), judged == ["counts", "repeats_own_post"])
    answer = tutor.post(
        f"/api/v1/threads/{job.thread_id}/posts",
        {"body": posts.TUTOR_REPLY, "reply_to": job.first_post_id},
        status=201,
    )
    story.check("the reply", answer["message"], not answer["counts"])


def completes(story: Story, teacher: Person, job: Job) -> None:
    """The teacher's hours are complete, and every entry can be traced."""
    story.step("The teacher is complete")
    hours = teacher.get(f"/api/v1/enrolments/{job.enrolment['id']}/hours")
    story.check("hours", _hours_line(hours), hours["total"]["remaining_class_hours"] == 0)
    completion = hours["completion"]
    story.check(
        "completion",
        f"{completion['ratio']:.0%}, nothing missing",
        completion["complete"] and not completion["missing"],
    )
    entries = teacher.get(f"/api/v1/enrolments/{job.enrolment['id']}/ledger")["entries"]
    seconds = sum(entry["credited_seconds"] for entry in entries)
    chained = all(one["previous_hash"] == before["hash"] for before, one in pairwise(entries))
    story.check(
        "ledger",
        f"{len(entries)} entries, {seconds:.3f} s, each chained to the one before",
        chained
        and entries[-1]["hash"] == hours["ledger_head"]
        and abs(seconds - hours["total"]["credited_seconds"]) < SHORTEST_SECONDS,
    )


def reports(story: Story, admin: Person, name: str, learners: int) -> None:
    """The admin reads the completion report, as figures and as a file."""
    story.step("The admin pulls the completion report")
    by_county = admin.get("/api/v1/reports/completions", programme=PROGRAMME, group_by="county")
    rows = by_county["rows"]
    complete, total = sum(row["completed"] for row in rows), sum(row["enrolled"] for row in rows)
    for row in rows:
        story.tell(
            str(row["county_name"]), f"{row['completed']} of {row['enrolled']} complete, {row['not_started']} not begun"
        )
    story.check("all counties", f"{complete} of {total} complete", (complete, total) == (1, learners))
    text = admin.text("/api/v1/reports/completions", programme=PROGRAMME, group_by="learner", format="csv")
    headings, *lines = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    row = next((dict(zip(headings, line, strict=True)) for line in lines if name in line), {})
    story.check(
        "CSV, by learner", f"{len(lines)} rows of {len(headings)} columns", len(lines) == learners and bool(row)
    )
    story.tell("", ", ".join(f"{heading}: {row[heading]}" for heading in headings[-4:] if row))


def knowledge() -> Callable[[str, list[str]], int]:
    """What a teacher who watched the films knows: the right choice of every question of the programme, in English."""
    right = {}
    for path in (ROOT / "course_content" / PROGRAMME / "modules").glob("*/questions.toml"):
        for question in tomllib.loads(path.read_text(encoding="utf-8"))["questions"]:
            right[question["text"]["en"]] = question["choices"][question["answer"]]["en"]
    return lambda question, choices: choices.index(right[question])


def _standing(hours: dict[str, Any], key: str) -> dict[str, Any]:
    return next(one for one in hours["components"] if one["key"] == key)


def _hours_line(hours: dict[str, Any]) -> str:
    parts = [
        f"{one['key'] or 'total'} {one['credited_class_hours']:.2f} of {one['required_class_hours']:.2f}"
        for one in (*hours["components"], hours["total"])
    ]
    return ", ".join(parts)


def _missing_line(hours: dict[str, Any]) -> str:
    return "; ".join(one["message"] for one in hours["completion"]["missing"]) or "nothing"


def _length(spans: list[list[float]]) -> float:
    return sum(end - start for start, end in spans)
