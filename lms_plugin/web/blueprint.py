"""All pages: a table of their addresses, and what every template can use."""

from typing import Any

from flask import Blueprint, Flask
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded
from flask_wtf.csrf import CSRFError

from lms_plugin.domain.errors import NotAuthenticated
from lms_plugin.http import meeting_wording, study_wording
from lms_plugin.http.languages import current_language
from lms_plugin.http.security import (
    throttle_codes,
    throttle_launches,
    throttle_questions,
    throttle_refused_launches,
    throttle_sign_in,
)
from lms_plugin.http.wording import reason_texts
from lms_plugin.web import (
    admission,
    admission_learners,
    admission_nominations,
    admission_uploads,
    api_docs,
    approvals,
    calendars,
    continuing,
    coursework,
    deliveries,
    discussion,
    disputes,
    drafts,
    entrance,
    entries,
    examinations,
    faq,
    handover,
    imports,
    learner,
    ledger,
    lti,
    lti_accounts,
    lti_deep_linking,
    lti_places,
    lti_registration,
    media,
    meeting_edit,
    meeting_notes,
    meeting_plans,
    meeting_questions,
    meetings,
    messages,
    navigation,
    notices,
    office,
    own_disputes,
    own_meetings,
    own_posts,
    pace,
    placements,
    platforms,
    post_marking,
    questions,
    school_study,
    showing,
    trail,
    tutor,
    tutor_briefs,
    tutor_learner,
    tutor_many,
    tutor_questions,
)

FORM = ["GET", "POST"]


def register(app: Flask, limiter: Limiter) -> None:
    """Add the pages to an application; tries to sign in are throttled per account and per address."""
    pages = Blueprint("pages", __name__)
    at = pages.add_url_rule

    at("/login", "login", throttle_sign_in(limiter, entrance.login), methods=FORM)
    at("/logout", "logout", entrance.logout, methods=["POST"])
    at("/language", "language", entrance.language, methods=["POST"])

    at("/", "home", learner.home)
    at("/enrolments/<id:enrolment_id>", "programme", learner.programme)
    at("/enrolments/<id:enrolment_id>/hours", "hours", ledger.hours_page)
    at("/enrolments/<id:enrolment_id>/pace", "pace", pace.learner)
    at("/enrolments/<id:enrolment_id>/hours/entries/<id:number>", "entry", entries.entry_page)
    at("/enrolments/<id:enrolment_id>/messages", "messages", messages.own)
    at("/enrolments/<id:enrolment_id>/disputes", "disputes", own_disputes.own, methods=FORM)
    at("/disputes/<id:dispute_id>/withdrawal", "withdraw_dispute", own_disputes.withdraw, methods=["POST"])
    at("/enrolments/<id:enrolment_id>/modules/<id:module_id>", "module", learner.module, methods=FORM)
    at("/enrolments/<id:enrolment_id>/threads/<id:thread_id>", "thread", learner.thread, methods=FORM)
    own_questions = throttle_questions(limiter, questions.module_questions)
    own_question = throttle_questions(limiter, questions.question)
    at("/enrolments/<id:enrolment_id>/modules/<id:module_id>/questions", "questions", own_questions, methods=FORM)
    at("/enrolments/<id:enrolment_id>/questions/<id:question_id>", "question", own_question, methods=FORM)
    at("/modules/<id:module_id>/alike", "alike", questions.alike, methods=["POST"])
    at("/meetings", "own_meetings", own_meetings.own_meetings)
    at("/meetings/viewings", "viewings", meeting_plans.viewings, methods=FORM)
    at("/meetings/<id:meeting_id>", "meeting", meetings.meeting)
    at("/meetings/calendar", "calendar", calendars.calendar, methods=FORM)
    at("/meetings/calendar/<token>.ics", "calendar_feed", calendars.calendar_feed)
    at("/meetings/<id:meeting_id>/calendar.ics", "meeting_file", calendars.meeting_file)
    at("/meetings/<id:meeting_id>/edit", "meeting_edit", meeting_edit.meeting_edit, methods=FORM)
    at("/meetings/<id:meeting_id>/questions", "meeting_questions", meeting_questions.questions_page, methods=FORM)
    at("/meetings/<id:meeting_id>/questions/live", "meeting_questions_live", meeting_questions.questions_live)
    at(
        "/meetings/<id:meeting_id>/questions/<id:question_id>",
        "meeting_question",
        meeting_questions.question,
        methods=["POST"],
    )
    at("/meetings/<id:meeting_id>/notes", "meeting_notes", meeting_notes.notes_page, methods=FORM)
    at("/meetings/<id:meeting_id>/makeup", "makeup", meeting_notes.makeup, methods=["POST"])
    at("/meetings/<id:meeting_id>/own/live", "own_meeting_live", own_meetings.own_meeting_live)
    at("/meetings/<id:meeting_id>/live", "meeting_live", meetings.meeting_live)
    at("/meetings/<id:meeting_id>/state", "meeting_state", meetings.meeting_state, methods=["POST"])
    at("/meetings/<id:meeting_id>/attendance", "meeting_attendance", meetings.meeting_attendance, methods=["POST"])
    sign_in_page = throttle_codes(limiter, own_meetings.meeting_sign_in)
    at("/meetings/<id:meeting_id>/sign-in", "meeting_sign_in", sign_in_page, methods=FORM)
    at("/enrolments/<id:enrolment_id>/study", "study", school_study.study_page)
    at("/enrolments/<id:enrolment_id>/activities/new", "new_activity", school_study.new_activity, methods=FORM)
    at("/enrolments/<id:enrolment_id>/activities/<id:activity_id>", "activity", school_study.activity, methods=FORM)
    at(
        "/enrolments/<id:enrolment_id>/homework/<component_key>/<id:piece>",
        "homework",
        coursework.homework,
        methods=FORM,
    )
    at(
        "/enrolments/<id:enrolment_id>/modules/<id:module_id>/reading",
        "reading",
        school_study.reading,
        methods=["POST"],
    )
    at("/files/<id:attachment_id>", "attachment", school_study.attachment)
    at("/placements", "placements", placements.host_page)
    at("/placements/<id:placement_id>/months/<id:number>", "placement_month", placements.month, methods=FORM)
    at("/modules/<id:module_id>/preview", "preview", discussion.preview, methods=["POST"])

    at("/posts/<id:post_id>", "post_history", own_posts.history)
    at("/posts/<id:post_id>/edit", "edit_post", own_posts.edit_post, methods=FORM)
    at("/posts/<id:post_id>/removal", "remove_post", own_posts.remove_post, methods=FORM)

    at("/notices", "notices", notices.page, methods=FORM)
    at("/notices/read", "notices_read", notices.read, methods=["POST"])
    at("/notices/<id:notice_id>", "notice", notices.follow, methods=["POST"])
    at("/notices/unsubscribe/<token>", "unsubscribe", notices.unsubscribe, methods=FORM)

    at("/tutor", "tutor", tutor.groups)
    at("/tutor/meetings", "tutor_meetings", meeting_plans.tutor_meetings, methods=FORM)
    at("/tutor/coursework", "tutor_coursework", coursework.tutor_list)
    at("/tutor/coursework/<id:coursework_id>", "tutor_work", coursework.tutor_work, methods=FORM)
    at("/tutor/enrolments/<id:enrolment_id>/releases", "release", tutor.release, methods=FORM)
    at("/tutor/modules/<id:module_id>", "tutor_module", tutor.module, methods=FORM)
    at("/tutor/disputes", "tutor_disputes", disputes.tutor_list)
    at("/tutor/disputes/<id:dispute_id>", "proposal", disputes.proposal, methods=FORM)
    at("/tutor/threads/<id:thread_id>", "tutor_thread", tutor.thread, methods=FORM)
    at("/tutor/posts", "tutor_posts", post_marking.waiting, methods=FORM)
    at("/tutor/posts/<id:post_id>", "tutor_post", post_marking.tutor_post, methods=FORM)

    at("/tutor/questions", "tutor_questions", tutor_questions.queue)
    at("/tutor/questions/<id:question_id>", "tutor_question", tutor_questions.question, methods=FORM)
    at("/tutor/questions/<id:question_id>/mark", "mark_reply", tutor_questions.mark, methods=["POST"])
    at("/tutor/questions/<id:question_id>/merge", "merge_question", tutor_questions.merge, methods=["POST"])
    at("/tutor/questions/<id:question_id>/faq", "promote_question", faq.promote, methods=FORM)
    at("/tutor/modules/<id:module_id>/faq", "tutor_faq", faq.entries)
    at("/faq/<id:entry_id>/withdrawal", "withdraw_faq", faq.withdraw, methods=["POST"])
    at("/tutor/groups/<id:class_group_id>/selected", "tutor_selected", tutor_many.selected, methods=FORM)
    at("/tutor/groups/<id:class_group_id>/messages", "tutor_messages", tutor_many.messages)
    at("/tutor/groups/<id:class_group_id>/messages/new", "tutor_message", tutor_many.message, methods=FORM)
    at("/tutor/groups/<id:class_group_id>/releases", "tutor_release_many", tutor_many.release_many, methods=FORM)
    at("/tutor/groups/<id:class_group_id>/homework", "tutor_pass_homework", tutor_many.pass_homework, methods=FORM)
    at("/tutor/groups/<id:class_group_id>/brief", "tutor_brief", tutor_briefs.page, methods=FORM)
    at("/tutor/groups/<id:class_group_id>/handover", "handover", handover.for_tutor, methods=FORM)
    at("/tutor/enrolments/<id:enrolment_id>", "tutor_learner", tutor_learner.page, methods=FORM)
    at("/tutor/trail", "tutor_trail", trail.own)

    at("/office", "office", office.report)
    at("/office/faq", "office_faq", faq.records)
    at("/office/meetings", "office_meetings", meeting_plans.office_meetings, methods=FORM)
    at("/office/brief", "brief", office.progress_brief)
    at("/office/brief/sent", "briefs_sent", tutor_briefs.sent)
    at("/office/trail", "office_trail", trail.office)
    at("/office/groups/<id:class_group_id>/handover", "office_handover", handover.for_office, methods=FORM)
    at("/office/imports", "imports", imports.imports, methods=FORM)
    at("/office/imports/empty/<kind>.csv", "import_template", imports.import_template)
    at("/office/imports/<upload_id>", "import_preview", imports.import_preview)
    at("/office/imports/<upload_id>/faults.csv", "import_faults", imports.import_faults)
    at("/office/imports/<upload_id>/check", "import_check", imports.import_check, methods=["POST"])
    at("/office/imports/<upload_id>/confirm", "import_confirm", imports.import_confirm, methods=["POST"])
    at("/office/imports/<upload_id>/discard", "import_discard", imports.import_discard, methods=["POST"])
    at("/office/imports/<upload_id>/passwords", "import_passwords", imports.import_passwords, methods=["POST"])

    at("/office/disputes", "office_disputes", disputes.office_list)
    at("/office/disputes/<id:dispute_id>", "decision", disputes.decision, methods=FORM)
    at("/office/programmes", "admission_programmes", admission.programmes)
    at("/office/programmes/<key>", "admission", admission.overview)
    at("/office/programmes/<key>/quotas", "admission_quotas", admission.quota_page, methods=FORM)
    at("/office/programmes/<key>/decisions", "admission_decide", admission.decide_many, methods=["POST"])
    at(
        "/office/programmes/<key>/nominations",
        "admission_nominations",
        admission_nominations.nomination_list,
        methods=FORM,
    )
    at("/office/programmes/<key>/learners", "admission_learners", admission_learners.learners)
    at("/office/programmes/<key>/groups", "admission_groups", admission_learners.groups, methods=FORM)
    at("/office/programmes/<key>/empty/<kind>.csv", "admission_template", admission_uploads.template)
    at("/office/programmes/<key>/files/<kind>", "admission_receive", admission_uploads.receive, methods=["POST"])
    at("/office/files/<upload_id>", "admission_upload", admission_uploads.upload, methods=FORM)
    at(
        "/office/nominations/<id:nomination_id>",
        "admission_nomination",
        admission_nominations.nomination_page,
        methods=FORM,
    )
    at("/office/groups/<id:class_group_id>", "admission_group", admission_learners.group_page, methods=FORM)
    at("/office/enrolments/<id:enrolment_id>", "admission_enrolment", admission_learners.enrolment_page, methods=FORM)

    at("/office/approvals", "approvals", approvals.approvals_page, methods=FORM)
    at("/office/approvals/<id:activity_id>", "approval", approvals.approval, methods=FORM)
    at("/office/placements", "office_placements", placements.office_page, methods=FORM)
    at("/office/placements/<id:placement_id>/end", "end_placement", placements.end, methods=FORM)
    at("/office/examinations", "examinations", examinations.page, methods=FORM)
    at("/office/examinations/<programme_key>/file", "examination_file", examinations.marks_file, methods=FORM)
    at("/office/deliveries", "deliveries", deliveries.deliveries)
    at("/office/deliveries/<id:report_id>/retry", "retry", deliveries.retry, methods=["POST"])
    at("/office/platforms", "platforms", platforms.platform_list)
    at("/office/platforms/new", "new_platform", platforms.new_platform, methods=FORM)
    at("/office/platforms/<platform_key>", "platform", platforms.platform, methods=FORM)
    at("/office/platforms/<platform_key>/trial", "try_platform", platforms.try_platform, methods=["POST"])
    at("/office/platforms/<platform_key>/pause", "pause_platform", platforms.pause_platform, methods=["POST"])
    at("/office/platforms/<platform_key>/resume", "resume_platform", platforms.resume_platform, methods=["POST"])
    at("/office/platforms/<platform_key>/word", "confirm_platform", platforms.confirm_platform, methods=["POST"])
    at("/office/platforms/<platform_key>/retry", "retry_platform", deliveries.retry_platform, methods=["POST"])

    at("/lti/register", "lti_register", lti_registration.register, methods=FORM)
    at("/lti/deep-linking/<secret>", "lti_picker", lti_deep_linking.picker, methods=FORM)
    at("/lti/login", "lti_login", throttle_launches(limiter, lti.login), methods=FORM)
    at("/lti/launch", "lti_launch", throttle_refused_launches(limiter, lti.launch), methods=["POST"])
    at("/lti/jwks.json", "lti_key_set", lti.key_set)
    at("/lti/account", "lti_account", lti_accounts.account, methods=["POST"])
    at("/lti/account/link", "lti_link_account", throttle_sign_in(limiter, lti_accounts.link), methods=["POST"])
    at("/lti/programmes/<key>", "lti_programme", lti_places.programme)
    at("/lti/programmes/<key>/modules/<module_key>", "lti_module", lti_places.module)
    at(
        "/continue",
        "continue_with_ticket",
        throttle_refused_launches(limiter, continuing.continue_with_ticket),
        methods=FORM,
    )

    at("/media/<signed>/<path:name>", "media", media.media)
    at("/api/v1/docs", "api_docs", api_docs.api_docs)

    pages.register_error_handler(NotAuthenticated, entrance.on_not_authenticated)
    pages.register_error_handler(CSRFError, entrance.on_csrf_error)
    pages.register_error_handler(RateLimitExceeded, entrance.on_limit)
    # For the application: pages of errors are shown for addresses outside of the blueprint as well.
    pages.app_context_processor(_shared_values)
    # A global: macros that are imported without their page's values see it too.
    app.jinja_env.globals["reason_texts"] = reason_texts
    app.register_blueprint(pages)


def _shared_values() -> dict[str, Any]:
    return {
        "language": current_language(),
        "typed": drafts.typed,
        "show": showing,
        "navigation": navigation.navigation,
        "unread_notices": notices.unread,
        "study_words": study_wording,
        "meeting_words": meeting_wording,
    }
