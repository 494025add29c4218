"""A stand-in for edx-platform's list of enrolments: who may read it, by course, in pages with a cursor.

As in edx-platform: global staff only (401 without a token, 403 for others); a key that is none is 400; a course that is
not there has an empty list. The pages are genuinely django-rest-framework's, ordered by when rows were made.
"""

from typing import Any

from edx_rest_framework_extensions.auth.jwt.authentication import JwtAuthentication
from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import CourseKey
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import IsAdminUser
from rest_framework.serializers import CharField, ModelSerializer

from peer_site.courses.models import Enrolment


class Pages(CursorPagination):
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 100
    ordering = "-created"


class Row(ModelSerializer):
    user = CharField(source="user.username")
    course_id = CharField(source="course_key")

    class Meta:
        model = Enrolment
        fields = ("created", "mode", "is_active", "user", "course_id")


class Enrolments(ListAPIView):
    authentication_classes = (JwtAuthentication,)
    permission_classes = (IsAdminUser,)
    pagination_class = Pages
    serializer_class = Row

    def get_queryset(self) -> Any:
        rows = Enrolment.objects.select_related("user")
        course_id = self.request.query_params.get("course_id")
        if course_id is None:
            return rows
        try:
            return rows.filter(course_key=str(CourseKey.from_string(course_id)))
        except InvalidKeyError:
            raise ValidationError({"course_id": [f"'{course_id}' is not a valid course id."]}) from None
