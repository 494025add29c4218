"""Presence checks as people meet them: which question is put, how it is shown, and what an answer does."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from lms_plugin.domain.errors import Malformed, NotFound
from lms_plugin.domain.evidence import Answered, Swept
from lms_plugin.domain.programme import Module, Programme, Question, Text
from lms_plugin.services.access import Actor
from lms_plugin.services.watch_desk import Desk, RulesOfVersion
from lms_plugin.storage.watching import ClockState, PlayState

OPEN, PASSED, FAILED, UNANSWERED = "open", "passed", "failed", "unanswered"

_RANDOM = random.SystemRandom()
_SUM = "sum"
_CHOICES_OF_A_SUM = 4


@dataclass(frozen=True, slots=True)
class CheckShown:
    """A presence check as its player shows it; whoever renders it picks a language."""

    number: int
    question: Text
    choices: tuple[Text, ...]
    answer_by: datetime


@dataclass(frozen=True, slots=True)
class AnswerResult:
    """What became of an answer; `check` is another try's question."""

    passed: bool
    film_changed: bool
    check: CheckShown | None


def put(desk: Desk, clock: ClockState, one: PlayState, rules: RulesOfVersion, now: datetime) -> None:
    """Draw a question for the check that a step has just put, and keep it: from the module's bank, else a small sum."""
    number, answer_by = clock.presence.open_number, clock.presence.answer_by
    if number is None or answer_by is None:
        raise AssertionError("unreachable")
    module = _module(desk, one.of.module_id, rules)
    questions = {question.key: question for question in module.questions} if module is not None else {}
    # Only where there are several is one of them not asked twice running.
    before = desk.check(one.user_id, number - 1) if len(questions) > 1 else None
    keys = [key for key in questions if before is None or key != before["question_key"]] or list(questions)
    key = _RANDOM.choice(keys) if keys else _new_sum()
    question = questions[key] if keys else _sum_of(key)
    order = list(range(len(question.choices)))
    _RANDOM.shuffle(order)
    desk.put_check(
        {
            "user_id": one.user_id,
            "number": number,
            "playback_session_id": one.id,
            "enrolment_id": one.of.enrolment_id,
            "module_id": one.of.module_id,
            "rule_version": rules.current.version,
            "question_key": key,
            "choice_order": ",".join(map(str, order)),
            "correct": order.index(question.answer),
            "issued_at": now,
            "answer_by": answer_by,
            "answered_at": None,
            "answer": None,
            "outcome": OPEN,
        }
    )


def shown(desk: Desk, clock: ClockState, one: PlayState) -> CheckShown | None:
    """The person's open check, for a session that can show it; None without one, or where the lease is elsewhere."""
    number = clock.presence.open_number
    if number is None or clock.playback_session_id != one.id:
        return None
    row = desk.check(clock.user_id, number)
    return None if row is None else _shown(desk, row)


def close_unanswered(desk: Desk, clock: ClockState, number: int | None) -> None:
    """Write down that a check's time was up."""
    if number is not None and clock.presence.open_number != number:
        desk.change_check(clock.user_id, number, outcome=UNANSWERED)


def answer(
    connection: Connection, actor: Actor, playback_session_id: str, number: int, *, choice: int, now: datetime
) -> AnswerResult:
    """Take a person's answer; a repeated one gets its first result again, one that comes late counts as none.

    Raises:
        NotFound: the session or the check is not the actor's, or there is none.
        Malformed: there is no such choice.
    """
    desk = Desk(connection)
    desk.lock([actor.user_id])
    desk.fetch([(actor.user_id, playback_session_id)])
    result = answer_at(desk, actor.user_id, playback_session_id, number, choice=choice, now=now)
    desk.save()
    return result


def answer_at(
    desk: Desk, user_id: int, playback_session_id: str, number: int, *, choice: int, now: datetime
) -> AnswerResult:
    """`answer` at a desk to which the person and the session have come; nothing is written yet.

    Raises:
        NotFound, Malformed: as `answer`.
    """
    clock, one = desk.clocks[user_id], desk.plays.get((user_id, playback_session_id))
    row = desk.check(user_id, number)
    if one is None or row is None:
        raise NotFound(what="presence_check")
    choices = row["choice_order"].count(",") + 1
    if not 0 <= choice < choices:
        fault = {"field": "answer", "code": "no_such_choice", "message": f"a whole number from 0 to {choices - 1}"}
        raise Malformed(faults=[fault])
    if row["outcome"] != OPEN:
        return AnswerResult(row["outcome"] == PASSED, True, shown(desk, clock, one))
    watcher = desk.watcher(clock)
    if watcher.pass_time(now):
        desk.record(clock, Swept(now))
        close_unanswered(desk, clock, number)
        return AnswerResult(False, True, None)
    is_right = choice == row["correct"]
    rules = desk.rules(one.of, now)
    draw_ms = desk.draw_ms(rules.terms)
    marked = watcher.answer(is_right, draw_ms=draw_ms)
    clock.checks = watcher.put
    desk.record(clock, Answered(now, number, choice, is_right, draw_ms, marked.check))
    desk.change_check(user_id, number, outcome=PASSED if is_right else FAILED, answered_at=now, answer=choice)
    if marked.check:
        put(desk, clock, one, rules, now)
    return AnswerResult(is_right, marked.film_changed, shown(desk, clock, one) if marked.check else None)


def sweep(connection: Connection, user_id: int, now: datetime) -> bool:
    """Deal with a person's check whose time is up, though nobody wrote; True where there was one."""
    desk = Desk(connection)
    desk.lock([user_id])
    clock = desk.clocks[user_id]
    number = clock.presence.open_number
    if not desk.watcher(clock).pass_time(now):
        return False
    desk.record(clock, Swept(now))
    close_unanswered(desk, clock, number)
    desk.save()
    return True


def question_of(programme: Programme, module_key: str | None, question_key: str) -> Question:
    """The question of a check, by a version of its programme.

    Raises:
        ValueError: there is no such question.
    """
    module = next((one for one in programme.modules if one.key == module_key), None)
    question = next((one for one in (module.questions if module else ()) if one.key == question_key), None)
    if question is None and question_key.startswith(f"{_SUM}:") and question_key.count(":") == 3:
        question = _sum_of(question_key)
    if question is None:
        raise ValueError(f"there is no question {question_key}")
    return question


def right_place(programme: Programme, module_key: str | None, question_key: str, choice_order: str) -> int:
    """Where the right choice of a check's question stood as it was shown: what an audit works out again.

    Raises:
        ValueError: there is no such question, or the order is none of its choices.
    """
    question = question_of(programme, module_key, question_key)
    order = [int(place) for place in choice_order.split(",")]
    if sorted(order) != list(range(len(question.choices))):
        raise ValueError(f"{choice_order} is no order of its choices")
    return order.index(question.answer)


def _shown(desk: Desk, row: Mapping[str, Any]) -> CheckShown:
    # The check can be another programme's than that of the session that shows it.
    programme_id, _ = desk.module(row["module_id"]) or (0, "")
    module = _module(desk, row["module_id"], desk.rules_of(programme_id, row["rule_version"]))
    questions = module.questions if module is not None else ()
    question = next((known for known in questions if known.key == row["question_key"]), None)
    if question is None:
        question = _sum_of(row["question_key"])
    choices = tuple(question.choices[int(place)] for place in row["choice_order"].split(","))
    return CheckShown(row["number"], question.text, choices, row["answer_by"])


def _module(desk: Desk, module_id: int, rules: RulesOfVersion) -> Module | None:
    _, key = desk.module(module_id) or (0, "")
    return next((module for module in rules.programme.modules if module.key == key), None)


def _new_sum() -> str:
    return f"{_SUM}:{_RANDOM.randint(2, 9)}:{_RANDOM.randint(2, 9)}:{_RANDOM.randint(0, _CHOICES_OF_A_SUM - 1)}"


def _sum_of(key: str) -> Question:
    """A question for modules without a bank; all of it stands in its key: the two numbers, and where the sum stands."""
    first, second, place = (int(part) for part in key.split(":")[1:])
    right = first + second
    results = [str(right - place + number) for number in range(_CHOICES_OF_A_SUM)]
    text = Text(zh=f"{first} 加 {second} 等于几？", en=f"What is {first} plus {second}?")
    return Question(key, text, tuple(Text(result, result) for result in results), place)
