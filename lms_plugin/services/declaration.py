"""A programme as text and back: how a published rule version is kept in the store."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from lms_plugin.domain.programme import (
    Component,
    ComponentKind,
    DiscussionRule,
    LmsCourse,
    Module,
    Programme,
    Question,
    Text,
    WatchingRule,
    Window,
)


def write_declaration(programme: Programme) -> str:
    """The programme as canonical JSON: equal programmes give equal texts."""
    return json.dumps(_plain(programme), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest_of(declaration: str) -> str:
    return hashlib.sha256(declaration.encode()).hexdigest()


@lru_cache(maxsize=512)
def read_declaration(declaration: str) -> Programme:
    """The programme that `write_declaration` wrote. Versions never change, so each is parsed once in a process."""
    content = json.loads(declaration)
    return Programme(
        key=content["key"],
        title=_text(content["title"]),
        description=_text(content["description"]),
        window=Window(
            opens_on=date.fromisoformat(content["window"]["opens_on"]),
            closes_on=date.fromisoformat(content["window"]["closes_on"]),
            timezone=content["window"]["timezone"],
        ),
        components=tuple(_component(component) for component in content["components"]),
        total_class_hours=Decimal(content["total_class_hours"]),
        class_hour_minutes=content["class_hour_minutes"],
        watching=WatchingRule(
            **_with_fractions(content["watching"], "max_rate", "completion_threshold"),
        ),
        discussion=DiscussionRule(**_with_fractions(content["discussion"], "duplicate_ratio")),
        modules=tuple(_module(module) for module in content["modules"]),
        lms=LmsCourse(**content["lms"]) if content["lms"] else None,
    )


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal | Fraction):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def _text(content: Mapping[str, str]) -> Text:
    return Text(zh=content["zh"], en=content["en"])


def _component(content: Mapping[str, Any]) -> Component:
    cap = content["max_class_hours"]
    return Component(
        key=content["key"],
        kind=ComponentKind(content["kind"]),
        title=_text(content["title"]),
        required_class_hours=Decimal(content["required_class_hours"]),
        max_class_hours=None if cap is None else Decimal(cap),
    )


def _module(content: Mapping[str, Any]) -> Module:
    return Module(
        key=content["key"],
        title=_text(content["title"]),
        summary=_text(content["summary"]) if content["summary"] else None,
        reading=_text(content["reading"]) if content["reading"] else None,
        questions=tuple(
            Question(
                key=question["key"],
                text=_text(question["text"]),
                choices=tuple(_text(choice) for choice in question["choices"]),
                answer=question["answer"],
            )
            for question in content["questions"]
        ),
        block_key=content["block_key"],
    )


def _with_fractions(content: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: Fraction(value) if name in names else value for name, value in content.items()}
