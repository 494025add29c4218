"""What services ask of the world outside, and everything it can answer: an LMS, and a server that takes e-mail.

Adapters implement it; services only know this.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from lms_plugin.domain.hours import Reached

WORDS_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands behind a block's ratio, for an LMS that asks for more than the ratio.

    `hours` are the class hours reached of those required; None where nobody has reckoned them. `stood_at` is when the
    standing became what it is: the same however often it is sent. `as_of` is later with each sending (AGS 2.0 asks for
    strictly rising timestamps). `may_be_held`: an earlier sending got no answer, so that it may have been taken.
    `attempts` is how often this standing was sent before.
    """

    hours: Reached | None
    stood_at: datetime
    as_of: datetime
    may_be_held: bool = False
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class CompletionMessage:
    """How far one learner has come, in the LMS's names.

    `blocks` maps block keys to ratios, 1 being complete; a message has at least one. An adapter keeps a ratio inside
    0..1 and never rounds an unfinished one up to 1. Sending a message again has the effect of sending it once, but
    an LMS may let a lower ratio replace a higher one: what is sent must be the learner's highest so far.
    An adapter for grades reads a username as the platform's user id and a block key as its line item.
    `standings` say more of some or all of the blocks, `language` (zh or en) is the learner's, for what people read.
    """

    username: str
    course_key: str
    blocks: Mapping[str, Decimal]
    standings: Mapping[str, Standing] = field(default_factory=dict)
    language: str = "zh"

    def __post_init__(self) -> None:
        if not self.blocks:
            raise ValueError("a completion message names at least one block")
        for block_key, ratio in self.blocks.items():
            if not ratio.is_finite():
                raise ValueError(f"the ratio of {block_key} is {ratio}")


class Concern(StrEnum):
    """What a refusal is about, and so what else is affected.

    message: this learner or course only; block: some of the message's blocks; platform: the connection itself, so
    that every other message to it would be refused too and sending should pause until `probe` is acknowledged.
    """

    MESSAGE = "message"
    BLOCK = "block"
    PLATFORM = "platform"


class RefusalCode(StrEnum):
    """Why an LMS will not take a message, however often it is sent."""

    NOT_ENROLLED = "not_enrolled"
    UNKNOWN_LEARNER = "unknown_learner"
    UNKNOWN_COURSE = "unknown_course"
    UNKNOWN_BLOCK = "unknown_block"
    REJECTED = "rejected"  # for a reason we have no name for: the words say it
    TRACKING_DISABLED = "tracking_disabled"
    BAD_CREDENTIALS = "bad_credentials"
    NOT_PERMITTED = "not_permitted"
    BAD_ADDRESS = "bad_address"

    @property
    def concern(self) -> Concern:
        if self is RefusalCode.UNKNOWN_BLOCK:
            return Concern.BLOCK
        return Concern.PLATFORM if self in _OF_THE_PLATFORM else Concern.MESSAGE


_OF_THE_PLATFORM = frozenset(
    {
        RefusalCode.TRACKING_DISABLED,
        RefusalCode.BAD_CREDENTIALS,
        RefusalCode.NOT_PERMITTED,
        RefusalCode.BAD_ADDRESS,
    }
)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The LMS holds every ratio of the message."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The LMS will not take it until somebody changes something: to be shown to an admin, not retried.

    `words` are the platform's own, at most 500 characters. `block_keys` names the blocks that were refused: the
    message's other blocks are stored. Empty means that the whole message was refused.
    """

    code: RefusalCode
    words: str
    block_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TryLater:
    """Nobody knows whether it was stored; send it again. `retry_after_seconds` is the LMS's wish, where it has one.

    `is_untaken`: the LMS says itself that it has not taken it, so that it need not be looked for there.
    """

    words: str
    retry_after_seconds: int | None = None
    is_untaken: bool = False


DeliveryAnswer = Acknowledged | Refused | TryLater


@dataclass(frozen=True, slots=True)
class Held:
    """What the LMS holds for one learner: a ratio for each block asked for.

    None means that the LMS shows the learner no completion there: the block is missing from the course, hidden
    from this learner, or of a kind that has none. A block that was never reported reads 0.
    """

    ratios: Mapping[str, Decimal | None] = field(default_factory=dict)


HeldAnswer = Held | Refused | TryLater


class LmsReporter(Protocol):
    """One LMS. Nothing is raised for what an LMS or the network does: it all comes back as an answer."""

    def send(self, message: CompletionMessage) -> DeliveryAnswer:
        """Store the message's ratios at the LMS."""
        ...

    def held(self, username: str, course_key: str, block_keys: Iterable[str]) -> HeldAnswer:
        """Read back what the LMS holds for a learner."""
        ...

    def probe(self) -> DeliveryAnswer:
        """Whether messages would be taken at all, found out without storing anything."""
        ...


@dataclass(frozen=True, slots=True)
class Letter:
    """One e-mail to one person, as plain text and as HTML.

    `message_id` (without angle brackets) is the same whenever the same letter is sent again. `unsubscribe_address` is
    where a POST ends e-mail to the person (RFC 8058). An adapter lets no text end a header.
    """

    to_address: str
    to_name: str
    subject: str
    text: str
    html: str
    message_id: str
    language: str
    unsubscribe_address: str


@dataclass(frozen=True, slots=True)
class MailTaken:
    """The server has taken the letter and answers for it."""


@dataclass(frozen=True, slots=True)
class MailRefused:
    """The letter or its address is refused for good (5xx); `words` are the server's, at most 300 characters."""

    words: str


@dataclass(frozen=True, slots=True)
class MailLater:
    """This letter was not taken (4xx) and may be later. `unsure`: the line was cut, and it may have been taken."""

    words: str
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class MailServerDown:
    """No letter can be sent at present: no connection, no encryption, a wrong password or a refused sender."""

    words: str


MailAnswer = MailTaken | MailRefused | MailLater | MailServerDown


class Mailer(Protocol):
    """A server that takes e-mail. Nothing is raised for what it or the network does: it all comes back as an answer."""

    def send(self, letter: Letter) -> MailAnswer:
        """Hand a letter over."""
        ...

    def close(self) -> None:
        """End the connection, where one is kept open; the next letter opens another."""
        ...
