"""The JSON API: all resources under /api/v1, described by /api/v1/openapi.json."""

from functools import wraps

from apiflask import APIFlask
from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter

from lms_plugin.api import (
    admission,
    discussion,
    dispute_shapes,
    disputes,
    enrolments,
    meeting_questions,
    meeting_shapes,
    meetings,
    people,
    playback,
    post_shapes,
    posts,
    question_shapes,
    questions,
    reports,
    school_shapes,
    school_study,
    shapes,
    watching,
    xblock,
    xblock_shapes,
)
from lms_plugin.api.description import PREFIX, Route, View, describe
from lms_plugin.http.identity import current_actor
from lms_plugin.http.security import throttle_codes, throttle_questions, throttle_sign_in

ROUTES = (
    # tokens and people
    Route(
        "POST", "/tokens", people.create_token, shapes.TokenRequest, None, shapes.TokenAnswer, status=201, is_open=True
    ),
    Route("DELETE", "/tokens/current", people.end_token, status=204),
    Route("GET", "/me", people.me, answer=shapes.MeAnswer),
    # a learner's enrolments, hours and ledger
    Route("GET", "/me/enrolments", enrolments.mine, answer=shapes.EnrolmentAnswer, many=True),
    Route("GET", "/enrolments/<id:enrolment_id>/hours", enrolments.hours_of, answer=shapes.HoursAnswer),
    Route(
        "GET",
        "/enrolments/<id:enrolment_id>/ledger",
        enrolments.ledger_of,
        query=shapes.LedgerQuery,
        answer=shapes.LedgerAnswer,
    ),
    Route("GET", "/enrolments/<id:enrolment_id>/films", watching.films_of, answer=shapes.FilmsAnswer),
    # a tutor's decisions
    Route(
        "POST",
        "/enrolments/<id:enrolment_id>/releases",
        watching.release,
        body=shapes.ReleaseRequest,
        answer=shapes.ReleaseResponse,
        status=201,
    ),
    # disputes
    Route("GET", "/enrolments/<id:enrolment_id>/disputes", disputes.disputes_of, answer=dispute_shapes.DisputesAnswer),
    Route(
        "POST",
        "/enrolments/<id:enrolment_id>/disputes",
        disputes.open_dispute,
        body=dispute_shapes.DisputeRequest,
        answer=dispute_shapes.DisputeAnswer,
        status=201,
    ),
    Route(
        "POST",
        "/disputes/<id:dispute_id>/withdrawal",
        disputes.withdraw_dispute,
        answer=dispute_shapes.DisputeAnswer,
    ),
    Route(
        "POST",
        "/disputes/<id:dispute_id>/proposal",
        disputes.propose,
        body=dispute_shapes.ProposalRequest,
        answer=dispute_shapes.DisputeAnswer,
    ),
    Route(
        "POST",
        "/disputes/<id:dispute_id>/decision",
        disputes.decide,
        body=dispute_shapes.DecisionRequest,
        answer=dispute_shapes.DisputeAnswer,
    ),
    # watching
    Route(
        "POST",
        "/videos/<id:video_id>/playback-sessions",
        playback.open_session,
        body=shapes.SessionRequest,
        answer=shapes.SessionAnswer,
        status=201,
    ),
    Route(
        "POST",
        "/playback-sessions/<playback_session_id>/beats",
        playback.take_beat,
        body=shapes.BeatRequest,
        answer=shapes.BeatResponse,
        asks_itself=True,
    ),
    Route("GET", "/playback-sessions/<playback_session_id>", playback.film_of, answer=shapes.FilmAnswer),
    Route(
        "POST",
        "/playback-sessions/<playback_session_id>/presence-checks/<check_id>",
        playback.answer_check,
        body=shapes.CheckRequest,
        answer=shapes.CheckResponse,
    ),
    # discussion
    Route(
        "GET",
        "/modules/<id:module_id>/threads",
        discussion.threads_of,
        query=shapes.ThreadsQuery,
        answer=shapes.ThreadsAnswer,
    ),
    Route(
        "POST",
        "/modules/<id:module_id>/threads",
        discussion.start_thread,
        body=shapes.ThreadRequest,
        answer=shapes.WrittenAnswer,
        status=201,
    ),
    Route(
        "POST",
        "/modules/<id:module_id>/posts/preview",
        discussion.preview,
        body=shapes.PreviewRequest,
        answer=shapes.JudgementAnswer,
    ),
    Route(
        "GET",
        "/threads/<id:thread_id>/posts",
        discussion.posts_of,
        query=shapes.PostsQuery,
        answer=shapes.PostsAnswer,
    ),
    Route(
        "POST",
        "/threads/<id:thread_id>/posts",
        discussion.reply,
        body=shapes.PostRequest,
        answer=shapes.WrittenAnswer,
        status=201,
    ),
    # questions to the tutor, and the FAQ
    Route(
        "GET",
        "/modules/<id:module_id>/questions",
        questions.questions_of_module,
        query=question_shapes.QuestionsQuery,
        answer=question_shapes.QuestionsAnswer,
    ),
    Route(
        "POST",
        "/modules/<id:module_id>/questions",
        questions.ask_question,
        body=question_shapes.QuestionRequest,
        answer=question_shapes.QuestionAnswer,
        status=201,
        is_limited=True,
    ),
    Route(
        "POST",
        "/modules/<id:module_id>/questions/alike",
        questions.alike_questions,
        body=question_shapes.AlikeRequest,
        answer=question_shapes.AlikeAnswers,
    ),
    Route("GET", "/modules/<id:module_id>/faq", questions.faq_of, answer=question_shapes.FaqAnswer),
    Route(
        "GET",
        "/questions",
        questions.open_questions,
        query=question_shapes.OpenQuery,
        answer=question_shapes.OpenAnswer,
    ),
    Route("GET", "/questions/<id:question_id>", questions.question_of, answer=question_shapes.WholeQuestionAnswer),
    Route(
        "POST",
        "/questions/<id:question_id>/replies",
        questions.reply_to_question,
        body=question_shapes.ReplyRequest,
        answer=question_shapes.ReplyAnswer,
        status=201,
        is_limited=True,
    ),
    Route(
        "POST",
        "/questions/<id:question_id>/answers",
        questions.answer_question,
        body=question_shapes.AnswerRequest,
        answer=question_shapes.ReplyAnswer,
        status=201,
    ),
    Route(
        "POST",
        "/questions/<id:question_id>/replies/<id:reply_id>/mark",
        questions.mark_reply,
        answer=question_shapes.ReplyAnswer,
    ),
    Route(
        "POST",
        "/questions/<id:question_id>/merges",
        questions.merge_questions,
        body=question_shapes.MergeRequest,
        answer=question_shapes.WholeQuestionAnswer,
    ),
    Route(
        "POST",
        "/questions/<id:question_id>/faq",
        questions.promote_to_faq,
        body=question_shapes.FaqRequest,
        answer=question_shapes.FaqEntryAnswer,
        status=201,
    ),
    Route(
        "POST",
        "/faq/<id:entry_id>/withdrawal",
        questions.withdraw_from_faq,
        answer=question_shapes.FaqEntryAnswer,
    ),
    # what becomes of a post
    Route(
        "PATCH",
        "/posts/<id:post_id>",
        posts.edit_post,
        body=post_shapes.EditRequest,
        answer=post_shapes.PostStateAnswer,
    ),
    Route("DELETE", "/posts/<id:post_id>", posts.take_back_post, status=204),
    Route("GET", "/posts/<id:post_id>/history", posts.history_of, answer=post_shapes.HistoryAnswer),
    Route(
        "POST",
        "/posts/<id:post_id>/marks",
        posts.mark_post,
        body=post_shapes.PostMarkRequest,
        answer=post_shapes.PostStateAnswer,
    ),
    Route(
        "POST",
        "/posts/<id:post_id>/marks/withdrawal",
        posts.withdraw_mark,
        body=post_shapes.PostMarkRequest,
        answer=post_shapes.PostStateAnswer,
    ),
    # meetings; Q&A sessions have addresses of their own
    Route(
        "POST",
        "/class-groups/<id:class_group_id>/qna-sessions",
        meetings.plan_qna_session,
        body=meeting_shapes.QnaSessionRequest,
        answer=meeting_shapes.MeetingAnswer,
        status=201,
    ),
    Route(
        "POST",
        "/qna-sessions/<id:meeting_id>/check-ins",
        meetings.check_in_at_qna_session,
        body=meeting_shapes.CheckInRequest,
        answer=meeting_shapes.CheckInAnswer,
    ),
    Route(
        "PUT",
        "/qna-sessions/<id:meeting_id>/attendance",
        meetings.set_attendance_of_qna_session,
        body=meeting_shapes.AttendanceListRequest,
        answer=meeting_shapes.AttendanceListAnswer,
    ),
    Route(
        "POST",
        "/class-groups/<id:class_group_id>/meetings",
        meetings.plan_meeting,
        body=meeting_shapes.MeetingRequest,
        answer=meeting_shapes.MeetingAnswer,
        status=201,
    ),
    Route("GET", "/meetings/<id:meeting_id>", meetings.meeting_of, answer=meeting_shapes.MeetingAnswer),
    Route(
        "POST",
        "/meetings/<id:meeting_id>/state",
        meetings.set_meeting_state,
        body=meeting_shapes.MeetingStateRequest,
        answer=meeting_shapes.MeetingAnswer,
    ),
    Route("GET", "/meetings/<id:meeting_id>/code", meetings.code_of, answer=meeting_shapes.CodeAnswer),
    Route(
        "POST",
        "/meetings/<id:meeting_id>/check-ins",
        meetings.check_in,
        body=meeting_shapes.CheckInRequest,
        answer=meeting_shapes.CheckInAnswer,
    ),
    Route(
        "GET",
        "/meetings/<id:meeting_id>/attendance",
        meetings.attendance_of,
        answer=meeting_shapes.AttendanceListAnswer,
    ),
    Route(
        "PUT",
        "/meetings/<id:meeting_id>/attendance",
        meetings.set_attendance,
        body=meeting_shapes.AttendanceListRequest,
        answer=meeting_shapes.AttendanceListAnswer,
    ),
    Route(
        "PATCH",
        "/meetings/<id:meeting_id>",
        meetings.change_meeting,
        body=meeting_shapes.MeetingChangeRequest,
        answer=meeting_shapes.MeetingAnswer,
    ),
    # questions to Q&A sessions
    Route(
        "GET",
        "/qna-sessions/<id:meeting_id>/questions",
        meeting_questions.questions_of,
        answer=meeting_shapes.SessionQuestionsAnswer,
    ),
    Route(
        "POST",
        "/qna-sessions/<id:meeting_id>/questions",
        meeting_questions.ask_at_meeting,
        body=meeting_shapes.SessionQuestionRequest,
        answer=meeting_shapes.SessionQuestionsAnswer,
        status=201,
    ),
    Route(
        "DELETE",
        "/qna-sessions/<id:meeting_id>/questions/<id:question_id>",
        meeting_questions.withdraw_question,
        answer=meeting_shapes.SessionQuestionsAnswer,
    ),
    Route(
        "PUT",
        "/qna-sessions/<id:meeting_id>/questions/<id:question_id>/vote",
        meeting_questions.vote_for_question,
        answer=meeting_shapes.SessionQuestionsAnswer,
    ),
    Route(
        "DELETE",
        "/qna-sessions/<id:meeting_id>/questions/<id:question_id>/vote",
        meeting_questions.take_vote_back,
        answer=meeting_shapes.SessionQuestionsAnswer,
    ),
    Route(
        "PUT",
        "/qna-sessions/<id:meeting_id>/questions/<id:question_id>/answer",
        meeting_questions.answer_at_meeting,
        body=meeting_shapes.QuestionNoteRequest,
        answer=meeting_shapes.SessionQuestionsAnswer,
    ),
    Route(
        "DELETE",
        "/qna-sessions/<id:meeting_id>/questions/<id:question_id>/answer",
        meeting_questions.reopen_question,
        answer=meeting_shapes.SessionQuestionsAnswer,
    ),
    Route(
        "POST",
        "/qna-sessions/<id:meeting_id>/questions/<id:question_id>/merge",
        meeting_questions.merge_question,
        body=meeting_shapes.QuestionMergeRequest,
        answer=meeting_shapes.SessionQuestionsAnswer,
    ),
    # quotas and nominations
    Route(
        "GET",
        "/programmes/<key>/quotas",
        admission.quotas_of,
        query=admission.QuotasQuery,
        answer=admission.QuotasAnswer,
    ),
    Route(
        "PUT",
        "/programmes/<key>/quotas/<region_code>",
        admission.set_quota,
        body=admission.QuotaRequest,
        status=204,
    ),
    Route(
        "GET",
        "/programmes/<key>/nominations",
        admission.nominations_of,
        query=admission.NominationsQuery,
        answer=admission.NominationsAnswer,
    ),
    Route(
        "POST",
        "/programmes/<key>/nominations",
        admission.nominate,
        body=admission.NominationRequest,
        answer=admission.NominationAnswer,
        status=201,
    ),
    Route(
        "POST",
        "/nominations/<id:nomination_id>/decisions",
        admission.decide_nomination,
        body=admission.NominationDecisionRequest,
        answer=admission.NominationDecisionAnswer,
    ),
    # school-based activities and coursework
    Route(
        "GET",
        "/enrolments/<id:enrolment_id>/activities",
        school_study.activities_of,
        answer=school_shapes.ActivitiesAnswer,
    ),
    Route(
        "POST",
        "/enrolments/<id:enrolment_id>/activities",
        school_study.hand_in_activity,
        body=school_shapes.ActivityRequest,
        answer=school_shapes.ActivityStateAnswer,
        status=201,
    ),
    Route(
        "POST",
        "/activities/<id:activity_id>/decisions",
        school_study.decide_activity,
        body=school_shapes.ActivityDecisionRequest,
        answer=school_shapes.ActivityStateAnswer,
    ),
    Route(
        "GET",
        "/enrolments/<id:enrolment_id>/coursework",
        school_study.coursework_of,
        answer=school_shapes.CourseworkAnswer,
    ),
    Route(
        "POST",
        "/enrolments/<id:enrolment_id>/coursework",
        school_study.hand_in_homework,
        body=school_shapes.HomeworkRequest,
        answer=school_shapes.WorkAnswer,
        status=201,
    ),
    Route(
        "POST",
        "/coursework/<id:coursework_id>/marks",
        school_study.mark_homework,
        body=school_shapes.MarkRequest,
        answer=school_shapes.WorkAnswer,
    ),
    # the XBlock's server
    Route(
        "GET",
        "/xblock/standing",
        xblock.standing_for_xblock,
        answer=xblock_shapes.XBlockStandingAnswer,
        asks_itself=True,
    ),
    Route(
        "GET",
        "/xblock/modules",
        xblock.xblock_modules,
        query=xblock_shapes.XBlockModulesQuery,
        answer=xblock_shapes.XBlockModulesAnswer,
        asks_itself=True,
    ),
    # the office
    Route(
        "GET",
        "/reports/completions",
        reports.completions,
        query=shapes.CompletionsQuery,
        answer=shapes.CompletionsAnswer,
        files=("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ),
    Route("GET", "/lms/deliveries", reports.deliveries, query=shapes.DeliveriesQuery, answer=shapes.DeliveriesAnswer),
)


def register(app: APIFlask, limiter: Limiter) -> None:
    """Add the API and its description to an application."""
    api = Blueprint("api", __name__, url_prefix=PREFIX)
    for route in ROUTES:
        view = route.view if route.is_open or route.asks_itself else _signed_in(route.view)
        if route.view is people.create_token:
            view = throttle_sign_in(limiter, view)
        if route.view in (meetings.check_in, meetings.check_in_at_qna_session):
            view = throttle_codes(limiter, view)
        if route.is_limited:
            view = throttle_questions(limiter, view)
        api.add_url_rule(route.rule, route.view.__name__, view, methods=[route.method])
    app.register_blueprint(api)
    describe(app, ROUTES)


def _signed_in(view: View) -> View:
    """Refuse whoever is not signed in before anything of the request is read."""

    @wraps(view)
    def checked(*args: object, **kwargs: object) -> ResponseReturnValue:
        current_actor()
        return view(*args, **kwargs)

    return checked
