"""Every address with every kind of person. An address without a row here fails: what is not allowed is denied."""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select
from werkzeug.routing import Rule

from lms_plugin.storage.questions import QuestionReply
from tests.web.stage import LONG_POST, Stage

pytestmark = pytest.mark.long  # thousands of requests to what other tests cover one by one

PEOPLE = (None, "teacher", "mate", "stranger", "tutor", "other-tutor", "county", "far", "admin")
ENTRY = {"title": "t", "body": LONG_POST}
JSON_ENTRY = {"title": "t", "body": LONG_POST}

# method, endpoint: the answer to nobody, the teacher whose things they are, a classmate, a learner of another group,
# the group's tutor, another group's tutor, the teacher's county office, a far county's office, the whole office.
PAGES = {
    ("GET", "static"): (200, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "health.healthz"): (200, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "health.readyz"): (200, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "prometheus_metrics"): (200, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "openapi.spec"): (200, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "pages.api_docs"): (200, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "pages.login"): (200, 302, 302, 302, 302, 302, 302, 302, 302),
    ("POST", "pages.login"): (401, 401, 401, 401, 401, 401, 401, 401, 401),
    ("POST", "pages.logout"): (302, 302, 302, 302, 302, 302, 302, 302, 302),
    ("POST", "pages.language"): (302, 302, 302, 302, 302, 302, 302, 302, 302),
    ("GET", "pages.media"): (200, 200, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.lti_login"): (400, 400, 400, 400, 400, 400, 400, 400, 400),  # no platform says what for
    ("POST", "pages.lti_login"): (400, 400, 400, 400, 400, 400, 400, 400, 400),
    ("POST", "pages.lti_launch"): (400, 400, 400, 400, 400, 400, 400, 400, 400),
    ("GET", "pages.lti_key_set"): (200, 200, 200, 200, 200, 200, 200, 200, 200),
    ("POST", "pages.lti_account"): (400, 400, 400, 400, 400, 400, 400, 400, 400),
    ("POST", "pages.lti_link_account"): (400, 400, 400, 400, 400, 400, 400, 400, 400),
    ("GET", "pages.lti_programme"): (302, 302, 302, 302, 302, 302, 302, 302, 302),
    ("GET", "pages.lti_module"): (302, 302, 302, 302, 302, 302, 302, 302, 302),
    ("GET", "pages.continue_with_ticket"): (400, 400, 400, 400, 400, 400, 400, 400, 400),
    ("POST", "pages.continue_with_ticket"): (400, 400, 400, 400, 400, 400, 400, 400, 400),
    ("GET", "pages.home"): (302, 200, 200, 200, 302, 302, 302, 302, 302),
    ("GET", "pages.programme"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.hours"): (302, 200, 404, 404, 200, 404, 200, 404, 200),
    ("GET", "pages.pace"): (302, 200, 404, 404, 200, 404, 200, 404, 200),
    ("GET", "pages.entry"): (302, 200, 404, 404, 200, 404, 200, 404, 200),
    ("GET", "pages.disputes"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.disputes"): (401, 303, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.withdraw_dispute"): (302, 303, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.own_meetings"): (302, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "pages.viewings"): (302, 200, 200, 200, 200, 200, 200, 200, 200),
    ("POST", "pages.viewings"): (302, 404, 404, 404, 404, 404, 404, 404, 404),  # their schools view nothing together
    ("GET", "pages.meeting"): (302, 302, 302, 404, 200, 404, 404, 404, 200),  # of two counties: the county runs it not
    ("GET", "pages.calendar"): (302, 200, 200, 200, 200, 200, 200, 200, 200),
    ("POST", "pages.calendar"): (302, 303, 303, 303, 303, 303, 303, 303, 303),
    ("GET", "pages.calendar_feed"): (404, 404, 404, 404, 404, 404, 404, 404, 404),  # a made-up token
    ("GET", "pages.meeting_file"): (302, 200, 200, 404, 200, 404, 404, 404, 200),
    ("GET", "pages.meeting_edit"): (302, 404, 404, 404, 200, 404, 404, 404, 200),
    ("POST", "pages.meeting_edit"): (302, 404, 404, 404, 422, 404, 404, 404, 422),
    ("GET", "pages.meeting_questions"): (302, 200, 200, 404, 200, 404, 404, 404, 200),
    ("POST", "pages.meeting_questions"): (401, 303, 303, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.meeting_questions_live"): (401, 200, 200, 404, 200, 404, 404, 404, 200),
    ("POST", "pages.meeting_question"): (302, 303, 303, 404, 404, 404, 404, 404, 404),  # the teacher's own, by votes
    ("GET", "pages.meeting_notes"): (302, 200, 200, 404, 200, 404, 404, 404, 200),
    ("POST", "pages.meeting_notes"): (401, 404, 404, 404, 303, 404, 404, 404, 303),
    ("POST", "pages.makeup"): (302, 303, 303, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.own_meeting_live"): (401, 200, 200, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.meeting_live"): (401, 404, 404, 404, 200, 404, 404, 404, 200),
    ("POST", "pages.meeting_state"): (302, 404, 404, 404, 303, 404, 404, 404, 303),
    ("POST", "pages.meeting_attendance"): (302, 404, 404, 404, 303, 404, 404, 404, 303),
    ("GET", "pages.meeting_sign_in"): (302, 200, 200, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.meeting_sign_in"): (302, 422, 422, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.tutor_meetings"): (302, 403, 403, 403, 200, 200, 403, 403, 403),
    ("POST", "pages.tutor_meetings"): (302, 403, 403, 403, 404, 404, 403, 403, 403),
    ("GET", "pages.office_meetings"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("POST", "pages.office_meetings"): (302, 403, 403, 403, 403, 403, 404, 404, 404),
    ("GET", "pages.module"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.module"): (401, 303, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.thread"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.thread"): (401, 303, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.preview"): (200, 200, 200, 200, 200, 200, 404, 404, 404),
    ("GET", "pages.questions"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.questions"): (401, 303, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.question"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.question"): (401, 303, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.alike"): (200, 200, 200, 200, 200, 200, 404, 404, 404),
    ("GET", "pages.tutor_questions"): (302, 403, 403, 403, 200, 200, 403, 403, 403),
    ("GET", "pages.tutor_question"): (302, 403, 403, 403, 200, 404, 403, 403, 403),
    ("POST", "pages.tutor_question"): (401, 403, 403, 403, 303, 404, 403, 403, 403),
    ("POST", "pages.mark_reply"): (302, 403, 403, 403, 303, 404, 403, 403, 403),
    ("POST", "pages.merge_question"): (302, 403, 403, 403, 303, 404, 403, 403, 403),
    ("GET", "pages.promote_question"): (302, 403, 403, 403, 200, 404, 403, 403, 403),
    ("POST", "pages.promote_question"): (401, 403, 403, 403, 303, 404, 403, 403, 403),
    ("GET", "pages.tutor_faq"): (302, 403, 403, 403, 200, 200, 403, 403, 403),
    ("POST", "pages.withdraw_faq"): (302, 403, 403, 403, 303, 303, 403, 403, 303),
    ("GET", "pages.office_faq"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("GET", "pages.post_history"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.edit_post"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.edit_post"): (401, 409, 404, 404, 404, 404, 404, 404, 404),  # the API took it back before
    ("GET", "pages.remove_post"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.remove_post"): (302, 303, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.tutor_posts"): (302, 403, 403, 403, 200, 200, 403, 403, 403),
    ("POST", "pages.tutor_posts"): (302, 403, 403, 403, 303, 303, 403, 403, 403),
    ("GET", "pages.tutor_post"): (302, 403, 403, 403, 200, 404, 403, 403, 403),
    ("POST", "pages.tutor_post"): (302, 403, 403, 403, 303, 404, 403, 403, 403),
    ("GET", "pages.notices"): (302, 200, 200, 200, 200, 200, 200, 200, 200),
    ("POST", "pages.notices"): (302, 303, 303, 303, 303, 303, 303, 303, 303),
    ("POST", "pages.notices_read"): (302, 303, 303, 303, 303, 303, 303, 303, 303),
    ("POST", "pages.notice"): (302, 303, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.unsubscribe"): (404, 404, 404, 404, 404, 404, 404, 404, 404),  # a made-up token
    ("POST", "pages.unsubscribe"): (404, 404, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.tutor"): (302, 403, 403, 403, 200, 200, 403, 403, 403),
    ("GET", "pages.release"): (302, 404, 404, 404, 302, 404, 404, 404, 404),
    ("POST", "pages.release"): (401, 404, 404, 404, 303, 404, 404, 404, 404),
    ("GET", "pages.tutor_disputes"): (302, 403, 403, 403, 200, 200, 403, 403, 403),
    ("GET", "pages.proposal"): (302, 403, 403, 403, 200, 404, 403, 403, 403),
    ("POST", "pages.proposal"): (401, 403, 403, 403, 303, 404, 403, 403, 403),
    ("GET", "pages.tutor_module"): (302, 403, 403, 403, 200, 200, 403, 403, 403),
    ("POST", "pages.tutor_module"): (401, 403, 403, 403, 303, 303, 403, 403, 403),
    ("GET", "pages.tutor_thread"): (302, 403, 403, 403, 200, 404, 403, 403, 403),
    ("POST", "pages.tutor_thread"): (401, 403, 403, 403, 303, 404, 403, 403, 403),
    ("GET", "pages.messages"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.tutor_selected"): (302, 404, 404, 404, 302, 404, 404, 404, 404),
    ("POST", "pages.tutor_selected"): (302, 404, 404, 404, 303, 404, 404, 404, 404),
    ("GET", "pages.tutor_messages"): (302, 404, 404, 404, 200, 404, 404, 404, 404),
    ("GET", "pages.tutor_message"): (302, 404, 404, 404, 200, 404, 404, 404, 404),
    ("POST", "pages.tutor_message"): (401, 404, 404, 404, 422, 404, 404, 404, 404),
    ("GET", "pages.tutor_release_many"): (302, 404, 404, 404, 302, 404, 404, 404, 404),
    ("POST", "pages.tutor_release_many"): (302, 404, 404, 404, 422, 404, 404, 404, 404),
    ("GET", "pages.tutor_pass_homework"): (302, 404, 404, 404, 302, 404, 404, 404, 404),
    ("POST", "pages.tutor_pass_homework"): (302, 404, 404, 404, 422, 404, 404, 404, 404),
    ("GET", "pages.tutor_brief"): (302, 404, 404, 404, 200, 404, 404, 404, 404),
    ("POST", "pages.tutor_brief"): (401, 404, 404, 404, 303, 404, 404, 404, 404),
    ("GET", "pages.tutor_learner"): (302, 404, 404, 404, 200, 404, 200, 404, 200),
    ("POST", "pages.tutor_learner"): (401, 404, 404, 404, 303, 404, 303, 404, 303),
    ("GET", "pages.handover"): (302, 403, 403, 403, 200, 404, 403, 403, 403),
    ("POST", "pages.handover"): (302, 403, 403, 403, 422, 404, 403, 403, 403),
    # the group has a learner of another county
    ("GET", "pages.office_handover"): (302, 403, 403, 403, 403, 403, 404, 404, 200),
    ("POST", "pages.office_handover"): (302, 403, 403, 403, 403, 403, 404, 404, 422),
    ("GET", "pages.tutor_trail"): (302, 403, 403, 403, 200, 200, 403, 403, 403),
    ("GET", "pages.office_trail"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("GET", "pages.briefs_sent"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    # the programme has none of these studies, and nothing of them is there: test_school_study.py has them
    ("GET", "pages.study"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.new_activity"): (302, 200, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.new_activity"): (302, 409, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.activity"): (302, 404, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.activity"): (302, 404, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.homework"): (302, 404, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.homework"): (302, 404, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.reading"): (302, 409, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.attachment"): (302, 404, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.placements"): (302, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "pages.placement_month"): (302, 302, 302, 302, 302, 302, 302, 302, 302),
    ("POST", "pages.placement_month"): (401, 404, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.tutor_coursework"): (302, 403, 403, 403, 200, 200, 403, 403, 403),
    ("GET", "pages.tutor_work"): (302, 404, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "pages.tutor_work"): (302, 404, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "pages.approvals"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("POST", "pages.approvals"): (302, 403, 403, 403, 403, 403, 303, 303, 303),
    ("GET", "pages.approval"): (302, 403, 403, 403, 403, 403, 404, 404, 404),
    ("POST", "pages.approval"): (302, 403, 403, 403, 403, 403, 404, 404, 404),
    ("GET", "pages.office_placements"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("POST", "pages.office_placements"): (302, 403, 403, 403, 403, 403, 422, 422, 422),
    ("GET", "pages.end_placement"): (302, 302, 302, 302, 302, 302, 302, 302, 302),
    ("POST", "pages.end_placement"): (302, 403, 403, 403, 403, 403, 303, 303, 303),
    ("GET", "pages.examinations"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("POST", "pages.examinations"): (302, 403, 403, 403, 403, 403, 422, 422, 422),
    ("GET", "pages.examination_file"): (302, 403, 403, 403, 403, 403, 404, 404, 404),
    ("POST", "pages.examination_file"): (302, 403, 403, 403, 403, 403, 404, 404, 404),
    ("GET", "pages.office"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("GET", "pages.brief"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("GET", "pages.imports"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("POST", "pages.imports"): (302, 403, 403, 403, 403, 403, 422, 422, 422),
    ("GET", "pages.import_template"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    # the upload is the county's
    ("GET", "pages.import_preview"): (302, 403, 403, 403, 403, 403, 200, 404, 404),
    ("GET", "pages.import_faults"): (302, 403, 403, 403, 403, 403, 200, 404, 404),
    ("POST", "pages.import_check"): (302, 403, 403, 403, 403, 403, 303, 404, 404),
    ("POST", "pages.import_confirm"): (302, 403, 403, 403, 403, 403, 303, 404, 404),
    ("POST", "pages.import_passwords"): (302, 403, 403, 403, 403, 403, 409, 404, 404),
    ("POST", "pages.import_discard"): (302, 403, 403, 403, 403, 403, 303, 404, 404),
    ("GET", "pages.office_disputes"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("GET", "pages.decision"): (302, 403, 403, 403, 403, 403, 200, 404, 200),
    ("POST", "pages.decision"): (401, 403, 403, 403, 403, 403, 303, 404, 303),
    ("GET", "pages.admission_programmes"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("GET", "pages.admission"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("GET", "pages.admission_quotas"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("POST", "pages.admission_quotas"): (401, 403, 403, 403, 403, 403, 303, 422, 303),
    ("POST", "pages.admission_decide"): (302, 403, 403, 403, 403, 403, 403, 403, 303),
    ("GET", "pages.admission_nominations"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("POST", "pages.admission_nominations"): (401, 403, 403, 403, 403, 403, 303, 422, 303),
    ("GET", "pages.elsewhere"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("POST", "pages.remove_elsewhere"): (302, 403, 403, 403, 403, 403, 404, 404, 404),  # nothing was entered
    ("GET", "pages.admission_learners"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("GET", "pages.admission_groups"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("POST", "pages.admission_groups"): (401, 403, 403, 403, 403, 403, 303, 303, 303),
    ("GET", "pages.admission_template"): (302, 403, 403, 403, 403, 403, 200, 200, 200),
    ("POST", "pages.admission_receive"): (302, 403, 403, 403, 403, 403, 303, 303, 303),
    # the upload is a roster, which has pages of its own
    ("GET", "pages.admission_upload"): (302, 403, 403, 403, 403, 403, 404, 404, 404),
    ("POST", "pages.admission_upload"): (302, 403, 403, 403, 403, 403, 404, 404, 404),
    ("GET", "pages.admission_nomination"): (302, 403, 403, 403, 403, 403, 200, 404, 200),
    ("POST", "pages.admission_nomination"): (302, 403, 403, 403, 403, 403, 303, 404, 303),
    # the group has a learner of another county
    ("GET", "pages.admission_group"): (302, 403, 403, 403, 403, 403, 404, 404, 200),
    ("POST", "pages.admission_group"): (401, 403, 403, 403, 403, 403, 404, 404, 422),
    ("GET", "pages.admission_enrolment"): (302, 403, 403, 403, 403, 403, 200, 404, 200),
    ("POST", "pages.admission_enrolment"): (302, 403, 403, 403, 403, 403, 422, 404, 422),
    # no platform is registered on the stage: test_rosters.py has one
    ("GET", "pages.rosters"): (302, 403, 403, 403, 403, 403, 403, 403, 404),
    ("GET", "pages.roster"): (302, 403, 403, 403, 403, 403, 403, 403, 404),
    ("POST", "pages.roster"): (302, 403, 403, 403, 403, 403, 403, 403, 404),
    ("GET", "pages.deliveries"): (302, 403, 403, 403, 403, 403, 403, 403, 200),
    ("POST", "pages.retry"): (302, 403, 403, 403, 403, 403, 403, 403, 303),
    ("POST", "pages.retry_platform"): (302, 403, 403, 403, 403, 403, 403, 403, 303),
    ("GET", "pages.platforms"): (302, 403, 403, 403, 403, 403, 403, 403, 200),
    ("GET", "pages.new_platform"): (302, 403, 403, 403, 403, 403, 403, 403, 200),
    ("POST", "pages.new_platform"): (302, 403, 403, 403, 403, 403, 403, 403, 422),
    # programmes name the platform, and nobody has registered it: test_platforms.py has some
    ("GET", "pages.platform"): (302, 403, 403, 403, 403, 403, 403, 403, 404),
    ("POST", "pages.platform"): (302, 403, 403, 403, 403, 403, 403, 403, 404),
    ("POST", "pages.try_platform"): (302, 403, 403, 403, 403, 403, 403, 403, 404),
    ("POST", "pages.pause_platform"): (401, 403, 403, 403, 403, 403, 403, 403, 404),
    ("POST", "pages.resume_platform"): (302, 403, 403, 403, 403, 403, 403, 403, 404),
    ("POST", "pages.confirm_platform"): (302, 403, 403, 403, 403, 403, 403, 403, 404),
    ("GET", "pages.lti_register"): (401, 403, 403, 403, 403, 403, 403, 403, 422),  # nothing is handed over
    ("POST", "pages.lti_register"): (401, 403, 403, 403, 403, 403, 403, 403, 422),
    ("GET", "pages.lti_picker"): (404, 404, 404, 404, 404, 404, 404, 404, 404),  # a made-up secret
    ("POST", "pages.lti_picker"): (404, 404, 404, 404, 404, 404, 404, 404, 404),
    # without a hand-over that an LMS's server signed: test_xblock.py has those
    ("GET", "pages.xblock_open"): (403, 403, 403, 403, 403, 403, 403, 403, 403),
    ("POST", "pages.xblock_open"): (403, 403, 403, 403, 403, 403, 403, 403, 403),
    ("POST", "pages.xblock_continue"): (403, 403, 403, 403, 403, 403, 403, 403, 403),
}
API = {
    # only a hand-over that an LMS's server signed lets in: api/test_xblock.py
    ("GET", "api.standing_for_xblock"): (401, 401, 401, 401, 401, 401, 401, 401, 401),
    ("GET", "api.xblock_modules"): (401, 401, 401, 401, 401, 401, 401, 401, 401),
    ("POST", "api.create_token"): (401, 401, 401, 401, 401, 401, 401, 401, 401),
    ("DELETE", "api.end_token"): (401, 204, 204, 204, 204, 204, 204, 204, 204),
    ("GET", "api.me"): (401, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "api.mine"): (401, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "api.hours_of"): (401, 200, 404, 404, 200, 404, 200, 404, 200),
    ("GET", "api.ledger_of"): (401, 200, 404, 404, 200, 404, 200, 404, 200),
    ("GET", "api.films_of"): (401, 200, 404, 404, 200, 404, 200, 404, 200),
    ("POST", "api.release"): (401, 404, 404, 404, 201, 404, 404, 404, 404),
    ("GET", "api.disputes_of"): (401, 200, 404, 404, 200, 404, 200, 404, 200),
    ("POST", "api.open_dispute"): (401, 201, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "api.withdraw_dispute"): (401, 200, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "api.propose"): (401, 403, 403, 403, 200, 404, 403, 403, 403),
    ("POST", "api.decide"): (401, 403, 403, 403, 403, 403, 200, 404, 200),
    ("POST", "api.open_session"): (401, 201, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "api.take_beat"): (401, 200, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "api.film_of"): (401, 200, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "api.answer_check"): (401, 404, 404, 404, 404, 404, 404, 404, 404),  # no check is open
    ("GET", "api.threads_of"): (401, 200, 200, 200, 200, 200, 404, 404, 404),
    ("POST", "api.start_thread"): (401, 201, 201, 201, 201, 201, 404, 404, 404),
    ("POST", "api.preview"): (401, 200, 200, 200, 200, 200, 404, 404, 404),
    ("GET", "api.posts_of"): (401, 200, 200, 404, 200, 404, 404, 404, 404),
    ("POST", "api.reply"): (401, 201, 201, 404, 201, 404, 404, 404, 404),
    ("GET", "api.questions_of_module"): (401, 200, 200, 200, 200, 200, 404, 404, 404),
    ("POST", "api.ask_question"): (401, 201, 201, 201, 404, 404, 404, 404, 404),
    ("POST", "api.alike_questions"): (401, 200, 200, 200, 200, 200, 404, 404, 404),
    ("GET", "api.faq_of"): (401, 200, 200, 200, 200, 200, 404, 404, 404),
    ("GET", "api.open_questions"): (401, 403, 403, 403, 200, 200, 403, 403, 403),
    ("GET", "api.question_of"): (401, 200, 200, 404, 200, 404, 404, 404, 404),
    ("POST", "api.reply_to_question"): (401, 201, 201, 404, 404, 404, 404, 404, 404),
    ("POST", "api.answer_question"): (401, 403, 403, 403, 201, 404, 403, 403, 403),
    ("POST", "api.mark_reply"): (401, 403, 403, 403, 200, 404, 403, 403, 403),
    ("POST", "api.merge_questions"): (401, 403, 403, 403, 200, 404, 403, 403, 403),
    ("POST", "api.promote_to_faq"): (401, 403, 403, 403, 201, 404, 403, 403, 403),
    ("POST", "api.withdraw_from_faq"): (401, 403, 403, 403, 200, 200, 403, 403, 200),
    ("PATCH", "api.edit_post"): (401, 200, 404, 404, 404, 404, 404, 404, 404),
    ("DELETE", "api.take_back_post"): (401, 204, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "api.history_of"): (401, 200, 404, 404, 200, 404, 404, 404, 404),
    ("POST", "api.mark_post"): (401, 403, 403, 403, 200, 404, 403, 403, 403),
    ("POST", "api.withdraw_mark"): (401, 403, 403, 403, 200, 404, 403, 403, 403),
    ("POST", "api.plan_qna_session"): (401, 404, 404, 404, 201, 404, 404, 404, 404),
    ("POST", "api.plan_meeting"): (401, 404, 404, 404, 201, 404, 404, 404, 404),
    ("GET", "api.meeting_of"): (401, 200, 200, 404, 200, 404, 404, 404, 200),
    ("PATCH", "api.change_meeting"): (401, 404, 404, 404, 409, 404, 404, 404, 409),  # it is open already
    ("GET", "api.questions_of"): (401, 200, 200, 404, 200, 404, 404, 404, 200),
    ("POST", "api.ask_at_meeting"): (401, 201, 201, 404, 404, 404, 404, 404, 404),
    ("DELETE", "api.withdraw_question"): (401, 200, 404, 404, 404, 404, 404, 404, 404),
    ("PUT", "api.vote_for_question"): (401, 409, 200, 404, 404, 404, 404, 404, 404),
    ("DELETE", "api.take_vote_back"): (401, 409, 200, 404, 404, 404, 404, 404, 404),
    ("PUT", "api.answer_at_meeting"): (401, 404, 404, 404, 200, 404, 404, 404, 200),
    ("DELETE", "api.reopen_question"): (401, 404, 404, 404, 200, 404, 404, 404, 200),
    ("POST", "api.merge_question"): (401, 404, 404, 404, 409, 404, 404, 404, 409),  # into itself
    ("POST", "api.set_meeting_state"): (401, 404, 404, 404, 200, 404, 404, 404, 200),
    ("GET", "api.code_of"): (401, 404, 404, 404, 200, 404, 404, 404, 200),
    ("POST", "api.check_in"): (401, 422, 422, 404, 404, 404, 404, 404, 404),
    ("POST", "api.check_in_at_qna_session"): (401, 422, 422, 404, 404, 404, 404, 404, 404),
    ("GET", "api.attendance_of"): (401, 404, 404, 404, 200, 404, 404, 404, 200),
    ("PUT", "api.set_attendance"): (401, 404, 404, 404, 200, 404, 404, 404, 200),
    ("PUT", "api.set_attendance_of_qna_session"): (401, 404, 404, 404, 200, 404, 404, 404, 200),
    ("GET", "api.quotas_of"): (401, 403, 403, 403, 403, 403, 200, 200, 200),
    ("PUT", "api.set_quota"): (401, 403, 403, 403, 403, 403, 204, 404, 204),
    ("GET", "api.nominations_of"): (401, 403, 403, 403, 403, 403, 200, 200, 200),
    ("POST", "api.nominate"): (401, 403, 403, 403, 403, 403, 201, 404, 201),
    ("POST", "api.decide_nomination"): (401, 403, 403, 403, 403, 403, 200, 404, 200),
    ("GET", "api.activities_of"): (401, 200, 404, 404, 200, 404, 200, 404, 200),
    ("POST", "api.hand_in_activity"): (401, 422, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "api.decide_activity"): (401, 403, 403, 403, 403, 403, 404, 404, 404),
    ("GET", "api.coursework_of"): (401, 200, 404, 404, 200, 404, 200, 404, 200),
    ("POST", "api.hand_in_homework"): (401, 422, 404, 404, 404, 404, 404, 404, 404),
    ("POST", "api.mark_homework"): (401, 404, 404, 404, 404, 404, 404, 404, 404),
    ("GET", "api.completions"): (401, 403, 403, 403, 403, 403, 200, 200, 200),
    ("GET", "api.deliveries"): (401, 403, 403, 403, 403, 403, 200, 200, 200),
}
MEETING = {"title": "t", "starts_at": "2026-11-28T01:00:00Z", "ends_at": "2026-11-28T03:00:00Z", "component_key": "qna"}
NOMINEE = {"login": "new.one", "name": "新教师", "region_code": "530102-001", "phone": "13800000000"}
FORMS = {
    "pages.admission_quotas": {"region": "530102-001", "places": "1"},
    "pages.admission_decide": {"action": "register"},
    "pages.admission_nominations": NOMINEE,
    "pages.admission_groups": {"action": "create", "name": "新班"},
    "pages.admission_nomination": {"action": "withdraw"},
    "pages.admission_group": {"login": "nobody"},
    "pages.admission_enrolment": {"action": "withdraw", "reason": ""},
    "pages.login": {"login": "teacher", "password": "wrong"},
    "pages.language": {"language": "zh", "next": "/"},
    "pages.notices": {"digest": "daily"},
    "pages.module": ENTRY,
    "pages.thread": ENTRY,
    "pages.preview": ENTRY,
    "pages.questions": ENTRY,
    "pages.question": ENTRY,
    "pages.alike": ENTRY,
    "pages.tutor_question": ENTRY,
    "pages.promote_question": ENTRY,
    "pages.meeting_state": {"action": "open"},
    "pages.meeting_questions": {"body": "怎样让学生先量后估？"},
    "pages.meeting_question": {"action": "vote"},
    "pages.meeting_notes": {"body": "先估后量。"},
    "pages.makeup": {"step": "begin"},
    "pages.meeting_attendance": {"what": "present"},
    "pages.meeting_sign_in": {"code": "wrong"},
    "pages.disputes": {"entry": "1", "account": "a"},
    "pages.proposal": {"change": "none", "reason": "r"},
    "pages.decision": {"change": "none", "reason": "r"},
    "pages.placement_month": {"decision": "confirm", "days_present": "20"},
    "pages.tutor_module": ENTRY,
    "pages.tutor_thread": ENTRY,
    "pages.edit_post": ENTRY,
    "pages.tutor_post": {"action": "excellent"},
    "pages.tutor_message": {"title": "t", "body": "{nonsense}"},
    "pages.tutor_learner": {"body": "n"},
    "pages.pause_platform": {"reason": "moving house"},
    "pages.tutor_brief": {"audience": "group", "body": "t", "body_en": "t"},
}
BODIES = {
    "api.set_quota": {"places": 1},
    "api.nominate": NOMINEE | {"login": "another.one"},
    "api.decide_nomination": {"decision": "withdraw"},
    "api.create_token": {"login": "teacher", "password": "wrong"},
    "api.start_thread": JSON_ENTRY,
    "api.preview": JSON_ENTRY,
    "api.reply": JSON_ENTRY,
    "api.ask_question": JSON_ENTRY,
    "api.alike_questions": JSON_ENTRY,
    "api.reply_to_question": JSON_ENTRY,
    "api.answer_question": JSON_ENTRY,
    "api.promote_to_faq": {"question": "q", "answer": "a"},
    "api.edit_post": {"body": LONG_POST},
    "api.mark_post": {"mark": "excellent", "reason": "r"},
    "api.withdraw_mark": {"mark": "excellent", "reason": "r"},
    "api.take_beat": {"seq": 1, "segments": []},
    "api.answer_check": {"answer": 0},
    "api.hand_in_activity": {},
    "api.decide_activity": {},
    "api.hand_in_homework": {},
    "api.mark_homework": {},
    "api.plan_qna_session": MEETING,
    "api.plan_meeting": MEETING,
    "api.set_meeting_state": {"action": "open"},
    "api.change_meeting": {"place": "三楼"},
    "api.ask_at_meeting": {"body": "怎样让学生先量后估？"},
    "api.answer_at_meeting": {"note": "见教材"},
    "api.check_in": {"code": "wrong"},
    "api.check_in_at_qna_session": {"code": "wrong"},
    "api.set_attendance": {},
    "api.set_attendance_of_qna_session": {},
    "api.open_dispute": {"component": "video", "happened_on": "2026-11-20", "reason": "a"},
    "api.propose": {"minutes": 0, "reason": "r"},
    "api.decide": {"accepted": False, "reason": "r"},
}


def rules(stage: Stage) -> Iterator[tuple[str, Rule]]:
    for rule in stage.app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, rule


def test_every_address_has_a_row(stage: Stage) -> None:
    assert {(method, rule.endpoint) for method, rule in rules(stage)} == PAGES.keys() | API.keys()


def address_of(stage: Stage, rule: Rule) -> str:
    values: dict[str, object] = {
        "enrolment_id": stage.enrolment_id,
        "module_id": stage.module_id,
        "thread_id": stage.thread_id,
        "video_id": stage.video_id,
        "report_id": stage.report_id,
        "post_id": stage.post_id,
        "upload_id": stage.upload_id,
        "kind": "nominations" if rule.endpoint.startswith("pages.admission") else "people",
        "key": "rural",
        "module_key": "reading",
        "region_code": "530102-001",
        "platform_key": "openedx",
        "playback_session_id": stage.playback_session_id,
        "check_id": "1",
        "number": 1,
        "activity_id": 1,
        "attachment_id": 1,
        "placement_id": 1,
        "coursework_id": 1,
        "completion_id": 1,
        "link_id": 1,
        "component_key": "homework",
        "piece": 1,
        "programme_key": "rural",
        "token": "made-up",
        "secret": "made-up",
        "filename": "css/app.css",
    }
    if rule.endpoint == "pages.media":
        return stage.film_address("master.m3u8")
    if "question_id" in rule.arguments and "meeting_id" not in rule.arguments:
        is_answered = rule.endpoint in ("pages.promote_question", "api.promote_to_faq")
        values["question_id"], values["reply_id"] = stage.ask(answered=is_answered)
    if "entry_id" in rule.arguments:
        values["entry_id"] = stage.promote()
    if rule.arguments & {"meeting_id", "class_group_id"}:
        values["meeting_id"], values["class_group_id"] = stage.meet()
    if {"meeting_id", "question_id"} <= rule.arguments:
        values["question_id"] = stage.ask_at_meeting(int(str(values["meeting_id"])))
    if "nomination_id" in rule.arguments:
        values["nomination_id"] = stage.nominate()
    if "notice_id" in rule.arguments:
        values["notice_id"] = stage.notice()
    if "dispute_id" in rule.arguments:
        values["dispute_id"] = stage.dispute()
    with stage.app.test_request_context():
        built = rule.build({name: values[name] for name in rule.arguments})
    assert built is not None
    return built[1]


@pytest.mark.parametrize("person", PEOPLE)
def test_everybody_gets_what_is_theirs_and_no_more(stage: Stage, person: str | None) -> None:
    column = PEOPLE.index(person)
    answers, expected = {}, {}
    for method, rule in rules(stage):
        key = (method, rule.endpoint)
        # A browser each: signing out on one address must not sign out the next.
        browser = stage.browser(person)
        address = address_of(stage, rule)
        if rule.endpoint.startswith("api."):
            body = BODIES.get(rule.endpoint)
            if rule.endpoint == "api.open_session":
                body = {"enrolment_id": stage.enrolment_id}
            if rule.endpoint == "api.merge_question":
                body = {"into": int(address.split("/")[-2])}
            if rule.endpoint == "api.release":
                body = {"video_id": stage.video_id, "segments": [[0, 1]], "reason": "r"}
            if rule.endpoint == "api.merge_questions":
                body = {"questions": [stage.ask()[0]]}
            answer = browser.call(method, address, body)
        elif method == "POST":
            form = FORMS.get(rule.endpoint, {})
            if rule.endpoint == "pages.release":
                form = {"video_id": str(stage.video_id), "segment": "0-1000", "reason": "r"}
            if rule.endpoint == "pages.merge_question":
                form = {"into": str(stage.ask()[0])}
            if rule.endpoint == "pages.mark_reply":
                # The latest reply is the one to the question of the address.
                with stage.database.reading() as session:
                    form = {"reply": str(session.scalar(select(func.max(QuestionReply.id))))}
            answer = browser.post(address, **form)
        else:
            answer = browser.get(address)
        answers[key] = answer.status_code
        expected[key] = (PAGES | API)[key][column]
    assert answers == expected


def test_an_address_holds_together_or_leads_nowhere(stage: Stage) -> None:
    teacher = stage.browser("teacher")

    for address in (
        f"/enrolments/{stage.enrolment_id}/modules/999999",
        f"/enrolments/{stage.enrolment_id}/threads/999999",
        f"/enrolments/999999/threads/{stage.thread_id}",
        "/enrolments/99999999999999999999999",
        f"/enrolments/{stage.enrolment_id}/hours/more",
        f"/enrolments/{stage.enrolment_id}/hours/entries/99",
        f"/enrolments/{stage.enrolment_id}/hours/entries/9223372036854775807",
        "/office?region=no-such",
    ):
        assert teacher.get(address).status_code in (403, 404), address


def test_a_regional_office_sees_its_own_learners_only(stage: Stage) -> None:
    county, far = (stage.browser(name).get("/office?group_by=learner").text for name in ("county", "far"))

    assert "王丽" in county
    assert "陈静" not in county
    assert "陈静" in far
    assert "王丽" not in far
    assert stage.browser("county").get("/office?region=621202").status_code == 404


def test_nothing_is_changed_without_a_token_of_the_page(stage: Stage) -> None:
    for method, rule in rules(stage):
        if (
            method == "GET"
            or not rule.endpoint.startswith("pages.")
            or rule.endpoint
            in ("pages.preview", "pages.alike", "pages.unsubscribe", "pages.xblock_open", "pages.lti_picker")
        ):
            continue
        answer = stage.browser("admin").client.post(address_of(stage, rule), data=ENTRY)
        assert answer.status_code == 400, rule.endpoint
