"""What happens to whoever is launched: frames, windows, tickets, linking an account, and the link that is noted."""

import re
from decimal import Decimal
from html import unescape

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from lms_plugin.domain.programme import LmsCourse
from lms_plugin.services import lti_launching, lti_links, outbox, tickets
from lms_plugin.services.links_owed import block_key_of
from lms_plugin.services.ports import Acknowledged
from lms_plugin.storage.lti import LtiLink, LtiLogin, LtiNonce, PlatformAccount
from lms_plugin.storage.outbox import ACKNOWLEDGED, REFUSED, WAITING, Platform, Report
from lms_plugin.storage.people import User
from tests import builders
from tests.web.platform_rig import IN_FRAME, IN_WINDOW, ISSUER, SUBJECT, PlatformRig, link_account, open_platform
from tests.web.stage import HOST, PASSWORD, Browser, Stage

FROM_HERE = {"Origin": HOST}


@pytest.fixture
def platform(stage: Stage) -> PlatformRig:
    return open_platform(stage)


@pytest.fixture
def unknown(platform: PlatformRig) -> PlatformRig:
    """The same platform, with nobody linked yet."""
    with platform.stage.database.writing() as session:
        session.delete(session.get_one(PlatformAccount, (platform.platform_id, SUBJECT)))
    return platform


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, page
    return unescape(found[1])


def follow(browser: Browser, ticket: str, headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
    """Press the button of a frame: its page is ours, and the answer fills a window."""
    return browser.client.post("/continue", data={"ticket": ticket, **fields}, headers=headers or FROM_HERE)


def account_page(browser: Browser, subject: str, headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
    return browser.client.post("/lti/account", data={"subject": subject, **fields}, headers=headers or FROM_HERE)


def linked(platform: PlatformRig) -> dict[str, int]:
    with platform.stage.database.reading() as session:
        rows = session.scalars(select(PlatformAccount).where(PlatformAccount.platform_id == platform.platform_id))
        return {row.subject: row.user_id for row in rows}


def test_in_a_frame_the_hours_are_shown_and_a_ticket_opens_the_module(platform: PlatformRig) -> None:
    stage = platform.stage
    frame = platform.launch(stage.browser(), launch_presentation={"locale": "en-US"})

    assert "Understanding pupils" in frame.text
    assert "Remote training of rural teachers" in frame.text
    assert "class hours" in frame.text
    assert 'target="_blank"' in frame.text
    assert "csrf" not in frame.text, "nothing in a frame needs a cookie"
    window = stage.browser(language="en")
    answer = follow(window, hidden(frame.text, "ticket"))
    assert (answer.status_code, answer.location) == (303, "/lti/programmes/rural/modules/reading")
    assert window.get(answer.location).location == stage.module_address
    assert window.get(stage.module_address).status_code == 200


@pytest.mark.parametrize(
    ("locale", "button"),
    [("en", "Open the module in a new window"), ("zh_CN", "在新窗口中打开本单元"), ("fr", "在新窗口中打开本单元")],
)
def test_a_frame_speaks_the_platforms_language_else_the_persons_own(
    platform: PlatformRig, locale: str, button: str
) -> None:
    frame = platform.launch(platform.stage.browser(language="en"), launch_presentation={"locale": locale})

    assert button in frame.text


def test_only_the_platform_may_show_its_launch_in_a_frame(platform: PlatformRig) -> None:
    stage = platform.stage
    school = "https://school.example.org"
    frame = platform.launch(stage.browser(), launch_presentation={"return_url": f"{school}/courses/1"})

    assert frame.headers["Content-Security-Policy"].endswith(f"frame-ancestors 'self' {ISSUER} {school}")
    refused = platform.launch(stage.browser(), deployment_id="9")
    assert refused.headers["Content-Security-Policy"].endswith(f"frame-ancestors 'self' {ISSUER}")
    stranger = platform.login(stage.browser(), iss="https://evil.example")
    assert stranger.headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")
    assert stage.browser("teacher").get("/").headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")


def test_a_launch_that_fills_the_window_of_the_browser_that_began_it_goes_straight_on(platform: PlatformRig) -> None:
    browser = platform.stage.browser()

    answer = platform.launch(browser, IN_WINDOW)

    assert (answer.status_code, answer.location) == (303, "/lti/programmes/rural/modules/reading")
    assert browser.get(answer.location).location == platform.stage.module_address


def test_two_launches_side_by_side_in_one_browser_are_both_of_this_browser(platform: PlatformRig) -> None:
    browser = platform.stage.browser()
    first, second = platform.begin(browser), platform.begin(browser)

    for begun in (first, second):
        token = platform.token(platform.claims(begun.nonce))
        assert platform.send(browser, begun.state, token, IN_WINDOW).status_code == 303


def test_a_ticket_opens_once_and_later_only_for_whoever_is_signed_in_anyway(platform: PlatformRig) -> None:
    stage = platform.stage
    ticket = hidden(platform.launch(stage.browser()).text, "ticket")
    window = stage.browser(language="en")
    assert follow(window, ticket).status_code == 303

    assert follow(window, ticket).location == "/lti/programmes/rural/modules/reading"
    other = follow(stage.browser(language="en"), ticket)
    assert (other.status_code, "code: ticket_used<" in other.text) == (403, True)
    assert "code: ticket_used<" in follow(stage.browser("mate"), ticket).text


def test_a_ticket_runs_out(platform: PlatformRig) -> None:
    stage = platform.stage
    ticket = hidden(platform.launch(stage.browser()).text, "ticket")
    stage.clock.forward(3601)

    assert "code: ticket_expired<" in follow(stage.browser(language="en"), ticket).text
    assert "code: ticket_unknown<" in follow(stage.browser(language="en"), "made-up").text


def test_a_ticket_in_a_link_of_a_registered_platform_opens_at_once(platform: PlatformRig) -> None:
    stage = platform.stage
    with stage.database.writing() as session:
        secret = tickets.issue(session, stage.users["teacher"], stage.module_address, stage.clock())
    browser = stage.browser()

    answer = browser.client.get("/continue", query_string={"ticket": secret}, headers={"Referer": f"{ISSUER}/course/1"})

    assert (answer.status_code, answer.location) == (303, stage.module_address)
    assert browser.get(stage.module_address).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Referer": "https://evil.example/"}, {"Origin": "null"}])
def test_a_ticket_from_anywhere_else_asks_first(platform: PlatformRig, headers: dict[str, str]) -> None:
    """Whoever sends a ticket of their own to somebody else would have that person study for them."""
    stage = platform.stage
    ticket = hidden(platform.launch(stage.browser()).text, "ticket")
    browser = stage.browser(language="en")

    asked = browser.client.post("/continue", data={"ticket": ticket, "sure": "1"}, headers=headers)

    assert (asked.status_code, "Go on as 王丽?" in asked.text) == (200, True)
    assert browser.get("/").status_code == 302
    assert follow(browser, hidden(asked.text, "ticket"), sure="1").status_code == 303
    assert browser.get("/").status_code == 200


def test_somebody_else_who_is_signed_in_is_asked_before_they_are_signed_out(platform: PlatformRig) -> None:
    stage = platform.stage
    ticket = hidden(platform.launch(stage.browser()).text, "ticket")
    browser = stage.browser("mate")

    asked = follow(browser, ticket)

    assert "You are signed in here as 张小梅." in asked.text
    assert follow(browser, ticket, sure="1").status_code == 303


def test_whoever_was_suspended_meanwhile_gets_nowhere_with_a_ticket(platform: PlatformRig) -> None:
    stage = platform.stage
    ticket = hidden(platform.launch(stage.browser()).text, "ticket")
    with stage.database.writing() as session:
        session.get_one(User, stage.users["teacher"]).is_active = False
    browser = stage.browser()

    follow(browser, ticket)

    assert browser.get("/").status_code == 302


def test_a_first_launch_links_the_account_that_is_signed_in_when_the_person_says_so(unknown: PlatformRig) -> None:
    browser = unknown.stage.browser("teacher")
    first = unknown.launch(browser, name="Wang Li")

    page = account_page(browser, hidden(first.text, "subject"))
    assert "You are signed in here as 王丽. On lms.example.org you are Wang Li." in page.text
    assert linked(unknown) == {}, "nothing is linked before the person has said so"
    answer = browser.post("/lti/account/link", subject=hidden(page.text, "subject"))

    assert (answer.status_code, answer.location) == (303, "/lti/programmes/rural/modules/reading")
    assert linked(unknown) == {SUBJECT: unknown.stage.users["teacher"]}
    assert 'name="ticket"' in unknown.launch(unknown.stage.browser()).text


def test_a_first_launch_links_with_the_accounts_password_never_by_e_mail(unknown: PlatformRig) -> None:
    stage = unknown.stage
    with stage.database.writing() as session:
        session.get_one(User, stage.users["teacher"]).email = "wang.li@example.org"
    frame = unknown.launch(stage.browser())
    assert 'name="ticket"' not in frame.text
    assert linked(unknown) == {}
    window = stage.browser(language="en")
    page = account_page(window, hidden(frame.text, "subject"))
    subject = hidden(page.text, "subject")

    wrong = window.post("/lti/account/link", subject=subject, login="teacher", password="wrong")
    assert (wrong.status_code, "The account and password do not match." in wrong.text) == (401, True)
    answer = window.post("/lti/account/link", subject=subject, login="teacher", password=PASSWORD)

    assert answer.status_code == 303
    assert linked(unknown) == {SUBJECT: stage.users["teacher"]}
    assert window.get(stage.module_address).status_code == 200


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_a_subject_that_another_site_sends_needs_the_password(unknown: PlatformRig, headers: dict[str, str]) -> None:
    """Somebody has a signed-in victim's browser open a link to their own subject: one click must not hand it over."""
    attacker = unknown.stage.browser()
    subject = hidden(unknown.launch(attacker).text, "subject")
    victim = unknown.stage.browser("teacher")

    page = account_page(victim, subject, headers)

    assert "Yes, both are me" not in page.text
    assert 'type="password"' in page.text
    answer = victim.post("/lti/account/link", subject=hidden(page.text, "subject"))
    assert (answer.status_code, linked(unknown)) == (200, {})


def test_a_launch_of_another_browser_needs_the_password_unless_the_platform_kept_the_proof(
    unknown: PlatformRig,
) -> None:
    began = unknown.stage.browser()
    begun = unknown.begin(began)
    cookie = began.client.get_cookie("lti_browser", path="/lti")
    assert cookie is not None
    browser = unknown.stage.browser("teacher")
    answer = unknown.send(
        browser,
        begun.state,
        unknown.token(unknown.claims(begun.nonce)),
        lti_storage_target="_parent",
    )
    subject = hidden(answer.text, "subject")
    assert f'data-key="{lti_launching.storage_key(begun.state)}"' in answer.text

    assert "Yes, both are me" not in account_page(browser, subject).text
    assert "Yes, both are me" not in account_page(browser, subject, proof="x" * 43).text
    assert "Yes, both are me" in account_page(browser, subject, proof=cookie.value).text


def test_nobody_takes_over_a_subject_or_has_two(platform: PlatformRig) -> None:
    stage = platform.stage
    with stage.database.writing() as session:
        session.delete(session.get_one(PlatformAccount, (platform.platform_id, SUBJECT)))
    mate, teacher = stage.browser("mate"), stage.browser("teacher")
    pages = [account_page(one, hidden(platform.launch(one).text, "subject")) for one in (mate, teacher)]
    second = account_page(mate, hidden(platform.launch(mate, sub="another").text, "subject"))
    assert mate.post("/lti/account/link", subject=hidden(pages[0].text, "subject")).status_code == 303

    taken = teacher.post("/lti/account/link", subject=hidden(pages[1].text, "subject"))
    assert (taken.status_code, "code: lti_subject_taken<" in taken.text) == (409, True)
    other = mate.post("/lti/account/link", subject=hidden(second.text, "subject"))
    assert (other.status_code, "code: lti_account_other<" in other.text) == (409, True)
    assert linked(platform) == {SUBJECT: stage.users["mate"]}


def test_a_subject_is_signed_for_its_hour(unknown: PlatformRig) -> None:
    browser = unknown.stage.browser("teacher")
    subject = hidden(unknown.launch(browser).text, "subject")
    assert "code: lti_page_too_old<" in account_page(browser, subject[:-2] + "xx").text
    unknown.stage.clock.forward(3601)

    assert "code: lti_page_too_old<" in account_page(browser, subject).text
    assert "code: lti_page_too_old<" in browser.post("/lti/account/link", subject=subject).text


def test_what_a_link_says_is_noted_and_stays_when_it_says_less(platform: PlatformRig) -> None:
    stage = platform.stage
    platform.launch(stage.browser())
    stage.clock.forward(60)
    platform.launch(stage.browser(), ags=None, nrps=None, target_link_uri=f"{HOST}/lti/launch")

    with stage.database.reading() as session:
        link = session.scalars(select(LtiLink)).one()
    assert (link.deployment_id, link.context_id, link.resource_link_id) == ("1", "course-1", "link-1")
    assert (link.module_id, link.context_title) == (stage.module_id, "远程培训")
    assert (link.line_item_url, link.line_items_url) == (f"{ISSUER}/items/1", f"{ISSUER}/items")
    assert (link.memberships_url, link.seen_at) == (f"{ISSUER}/members", stage.clock())


def owed(platform: PlatformRig, state: str, error_code: str | None = None, ratio: str = "0.5") -> int:
    """What the teacher's only link is owed of them, and what became of it; gives the report's id."""
    stage = platform.stage
    with stage.database.writing() as session:
        link = session.scalars(select(LtiLink)).one()
        course = LmsCourse(session.get_one(Platform, platform.platform_id).key, link.context_id)
        key = block_key_of(link.id)
        report = outbox.owe(session, stage.enrolment_id, course, key, Decimal(ratio), stage.clock())
        assert report is not None
        report.state, report.last_error_code = state, error_code
        report.next_attempt_at = stage.clock() if state == WAITING else None
        if state == ACKNOWLEDGED:
            report.acknowledged_ratio, report.acknowledged_at = report.ratio, stage.clock()
        session.flush()
        return report.id


def report_of(platform: PlatformRig, report_id: int) -> Report:
    with platform.stage.database.reading() as session:
        return session.get_one(Report, report_id)


@pytest.mark.parametrize("code", ["unknown_learner", "rejected", "gave_up", "unknown_block"])
def test_what_was_refused_of_somebody_is_sent_again_when_they_come_from_the_link(
    platform: PlatformRig, code: str
) -> None:
    stage = platform.stage
    platform.launch(stage.browser())
    report_id = owed(platform, REFUSED, code)
    link_account(stage, platform.platform_id, "mate", "another subject")
    platform.launch(stage.browser(), sub="another subject")
    assert report_of(platform, report_id).state == REFUSED
    platform.launch(stage.browser(), resource_link={"id": "another link"})
    assert report_of(platform, report_id).state == REFUSED

    platform.launch(stage.browser())

    report = report_of(platform, report_id)
    assert (report.state, report.next_attempt_at, report.attempts) == (WAITING, stage.clock(), 0)


@pytest.mark.parametrize(
    ("state", "code", "is_owed"),
    [
        (ACKNOWLEDGED, None, True),
        (REFUSED, "unknown_block", True),
        (REFUSED, "not_enrolled", False),
        (WAITING, None, True),
    ],
)
def test_a_link_that_gets_another_line_item_owes_it_what_the_one_before_had(
    platform: PlatformRig, state: str, code: str | None, is_owed: bool
) -> None:
    stage = platform.stage
    platform.launch(stage.browser())
    report_id = owed(platform, state, code)
    platform.launch(stage.browser(), sub="somebody else")
    assert report_of(platform, report_id).state == state

    platform.launch(stage.browser(), sub="somebody else", ags={"lineitem": f"{ISSUER}/items/2", "scope": []})

    report = report_of(platform, report_id)
    assert report.state == (WAITING if is_owed else state)
    assert report.acknowledged_ratio is None
    if is_owed:
        assert report.next_attempt_at == stage.clock() + lti_links.FORGOTTEN_AFTER


def test_what_is_under_way_when_a_link_gets_another_line_item_is_sent_again(platform: PlatformRig) -> None:
    stage = platform.stage
    platform.launch(stage.browser())
    report_id = owed(platform, WAITING)
    with stage.database.writing() as session:
        key = session.get_one(Platform, platform.platform_id).key
        claim = outbox.claim(session, key, worker="one", now=stage.clock(), limit=10, lease_seconds=120)
    platform.launch(stage.browser(), sub="somebody else", ags={"lineitem": f"{ISSUER}/items/2", "scope": []})
    with stage.database.writing() as session:
        outcomes = outbox.outcomes_of(claim.sendings[0], Acknowledged(), stage.clock())
        outbox.record(session, outcomes, now=stage.clock(), draw=lambda: 0.5, wait=True)

    assert report_of(platform, report_id).state == WAITING


def test_a_link_that_is_pointed_at_something_else_owes_what_stands_there(platform: PlatformRig) -> None:
    stage = platform.stage
    platform.launch(stage.browser())
    report_id = owed(platform, ACKNOWLEDGED, ratio="1")
    with stage.database.writing() as session:
        stamped_at = session.get_one(Report, report_id).stamped_at = stage.clock()
    before = report_of(platform, report_id)

    platform.launch(stage.browser(), target_link_uri=f"{HOST}/lti/programmes/rural")

    report = report_of(platform, report_id)
    assert (report.state, report.acknowledged_ratio, report.stamped_at) == (WAITING, None, stamped_at)
    assert report.revision > before.revision
    assert report.ratio < 1
    assert report.required_hours not in (None, before.required_hours)


def test_a_link_to_a_whole_programme_and_one_to_nothing(platform: PlatformRig) -> None:
    stage = platform.stage
    programme = platform.launch(stage.browser(), target_link_uri=f"{HOST}/lti/programmes/rural")
    nothing = platform.launch(
        stage.browser(), IN_WINDOW, target_link_uri=f"{HOST}/lti/launch", resource_link={"id": "link-2"}
    )

    assert "农村教师远程培训" in programme.text
    assert (nothing.status_code, nothing.location) == (303, "/")
    with stage.database.reading() as session:
        assert [link.module_id for link in session.scalars(select(LtiLink))] == [None]


@pytest.mark.parametrize(
    ("person", "programme", "module"),
    [
        ("teacher", "/enrolments/{enrolment}", "/enrolments/{enrolment}/modules/{module}"),
        ("tutor", "/tutor", "/tutor/modules/{module}"),
        ("county", "/office/programmes/rural", "/office/programmes/rural"),
        (None, "/login?next=/lti/programmes/rural", "/login?next=/lti/programmes/rural/modules/reading"),
    ],
)
def test_the_address_of_a_programme_leads_everybody_to_their_own_page(
    stage: Stage, person: str | None, programme: str, module: str
) -> None:
    browser, ids = stage.browser(person), {"enrolment": stage.enrolment_id, "module": stage.module_id}

    assert browser.get("/lti/programmes/rural").location == programme.format(**ids)
    assert browser.get("/lti/programmes/rural/modules/reading").location == module.format(**ids)


def test_whoever_is_not_enrolled_is_told_so(platform: PlatformRig) -> None:
    stage = platform.stage
    with stage.database.writing() as session:
        outsider = builders.make_user(session, "outsider", name="赵敏")
        stage.users["outsider"] = outsider.id

    answer = stage.browser("outsider").get("/lti/programmes/rural")
    assert (answer.status_code, "You are not enrolled in “Remote training" in answer.text) == (403, True)
    assert stage.browser("teacher").get("/lti/programmes/no-such").status_code == 404
    assert stage.browser("teacher").get("/lti/programmes/rural/modules/no-such").status_code == 404


def test_a_platform_with_storage_is_asked_to_keep_the_proof(platform: PlatformRig) -> None:
    browser = platform.stage.browser(language="en")
    parts = {"iss": ISSUER, "login_hint": "h", "target_link_uri": f"{HOST}/lti/launch", "lti_storage_target": "_parent"}

    page = browser.client.post("/lti/login", data=parts, headers={"Origin": ISSUER, **IN_FRAME})

    assert page.status_code == 200
    assert f'data-origin="{ISSUER}"' in page.text
    assert f'data-next="{ISSUER}/auth?tool=1&amp;scope=openid' in page.text
    assert page.headers["Content-Security-Policy"].endswith(f"frame-ancestors 'self' {ISSUER}")
    elsewhere = browser.client.post("/lti/login", data=parts, headers={"Origin": "https://school.example", **IN_FRAME})
    assert elsewhere.status_code == 302, "a page that the frame would not show must not be in the way"


@pytest.mark.parametrize("rate_limits", [True])
def test_refused_launches_are_throttled_and_right_ones_are_not(platform: PlatformRig) -> None:
    browser = platform.stage.browser()
    for _ in range(60):
        assert platform.send(browser, "made-up", "x").status_code == 403

    assert platform.send(browser, "made-up", "x").status_code == 429
    assert platform.login(browser).status_code == 302


def test_our_key_set_has_a_key_from_the_first_time_it_is_read(stage: Stage) -> None:
    first, second = (stage.browser().get("/lti/jwks.json").json for _ in range(2))

    assert first == second
    (key,) = first["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "alg", "use"}, "nothing private is published"


def test_what_ran_out_is_forgotten(platform: PlatformRig) -> None:
    stage = platform.stage
    platform.launch(stage.browser())
    platform.begin(stage.browser())
    stage.clock.forward(3 * 3600)

    with stage.database.writing() as session:
        assert lti_launching.forget_expired(session, stage.clock()) == 3
        assert lti_launching.forget_expired(session, stage.clock()) == 0
        assert session.scalars(select(LtiLogin)).all() == []
        assert session.scalars(select(LtiNonce)).all() == []
