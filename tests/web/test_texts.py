"""Every sentence of the pages has its Chinese, keeps the places of its values, and none is left over."""

import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from lms_plugin.services.findings import SENTENCES as FINDINGS

ROOT = Path(__file__).resolve().parents[2] / "lms_plugin"
PLACEHOLDER = re.compile(r"\{\w+\}|%\(\w+\)s|%%")
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
# The same in both languages, or without a word in it.
WORDLESS = {
    "%(label)s: %(value)s",
    "%(what)s, %(when)s",
    ", ",
    "%(day)s %(time)s",
    "%(credited)s of %(required)s",
    "%(counting)s of %(posts)s",
    "%(rest)s and %(last)s",
}


def used() -> Iterator[tuple[str, str]]:
    """(English text, file) of every text that is asked for."""
    sources = [("jinja2.ext.babel_extract", path) for path in (ROOT / "web" / "templates").rglob("*.html")]
    for folder in ("web", "http", "api"):
        sources += [("python", path) for path in (ROOT / folder).rglob("*.py")]
    # Commands say these in English; pages translate them by code.
    yield from ((sentence, "findings.py") for sentence in FINDINGS.values())
    for method, path in sources:
        for _, message, _, _ in extract_from_file(method, path, keywords=KEYWORDS):
            yield (message if isinstance(message, str) else message[0]), path.name


def catalogues() -> Iterator[tuple[str, Message]]:
    for path in sorted((ROOT / "translations" / "zh").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="zh"):
                if message.id:
                    yield path.name, message


def english(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def chinese(message: Message) -> str:
    return message.string if isinstance(message.string, str) else (message.string or ("",))[0]


def test_everything_said_is_translated_and_nothing_else() -> None:
    said = dict(used())
    translated = {english(message): name for name, message in catalogues()}

    assert {text: said[text] for text in said.keys() - translated.keys()} == {}
    assert {text: translated[text] for text in translated.keys() - said.keys()} == {}


def test_no_text_is_translated_twice() -> None:
    texts = [english(message) for _, message in catalogues()]

    assert sorted(text for text in set(texts) if texts.count(text) > 1) == []


def test_translations_are_chinese_and_keep_the_places_of_values() -> None:
    for name, message in catalogues():
        source = message.id if isinstance(message.id, str) else message.id[-1]
        text = chinese(message)
        assert not message.fuzzy, (name, source)
        assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(source)), (name, source)
        assert english(message) in WORDLESS or re.search(r"[一-鿿]", text), (name, source)
