"""Reads what an Open edX platform answers: which refusal its words and statuses stand for, and a block's completion."""

from decimal import Decimal
from http import HTTPStatus

from lms_plugin.adapters.guarded_http import HttpAnswer
from lms_plugin.adapters.http_answers import platform_words, refusal_of_any
from lms_plugin.services.ports import RefusalCode, Refused

# What the genuine view says with status 400; the words are the only thing that tells its reasons apart.
REFUSAL_WORDS = (
    ("user is not enrolled", RefusalCode.NOT_ENROLLED),
    ("feature is disabled", RefusalCode.TRACKING_DISABLED),
    ("block with key", RefusalCode.UNKNOWN_BLOCK),
    ("invalid block key", RefusalCode.UNKNOWN_BLOCK),
    ("invalid learning context key", RefusalCode.UNKNOWN_COURSE),
)


def refusal_of_writing(answer: HttpAnswer) -> Refused:
    """Which refusal of completion-batch this is (edx-completion 5.0.0, `CompletionBatchView.post`)."""
    words = platform_words(answer)
    if answer.status == HTTPStatus.BAD_REQUEST:
        for beginning, code in REFUSAL_WORDS:
            if beginning in words.lower():
                return Refused(code, words)
    if answer.status == HTTPStatus.NOT_FOUND and "detail" in answer.json_object():
        return Refused(RefusalCode.UNKNOWN_LEARNER, words)
    return refusal_of_any(answer)


def refusal_of_reading(answer: HttpAnswer) -> Refused:
    """Which refusal of the Course Blocks API this is (edx-platform, `course_api/blocks/forms.py` and `views.py`)."""
    words = platform_words(answer)
    if answer.status == HTTPStatus.NOT_FOUND and "developer_message" in answer.json_object():
        learner = "requested user" in words.lower()
        return Refused(RefusalCode.UNKNOWN_LEARNER if learner else RefusalCode.UNKNOWN_COURSE, words)
    if answer.status == HTTPStatus.BAD_REQUEST and "course key" in words.lower():
        return Refused(RefusalCode.UNKNOWN_COURSE, words)
    return refusal_of_any(answer)


def completion_of(block: object) -> Decimal | None:
    """The ratio in one entry of the Course Blocks API; a block without completion has null there."""
    value = block.get("completion") if isinstance(block, dict) else None
    return Decimal(value) if isinstance(value, int | Decimal) else None
