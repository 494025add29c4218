from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from peer_site.control import seed, state
from peer_site.course_blocks import BlocksInCourse
from peer_site.enrolments import Enrolments
from peer_site.lti.control import control, frame
from peer_site.lti.control import state as lti_state
from peer_site.oauth import AccessTokenView

urlpatterns = [
    path("oauth2/access_token", csrf_exempt(AccessTokenView.as_view())),
    path("oauth2/access_token/", csrf_exempt(AccessTokenView.as_view())),
    path("api/completion/", include("completion.api.urls", namespace="completion")),
    path("api/courses/v1/blocks/", BlocksInCourse.as_view()),
    path("api/enrollment/v1/enrollments", Enrolments.as_view()),
    path("api/", include("lti_consumer.plugin.urls", namespace="lti_consumer")),
    path("peer/lti/frame", frame),
    path("peer/lti/state", lti_state),
    path("peer/lti/<str:what>", control),
    path("peer/seed", seed),
    path("peer/state", state),
]
