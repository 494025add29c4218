"""A message whose blocks go out one after the other, and what their answers mean for the whole of it."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from lms_plugin.adapters.http_answers import on_one_line
from lms_plugin.services.ports import Acknowledged, Concern, DeliveryAnswer, Refused


def send_one_by_one(blocks: Mapping[str, Decimal], send: Callable[[str, Decimal], DeliveryAnswer]) -> DeliveryAnswer:
    """Send each block; the answer names those that were refused, the others are stored.

    What concerns the platform ends it. What was stored by then is stored again when the message comes back: the same,
    with one effect.
    """
    refusals: dict[str, Refused] = {}
    for block_key, ratio in blocks.items():
        answer = send(block_key, ratio)
        if isinstance(answer, Refused) and answer.code.concern is not Concern.PLATFORM:
            refusals[block_key] = answer
        elif not isinstance(answer, Acknowledged):
            return answer
    if not refusals:
        return Acknowledged()
    first = next(iter(refusals.values()))
    words = on_one_line("; ".join(dict.fromkeys(refusal.words for refusal in refusals.values())))
    return Refused(first.code, words, () if len(refusals) == len(blocks) else tuple(refusals))
