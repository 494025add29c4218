"""Every sentence of the skeleton, the components and the player has its Chinese, and no translation is left over."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[3]
WEB = ROOT / "lms_plugin" / "web"
TEMPLATES = WEB / "templates"
TRANSLATIONS = ROOT / "lms_plugin" / "translations" / "zh"
PLACEHOLDER = re.compile(r"\{\w+\}|%\(\w+\)s")
AREAS = {
    "shell": ["base.html", "_components.html"],
    "player": ["_player.html", "_player_texts.html"],
}


def translated(area: str) -> dict[str, str]:
    texts = {}
    with (TRANSLATIONS / f"{area}.po").open("rb") as file:
        for message in read_po(file):
            one, chinese = message.id, message.string or ""
            texts[one if isinstance(one, str) else one[0]] = chinese if isinstance(chinese, str) else chinese[0]
    return {english: chinese for english, chinese in texts.items() if english}


def used(area: str) -> set[str]:
    found: set[str] = set()
    for name in AREAS[area]:
        for _, message, _, _ in extract_from_file("jinja2.ext.babel_extract", TEMPLATES / name):
            found.add(message if isinstance(message, str) else message[0])
    return found


def said_anywhere() -> set[str]:
    """What any page says: its template, or the code behind it."""
    found: set[str] = set()
    for folder, method, names in ((TEMPLATES, "jinja2.ext.babel_extract", "*.html"), (WEB, "python", "*.py")):
        for path in folder.rglob(names):
            for _, message, _, _ in extract_from_file(method, path):
                found.add(message if isinstance(message, str) else message[0])
    return found


@pytest.mark.parametrize("area", AREAS)
def test_what_is_said_is_translated_and_nothing_else(area: str) -> None:
    known = {english for file in TRANSLATIONS.glob("*.po") for english in translated(file.stem)}
    assert used(area) - known == set()
    assert set(translated(area)) - said_anywhere() == set()


@pytest.mark.parametrize("area", AREAS)
def test_translations_keep_the_places_of_values(area: str) -> None:
    for english, chinese in translated(area).items():
        assert re.search(r"[一-鿿]", chinese), english
        assert sorted(PLACEHOLDER.findall(chinese)) == sorted(PLACEHOLDER.findall(english)), english


def test_every_sentence_the_scripts_ask_for_is_supplied() -> None:
    template = (TEMPLATES / "_player_texts.html").read_text(encoding="utf-8")
    supplied = set(re.findall(r'^  "(\w+)":', template, re.MULTILINE))
    scripts = (ROOT / "lms_plugin" / "web" / "static" / "player").glob("*.js")
    asked = {key for script in scripts for key in re.findall(r'say\("(\w+)"', script.read_text(encoding="utf-8"))}
    assert asked
    assert asked - supplied == set()
