"""A stand-in for edx-platform's Course Blocks API: who may read whose completion, and in which form.

As in edx-platform: staff may name another user, others only themselves (403); an unknown user is 404; an unknown
course is 404; blocks that the learner can't see are not listed; a block that only groups others has no completion
(null), one without a stored row has 0.0; mistakes come back as `developer_message`.
"""

from typing import Any

from completion.models import BlockCompletion
from django.contrib.auth import get_user_model
from edx_rest_framework_extensions.auth.jwt.authentication import JwtAuthentication
from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import CourseKey, UsageKey
from rest_framework.response import Response
from rest_framework.views import APIView

from peer_site.courses.models import Block

GROUPING_TYPES = {"course", "chapter", "sequential", "vertical"}


def mistake(status: int, words: str) -> Response:
    return Response({"developer_message": words}, status=status)


class BlocksInCourse(APIView):
    authentication_classes = (JwtAuthentication,)

    def get(self, request: Any) -> Response:
        query = request.query_params
        try:
            course_key = CourseKey.from_string(query.get("course_id", ""))
        except InvalidKeyError:
            return mistake(400, f"'{query.get('course_id', '')}' is not a valid course key.")
        username = query.get("username")
        if username is None:
            return mistake(400, "This field is required unless all_blocks is requested.")
        if not request.user.is_authenticated:
            return mistake(403, "Anonymous users cannot access another user's blocks.")
        if not request.user.is_staff and request.user.username != username:
            words = f"'{request.user.username}' does not have permission to access view for '{username}'."
            return mistake(403, words)
        learner = get_user_model().objects.filter(username=username).first()
        if learner is None:
            return mistake(404, f"Requested user '{username}' does not exist.")
        visible = list(Block.objects.filter(course_key=str(course_key), hidden=False))
        if not visible:
            return mistake(404, f"Course not found: {course_key}")

        wanted_types = {name for name in query.get("block_types_filter", "").split(",") if name}
        stored = BlockCompletion.get_learning_context_completions(learner, course_key)
        blocks = {}
        for block in visible:
            key = UsageKey.from_string(block.block_key)
            if wanted_types and key.block_type not in wanted_types:
                continue
            completion = None if key.block_type in GROUPING_TYPES else stored.get(key, 0.0)
            blocks[block.block_key] = {"id": block.block_key, "type": key.block_type, "completion": completion}
        root = str(course_key.make_usage_key("course", "course"))
        return Response({"root": root, "blocks": blocks})
