"""The XBlock `lms_plugin`: a module of the service in a course page, with the learner's hours.

Completion and grade are what the service answers to this server; the browser is never believed.
"""

import time
from html import escape
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import urlsplit

from web_fragments.fragment import Fragment
from xblock.completable import CompletableXBlockMixin, XBlockCompletionMode
from xblock.core import XBlock
from xblock.exceptions import JsonHandlerError
from xblock.fields import Float, Scope, String

from lms_plugin_xblock.service import OPEN, Away, Learner, NotConfigured, Place, Refused, Service
from lms_plugin_xblock.texts import all_texts, language_of, standing_lines, text

SETTINGS_KEY = "lms_plugin"
STUDENT_TEXTS = ("away", "frame_title", "loading")
STUDIO_TEXTS = ("away", "choose_one", "minutes", "none_found", "saved")


@XBlock.needs("user")
@XBlock.wants("settings")
class ModuleBlock(CompletableXBlockMixin, XBlock):
    """One module of the service. Where the service is, and the secret shared with it, stand in server settings."""

    has_score = True
    has_custom_completion = True
    completion_mode = XBlockCompletionMode.COMPLETABLE
    icon_class = "video"
    block_settings_key = SETTINGS_KEY

    display_name = String(default="", scope=Scope.settings)
    module_key = String(default="", scope=Scope.settings)
    """`programme/module`, as the service's list names it."""
    module_title = String(default="", scope=Scope.settings)
    weight = Float(default=1.0, scope=Scope.settings)
    published_ratio = Float(default=0.0, scope=Scope.user_state)
    """The greatest completion of `published_module` that was published for this learner."""
    published_module = String(default="", scope=Scope.user_state)
    """The module whose completion was published; "" where none was, or nobody knows which."""

    def max_score(self) -> float:
        return 1.0

    def student_view(self, context: object = None) -> Fragment:
        """The page's part: it is there at once, and asks for the hours by itself."""
        language = self._language()
        if not self.module_key:
            return self._message("not_chosen", language)
        fragment = self._page(
            "student.html",
            language,
            title=self.module_title or self.display_name,
            **_words(language, "loading", "open_here", "open_window", "refresh", "noscript", "hours_label"),
        )
        fragment.add_javascript(_resource("student.js"))
        fragment.initialize_js("LmsPluginStudent", {"texts": all_texts(language, *STUDENT_TEXTS)})
        return fragment

    def author_view(self, context: object = None) -> Fragment:
        """What an author sees in the outline: which module it is; nobody's hours."""
        language = self._language()
        try:
            self._service()
        except NotConfigured:
            return self._message("not_configured", language)
        if not self.module_key:
            return self._message("not_chosen_author", language)
        return self._page(
            "author.html", language, title=self.module_title, key=self.module_key, **_words(language, "author_lead")
        )

    def studio_view(self, context: object = None) -> Fragment:
        """Where an author chooses the module, by search."""
        language = self._language()
        try:
            self._service()
        except NotConfigured:
            return self._message("not_configured", language)
        fragment = self._page(
            "studio.html",
            language,
            shown_name=self.display_name,
            **_words(language, "search", "display_name", "save", "cancel"),
            id=str(self.scope_ids.usage_id),
        )
        fragment.add_javascript(_resource("studio.js"))
        fragment.initialize_js(
            "LmsPluginStudio", {"texts": all_texts(language, *STUDIO_TEXTS), "chosen": self.module_key}
        )
        return fragment

    @XBlock.json_handler
    def standing(self, data: Any, suffix: str = "") -> dict[str, Any]:
        """How the learner stands, asked of the service by this server; publishes completion and grade.

        `data["opening"]`: a page was opened. Then what is known is published once more, for a platform that
        did not take it before.
        """
        language = self._language()
        try:
            found = self._service().standing(
                language, time.time(), place=self._place(), learner=self._learner(language), module_key=self.module_key
            )
        except (NotConfigured, Away, Refused) as fault:
            return {"fault": _sentence(fault, language)}
        self._publish(found["ratio"], again=isinstance(data, dict) and data.get("opening") is True)
        return standing_lines(found, language)

    @XBlock.json_handler
    def open(self, data: Any, suffix: str = "") -> dict[str, str]:
        """What the browser posts, and where to: a hand-over that serves once, for a minute."""
        language = self._language()
        try:
            service = self._service()
        except NotConfigured as fault:
            return {"fault": _sentence(fault, language)}
        token = service.hand_over(
            OPEN,
            language,
            time.time(),
            place=self._place(),
            learner=self._learner(language),
            module_key=self.module_key,
        )
        return {"action": service.open_address, "token": token}

    @XBlock.json_handler
    def modules(self, data: Any, suffix: str = "") -> dict[str, Any]:
        """The modules that an author can choose from."""
        language = self._for_authors()
        try:
            found = self._service().modules(_said(data, "words"), language, time.time(), place=self._place())
        except (NotConfigured, Away, Refused) as fault:
            return {"fault": _sentence(fault, language)}
        return {"modules": found}

    @XBlock.json_handler
    def choose(self, data: Any, suffix: str = "") -> dict[str, str]:
        """Choose a module by its key; the title is the service's."""
        language = self._for_authors()
        key = _said(data, "key")
        try:
            listed = self._service().modules(key.replace("/", " "), language, time.time(), place=self._place())
        except (NotConfigured, Away, Refused) as fault:
            return {"fault": _sentence(fault, language)}
        found = next((one for one in listed if one["key"] == key), None)
        if found is None:
            return {"fault": text("choose_one", language)}
        self.module_key, self.module_title = found["key"], found["title"]
        self.display_name = _said(data, "name").strip()[:255] or found["title"]
        return {"key": self.module_key}

    @staticmethod
    def workbench_scenarios() -> list[tuple[str, str]]:
        """What the workbench shows: a block for an author to set up."""
        return [("A module with its class hours", "<lms_plugin/>")]

    def _publish(self, ratio: object, *, again: bool) -> None:
        """Publish how far the module is, never less than before; nothing where there is nothing to count yet.

        Another module than was published takes the place of that one, from 0 on.
        """
        if isinstance(ratio, bool) or not isinstance(ratio, int | float):
            return
        is_another = self.published_ratio > 0 and self.published_module != self.module_key
        before = 0.0 if is_another else self.published_ratio
        reached = max(before, min(1.0, float(ratio)))
        if is_another or (reached > 0 and (again or reached > before)):
            self.emit_completion(reached)
            self.runtime.publish(self, "grade", {"value": reached, "max_value": self.max_score()})
            self.published_ratio, self.published_module = reached, self.module_key

    def _service(self) -> Service:
        bucket = self.runtime.service(self, "settings")
        settings = bucket.get_settings_bucket(self, default={}) if bucket is not None else {}
        return Service.from_settings(settings or {}, _platform_origins())

    def _user(self) -> Any:
        return self.runtime.service(self, "user").get_current_user()

    def _learner(self, language: str) -> Learner:
        """Who is in front of the page.

        Raises:
            JsonHandlerError: nobody has signed in.
        """
        user = self._user()
        subject = user.opt_attrs.get("edx-platform.user_id") or self.scope_ids.user_id
        if not subject:
            raise JsonHandlerError(403, text("sign_in", language))
        return Learner(str(subject), str(user.opt_attrs.get("edx-platform.username") or ""), user.full_name or "")

    def _for_authors(self) -> str:
        """The language of an author.

        Raises:
            JsonHandlerError: it is a learner who asks.
        """
        language = self._language()
        if self._user().opt_attrs.get("edx-platform.user_role") == "student":
            raise JsonHandlerError(403, text("not_for_learners", language))
        return language

    def _place(self) -> Place:
        usage = self.scope_ids.usage_id
        course = getattr(usage, "context_key", None) or getattr(self.runtime, "course_id", None) or ""
        return Place(str(course), str(usage))

    def _language(self) -> str:
        """What the person chose on the platform, else the language of the request."""
        preferences = self._user().opt_attrs.get("edx-platform.user_preferences") or {}
        return language_of(preferences.get("pref-lang") or _django_language())

    def _message(self, key: str, language: str) -> Fragment:
        return self._page("message.html", language, **_words(language, key, as_="message"))

    def _page(self, name: str, language: str, **values: str) -> Fragment:
        filled = {key: escape(value) for key, value in values.items()}
        lang = {"zh": "zh-CN", "en": "en"}[language]
        fragment = Fragment(Template(_resource(name)).substitute(filled, lang=lang))
        fragment.add_css(_resource("block.css"))
        return fragment


def _words(language: str, *keys: str, as_: str | None = None) -> dict[str, str]:
    return {as_ or f"t_{key}": text(key, language) for key in keys}


def _resource(name: str) -> str:
    return files("lms_plugin_xblock").joinpath("public", name).read_text("utf-8")


def _said(data: Any, name: str) -> str:
    found = data.get(name) if isinstance(data, dict) else None
    return found if isinstance(found, str) else ""


def _sentence(fault: Exception, language: str) -> str:
    if isinstance(fault, Refused):
        return str(fault) or text("refused", language)
    return text("not_configured" if isinstance(fault, NotConfigured) else "away", language)


def _django_settings() -> Any:
    """Django's settings, where the runtime is Django's; None elsewhere."""
    try:
        from django.conf import settings
    except ImportError:
        return None
    return settings if settings.configured else None


def _django_language() -> str | None:
    """The language of the request, as Django has chosen it."""
    if _django_settings() is None:
        return None
    from django.utils.translation import get_language

    found = get_language()
    return str(found) if found else None


def _platform_origins() -> tuple[str, ...]:
    """The origins of the platform's own pages that show the block: the LMS, and its learning micro-frontend."""
    settings, found = _django_settings(), []
    for name in ("LMS_ROOT_URL", "LEARNING_MICROFRONTEND_URL"):
        parts = urlsplit(str(getattr(settings, name, None) or ""))
        if parts.scheme and parts.netloc:
            found.append(f"{parts.scheme}://{parts.netloc}")
    return tuple(found)
