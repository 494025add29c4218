"""The names of edx-platform that edx-completion and lti-consumer-xblock ask for; see README.md.

Both ask for them while they are imported or while they work, so every stand-in looks for the platform's own tables
only when it is called.
"""

import sys
import types
from typing import Any


class CourseEnrollment:
    """Who is enrolled where; edx-platform keeps this in its student application."""

    @staticmethod
    def is_enrolled(user: Any, course_key: Any) -> bool:
        from peer_site.courses.models import Enrolment

        return bool(Enrolment.objects.filter(user=user, course_key=str(course_key), is_active=True).exists())


class BearerAuthenticationAllowInactiveUser:
    """Opaque `Bearer` tokens, looked up where django-oauth-toolkit keeps them."""

    def __init__(self) -> None:
        from oauth2_provider.contrib.rest_framework import OAuth2Authentication

        self._genuine = OAuth2Authentication()

    def authenticate(self, request: Any) -> Any:
        return self._genuine.authenticate(request)

    def authenticate_header(self, request: Any) -> Any:
        return self._genuine.authenticate_header(request)


def get_blocks(request: Any, usage_key: Any, *_: Any, **__: Any) -> dict[str, Any]:
    """A course's tree as the subsection view wants it: here a block stands alone."""
    return {"root": usage_key, "blocks": {usage_key: {"children": []}}}


class CourseWaffleFlag:
    """A switch for one course; all are off, as on a new platform."""

    def __init__(self, name: str, module_name: str | None = None) -> None:
        self.name = name

    def is_enabled(self, course_key: Any = None) -> bool:
        return False


class ExternalIdName(type):
    """Looks the table up when it is asked for, long after this name was imported."""

    def __getattr__(cls, name: str) -> Any:
        from peer_site.lti.models import ExternalId

        return getattr(ExternalId, name)


class ExternalId(metaclass=ExternalIdName):
    """The opaque ids under which tools know users; edx-platform has an application for them."""


def modulestore() -> Any:
    from peer_site.lti.blocks import ModuleStore

    return ModuleStore()


def get_block_for_descriptor(**names: Any) -> None:
    from peer_site.lti.blocks import bind

    bind(**names)


def get_course_by_id(course_key: Any) -> Any:
    from peer_site.lti.blocks import course

    return course(course_key)


def get_course_members(course_key: Any) -> dict[int, dict[str, Any]]:
    from peer_site.lti.control import members

    return members(course_key)


def has_studio_write_access(user: Any, course_key: Any) -> bool:
    """The course's own staff may change it."""
    from peer_site.lti.models import Profile

    return bool(user.is_authenticated and Profile.objects.filter(user=user, role="staff").exists())


class OverEnrollmentLimitException(Exception):
    """edx-platform gives no roster of a course with too many members."""


def always(*_: Any, **__: Any) -> bool:
    return True


def unchanged(function: Any) -> Any:
    return function


NAMES: dict[str, dict[str, Any]] = {
    "common.djangoapps.student.models": {"CourseEnrollment": CourseEnrollment},
    "common.djangoapps.student.auth": {"has_studio_write_access": has_studio_write_access},
    "lms.djangoapps.course_api.api": {"get_course_members": get_course_members},
    "lms.djangoapps.course_api.blocks.api": {"get_blocks": get_blocks},
    "lms.djangoapps.course_api.exceptions": {"OverEnrollmentLimitException": OverEnrollmentLimitException},
    "lms.djangoapps.courseware.access": {"has_access": always},
    "lms.djangoapps.courseware.block_render": {"get_block_for_descriptor": get_block_for_descriptor},
    "lms.djangoapps.courseware.courses": {"check_course_access": always},
    "openedx.core.djangoapps.external_user_ids.models": {"ExternalId": ExternalId},
    "openedx.core.djangoapps.waffle_utils": {"CourseWaffleFlag": CourseWaffleFlag},
    "openedx.core.djangoapps.xblock.api": {},
    "openedx.core.lib.api.authentication": {
        "BearerAuthenticationAllowInactiveUser": BearerAuthenticationAllowInactiveUser
    },
    "openedx.core.lib.cache_utils": {"request_cached": unchanged},
    "openedx.core.lib.courses": {"get_course_by_id": get_course_by_id},
    "xmodule.modulestore.django": {"modulestore": modulestore},
}


def install() -> None:
    """Make the names importable, with every package above them."""
    for dotted, attributes in NAMES.items():
        parts = dotted.split(".")
        for length in range(1, len(parts) + 1):
            name = ".".join(parts[:length])
            if name not in sys.modules:
                module = types.ModuleType(name)
                module.__path__ = []
                sys.modules[name] = module
                if length > 1:
                    setattr(sys.modules[".".join(parts[: length - 1])], parts[length - 1], module)
        for attribute, value in attributes.items():
            setattr(sys.modules[dotted], attribute, value)
