"""The three names of edx-platform that edx-completion asks for when it is imported; see README.md."""

import sys
import types
from typing import Any


class CourseEnrollment:
    """Who is enrolled where; edx-platform keeps this in its student application."""

    @staticmethod
    def is_enrolled(user: Any, course_key: Any) -> bool:
        from peer_site.courses.models import Enrolment

        return bool(Enrolment.objects.filter(user=user, course_key=str(course_key)).exists())


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


NAMES = {
    "common.djangoapps.student.models": {"CourseEnrollment": CourseEnrollment},
    "lms.djangoapps.course_api.blocks.api": {"get_blocks": get_blocks},
    "openedx.core.lib.api.authentication": {
        "BearerAuthenticationAllowInactiveUser": BearerAuthenticationAllowInactiveUser
    },
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
        for attribute, value in attributes.items():
            setattr(sys.modules[dotted], attribute, value)
