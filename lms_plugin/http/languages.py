"""The language of a request, and the catalogues of translations: .po files read at start, no build step."""

from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import request, session
from flask_babel import Babel, Domain, get_locale
from flask_login import current_user

import lms_plugin.translations
from lms_plugin.http.identity import bearer_token

LANGUAGES = ("zh", "en")
DEFAULT = "zh"
_FOLDER = Path(lms_plugin.translations.__file__).parent


class _MergedCatalogues(Domain):
    """The texts of a language from all its .po files; English is the language of the sources."""

    def get_translations(self) -> Translations | NullTranslations:
        locale = get_locale()
        return _translations(locale.language if locale else DEFAULT)


@lru_cache
def _translations(language: str) -> Translations | NullTranslations:
    return read_translations(_FOLDER / language)


def read_translations(folder: Path) -> Translations | NullTranslations:
    """All catalogues in a folder as one; none gives the sources' own texts."""
    merged = Catalog(locale=folder.name if folder.is_dir() else None, fuzzy=False)
    for path in sorted(folder.glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=folder.name):
                if message.id and not message.fuzzy:
                    merged[message.id] = message
    if not len(merged):
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return Translations(fp=compiled)


def translations(language: str) -> Translations | NullTranslations:
    """The texts of a language, for whoever writes outside of any request."""
    return _translations(language)


def choose_language() -> str:
    """What the person chose, else what the account says, else the browser's best; Chinese when in doubt.

    A program with a token is answered in the language it asks for, where it asks for one.
    """
    asked = request.accept_languages.best_match(LANGUAGES)
    if bearer_token(request) is not None and asked is not None:
        return asked
    chosen = session.get("language")
    if chosen in LANGUAGES:
        return str(chosen)
    if current_user and current_user.is_authenticated:
        return str(current_user.language)
    return asked or DEFAULT


def current_language() -> str:
    locale = get_locale()
    return locale.language if locale else DEFAULT


class _Languages(Babel):
    """Flask-Babel takes the name of a domain only; this one has its own way to find texts."""

    @property
    def domain_instance(self) -> Domain:
        return _MERGED


def make_babel() -> Babel:
    return _Languages()


_MERGED = _MergedCatalogues()
