"""The office's pages of LMS platforms, with a real LTI platform beside the service."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import select

from lms_plugin.services import delivery_list
from lms_plugin.services.platforms import CONSOLE
from lms_plugin.services.platforms import register as register_openedx
from lms_plugin.storage.lti import LtiDeployment
from lms_plugin.storage.lti import LtiPlatform as LtiRow
from lms_plugin.storage.outbox import Platform, Report
from tests.peers.lti.interface import Fault, Link, Person
from tests.peers.lti.platform import LtiPlatform
from tests.web.lti_stage import KEY, ask_for_links, details_of, introduce, note_link, reach_loopback, register
from tests.web.stage import HOST, Browser, Stage

AUTHOR = Person("author", "作者", "Instructor")


@pytest.fixture
def office(stage: Stage, database_url: str, tmp_path: Path) -> Stage:
    reach_loopback(stage, database_url, tmp_path)
    return stage


def form_of(platform: LtiPlatform, **changed: str) -> dict[str, str]:
    details = details_of(platform)
    sound = {
        "key": KEY,
        "issuer": details.issuer,
        "client_id": details.client_id,
        "deployment_ids": "\n".join(details.deployment_ids),
        "authorization_url": details.authorization_url,
        "key_set_url": details.key_set_url,
        "token_url": details.token_url,
        "token_audience": "",
    }
    return {**sound, **changed}


def findings(page: str) -> list[tuple[str, str]]:
    """(step, sentence) of the trial on a page."""
    return re.findall(r"<strong>([^<]+)</strong><p>([^<]+)</p>", unescape(page))


class TestRegisteringByHand:
    def test_a_platform_is_registered_found_in_the_list_and_changed(
        self, office: Stage, own_lti_platform: LtiPlatform
    ) -> None:
        browser = office.browser("admin")
        assert f"{HOST}/lti/login" in browser.get("/office/platforms/new").text

        answer = browser.post("/office/platforms/new", **form_of(own_lti_platform))

        assert (answer.status_code, answer.location) == (303, f"/office/platforms/{KEY}")
        page = browser.get(answer.location).text
        for address in (f"{HOST}/lti/login", f"{HOST}/lti/launch", f"{HOST}/lti/jwks.json"):
            assert address in page
        listed = browser.get("/office/platforms").text
        assert f'href="/office/platforms/{KEY}"' in listed
        assert "Not registered yet" in listed  # openedx, which the programme names
        changed = form_of(own_lti_platform, client_id="renewed", deployment_ids="1\n2")
        assert browser.post(f"/office/platforms/{KEY}", **changed).status_code == 303
        with office.database.reading() as session:
            assert session.scalars(select(LtiRow.client_id)).all() == ["renewed"]
            assert set(session.scalars(select(LtiDeployment.deployment_id))) == {"1", "2"}

    def test_every_field_says_its_fault_and_keeps_what_was_typed(
        self, office: Stage, own_lti_platform: LtiPlatform
    ) -> None:
        browser = office.browser("admin")
        wrong = {
            "key": "Own!",
            "issuer": "",
            "authorization_url": "ftp://x.example.org/<b>",
            "token_url": "https://u:p@x.example.org",
            "deployment_ids": "eins zwei",
        }
        answer = browser.post("/office/platforms/new", **form_of(own_lti_platform, **wrong))

        assert answer.status_code == 422
        page = unescape(answer.text)
        faulty = set(re.findall(r'id="(\w+)-error"', page))
        assert faulty == wrong.keys()
        assert "Small letters, digits" in page
        assert "There must be no user name or password in the address." in page
        for text in ('value="Own!"', "ftp://x.example.org/<b>", "eins zwei</textarea>", own_lti_platform.key_set_url):
            assert text in page

    def test_a_change_that_is_wrong_keeps_what_was_typed_too(
        self, office: Stage, own_lti_platform: LtiPlatform
    ) -> None:
        register(office, own_lti_platform)
        answer = office.browser("admin").post(
            f"/office/platforms/{KEY}", **form_of(own_lti_platform, client_id="", token_audience="two words")
        )
        assert answer.status_code == 422
        assert set(re.findall(r'id="(\w+)-error"', answer.text)) == {"client_id", "token_audience"}
        assert 'value="two words"' in answer.text

    def test_another_kind_of_platform_has_a_page_to_look_at(self, office: Stage) -> None:
        with office.database.writing() as session:
            register_openedx(
                session,
                CONSOLE,
                office.app.extensions["lms_plugin"].seal,
                lambda _address: None,
                key="openedx",
                base_url="https://lms.example.org",
                client_id="c",
                client_secret="s3cret-of-the-lms",
            )
        page = office.browser("admin").get("/office/platforms/openedx").text
        assert "https://lms.example.org" in page
        assert "s3cret-of-the-lms" not in page
        assert "server's console" in unescape(page)


class TestTheTrial:
    def test_before_the_first_launch_keys_and_token_are_tried(
        self, office: Stage, own_lti_platform: LtiPlatform
    ) -> None:
        register(office, own_lti_platform)
        page = office.browser("admin").post(f"/office/platforms/{KEY}/trial").text
        assert findings(page) == [
            ("Key set", "Key set reached: 1 key."),
            ("Access token", "Token obtained."),
            ("Line items", "Known only after the first launch. Open one of our links in the platform, then try again."),
            ("Roster", "Known only after the first launch. Open one of our links in the platform, then try again."),
        ]

    def test_with_a_link_line_items_and_roster_are_read_as_well(
        self, office: Stage, own_lti_platform: LtiPlatform
    ) -> None:
        own_lti_platform.seed(users=[AUTHOR, Person("t1"), Person("t2")], links=[Link("whole")], page_size=20)
        platform_id = register(office, own_lti_platform)
        note_link(office, platform_id, own_lti_platform)
        page = office.browser("admin").post(f"/office/platforms/{KEY}/trial").text
        assert findings(page) == [
            ("Key set", "Key set reached: 1 key."),
            ("Access token", "Token obtained."),
            ("Line items", "1 line item found."),
            ("Roster", "Roster readable: 3 people on the first page."),
        ]
        own_lti_platform.faults(Fault.refused("memberships", 403), Fault.refused("key_set", 500))
        page = office.browser("admin").post(f"/office/platforms/{KEY}/trial").text
        said = dict(findings(page))
        assert said["Key set"].startswith("The key set could not be read.")
        assert said["Line items"] == "1 line item found."
        assert said["Roster"].startswith("The roster could not be read.")

    def test_a_wrong_client_is_told_from_a_wrong_address(self, office: Stage, own_lti_platform: LtiPlatform) -> None:
        register(office, own_lti_platform)
        browser = office.browser("admin")
        browser.post(f"/office/platforms/{KEY}", **form_of(own_lti_platform, client_id="nobody"))
        page = unescape(browser.post(f"/office/platforms/{KEY}/trial").text)
        said = dict(findings(page))
        assert said["Key set"] == "Key set reached: 1 key."
        assert said["Access token"].startswith("The platform gave no token.")
        assert said["Roster"] == "This needs an access token first."
        assert "The platform says:" in page
        browser.post(
            f"/office/platforms/{KEY}",
            **form_of(own_lti_platform, key_set_url=f"{own_lti_platform.base_url}/nothing", token_url=""),
        )
        said = dict(findings(browser.post(f"/office/platforms/{KEY}/trial").text))
        assert said["Key set"].startswith("The key set could not be read.")
        assert said["Access token"].startswith("There is no token address")


class TestPausing:
    def test_a_pause_has_a_reason_that_is_shown_and_is_lifted(
        self, office: Stage, own_lti_platform: LtiPlatform
    ) -> None:
        register(office, own_lti_platform)
        browser = office.browser("admin")
        answer = browser.post(f"/office/platforms/{KEY}/pause", reason=" ", **{"from": "deliveries"})
        assert "Please say why" in browser.get(answer.location).text
        answer = browser.post(f"/office/platforms/{KEY}/pause", reason="搬家", **{"from": "deliveries"})
        assert answer.location == "/office/deliveries"
        page = browser.get(answer.location).text
        assert "搬家" in page
        assert "Resume delivery" in page
        answer = browser.post(f"/office/platforms/{KEY}/resume")
        assert answer.location == f"/office/platforms/{KEY}"
        assert "搬家" not in browser.get(answer.location).text

    def test_what_was_refused_is_counted_by_the_platforms_words_and_sent_again_by_code(self, office: Stage) -> None:
        with office.database.writing() as session:
            report = session.get_one(Report, office.report_id)
            report.last_error_code, report.last_error_words = "rejected", "no such column"
        browser = office.browser("admin")
        page = browser.get("/office/deliveries").text
        assert "1 report:" in page
        assert page.count("no such column") == 2
        answer = browser.post("/office/platforms/openedx/retry", code="not_enrolled")
        assert "0 reports will be sent again." in browser.get(answer.location).text
        answer = browser.post("/office/platforms/openedx/retry", code="rejected")
        assert "1 report will be sent again." in browser.get(answer.location).text

    def test_links_are_named_by_their_course_and_people_by_their_subject(
        self, office: Stage, own_lti_platform: LtiPlatform
    ) -> None:
        own_lti_platform.seed(users=[AUTHOR], links=[Link("whole")])
        platform_id = register(office, own_lti_platform)
        note_link(office, platform_id, own_lti_platform)
        with office.database.writing() as session:
            report = session.get_one(Report, office.report_id)
            report.platform_key, report.block_key, report.course_key = KEY, "link:1", own_lti_platform.context_id
        page = office.browser("admin").get("/office/deliveries").text
        assert "Link in 第一期远程研修" in page
        with office.database.reading() as session:
            row = delivery_list.deliveries(session, CONSOLE, platform_key=KEY)[0]
        assert row.account is None


def hidden(page: str) -> dict[str, str]:
    return {
        unescape(name): unescape(value)
        for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)
    }


class TestDynamicRegistration:
    def opened(self, browser: Browser, platform: LtiPlatform) -> tuple[str, dict[str, str]]:
        page = browser.client.get("/lti/register", query_string=platform.registration_request())
        assert page.status_code == 200, page.text
        fields = hidden(page.text)
        return page.text, {name: fields[name] for name in ("openid_configuration", "registration_token")}

    def test_a_platform_registers_us_and_waits_for_the_admins_word(
        self, office: Stage, own_lti_platform: LtiPlatform
    ) -> None:
        introduce(office, own_lti_platform)
        own_lti_platform.seed(users=[AUTHOR])
        browser = office.browser("admin")
        page, fields = self.opened(browser, own_lti_platform)
        assert own_lti_platform.issuer in page
        assert 'value="own"' in page  # what the platform calls its software

        answer = browser.post("/lti/register", key="own", **fields)

        assert (answer.status_code, answer.location) == (303, "/office/platforms/own?closing=1")
        page = browser.get(answer.location).text
        assert "Is this the platform you expected?" in page
        with office.database.reading() as session:
            assert session.scalars(select(Platform.is_paused).where(Platform.key == "own")).one()
            assert session.scalars(select(LtiDeployment.deployment_id)).all() == []
            client_id = session.scalars(select(LtiRow.client_id)).one()
        assert "Waits to be confirmed" in browser.get("/office/platforms").text

        confirmed = browser.post("/office/platforms/own/word", action="confirm", closing="1")

        assert "data-lti-close" in confirmed.text
        assert "js/ltiregistration.js" in confirmed.text
        with office.database.reading() as session:
            assert not session.scalars(select(Platform.is_paused).where(Platform.key == "own")).one()
            assert len(session.scalars(select(LtiDeployment.deployment_id)).all()) == 1
        # The platform knows us under that client id.
        assert own_lti_platform.deep_link_request("author", client_id=client_id)["client_id"] == client_id

    def test_a_used_token_a_wrong_key_and_a_dead_platform_are_told_and_nothing_is_kept(
        self, office: Stage, own_lti_platform: LtiPlatform
    ) -> None:
        introduce(office, own_lti_platform)
        browser = office.browser("admin")
        _page, fields = self.opened(browser, own_lti_platform)
        wrong = browser.post("/lti/register", key="Not A Key", **fields)
        assert wrong.status_code == 422
        assert "Small letters, digits" in wrong.text
        assert 'value="Not A Key"' in wrong.text
        assert hidden(wrong.text)["registration_token"] == fields["registration_token"]
        refused = browser.post("/lti/register", key="own", **{**fields, "registration_token": "made-up"})
        assert refused.status_code == 409
        assert "The platform did not register us" in refused.text
        unknown = {**fields, "openid_configuration": f"{own_lti_platform.base_url}/nothing"}
        assert "did not tell about itself" in browser.post("/lti/register", key="own", **unknown).text
        evil = {**fields, "openid_configuration": "http://169.254.169.254/latest"}
        assert browser.post("/lti/register", key="own", **evil).status_code == 409
        with office.database.reading() as session:
            assert session.scalars(select(Platform.key)).all() == []

    def test_discarded_it_is_forgotten(self, office: Stage, own_lti_platform: LtiPlatform) -> None:
        introduce(office, own_lti_platform)
        browser = office.browser("admin")
        _page, fields = self.opened(browser, own_lti_platform)
        browser.post("/lti/register", key="own", **fields)
        answer = browser.post("/office/platforms/own/word", action="discard")
        assert answer.location == "/office/platforms"
        assert browser.get("/office/platforms/own").status_code == 404

    def test_whoever_may_not_is_told_and_no_address_is_called(
        self, office: Stage, own_lti_platform: LtiPlatform
    ) -> None:
        asked = own_lti_platform.registration_request()
        before = len(own_lti_platform.requests())
        nobody = office.browser().client.get("/lti/register", query_string=asked)
        assert nobody.status_code == 401
        assert "Please sign in as an admin" in nobody.text
        assert "next=/lti/register?openid_configuration" in nobody.text.replace("%3F", "?").replace("%3D", "=")
        for person in ("teacher", "county"):
            answer = office.browser(person).client.get("/lti/register", query_string=asked)
            assert answer.status_code == 403
            assert "Only an admin of the whole programme office" in answer.text
        assert [one["path"] for one in own_lti_platform.requests()[before:] if "well-known" in one["path"]] == []

    def test_in_a_frame_it_only_opens_a_window_of_its_own(self, office: Stage, own_lti_platform: LtiPlatform) -> None:
        asked = own_lti_platform.registration_request()
        answer = office.browser("admin").client.get(
            "/lti/register", query_string=asked, headers={"Sec-Fetch-Dest": "iframe"}
        )
        assert f"frame-ancestors 'self' {own_lti_platform.base_url}" in answer.headers["Content-Security-Policy"]
        assert 'target="_blank"' in answer.text
        assert "<form" not in answer.text
        odd = office.browser().client.get(
            "/lti/register",
            query_string={"openid_configuration": "https://x;script-src *"},
            headers={"Sec-Fetch-Dest": "iframe"},
        )
        assert "script-src *" not in odd.headers["Content-Security-Policy"]


class TestThePicker:
    def test_an_author_finds_looks_and_the_platform_gets_links(
        self, office: Stage, own_lti_platform: LtiPlatform
    ) -> None:
        own_lti_platform.seed(users=[AUTHOR], links=[Link("whole")])
        platform_id = register(office, own_lti_platform)
        address = ask_for_links(office, platform_id, own_lti_platform)
        # No cookie and no token: as in a frame of another site.
        client = office.app.test_client()
        page = client.get(address)
        policy = page.headers["Content-Security-Policy"]
        assert f"frame-ancestors 'self' {own_lti_platform.base_url};" in policy + ";"
        assert "form-action 'self';" in policy
        keys = re.findall(r'name="chosen" value="([^"]+)"', page.text)
        assert keys[0] == "rural"
        assert len(keys) > 1
        assert "先估，再量。" in page.text

        answer = client.post(address, data={"chosen": [keys[0], keys[1]], "language": "en"})

        assert f"form-action 'self' {own_lti_platform.base_url}" in answer.headers["Content-Security-Policy"]
        assert f'action="{own_lti_platform.base_url}/deep-links"' in answer.text
        items = own_lti_platform.receive_deep_link(
            hidden(answer.text)["JWT"], f"{own_lti_platform.base_url}/deep-links"
        )
        assert [one["custom"] for one in items] == [
            {"programme": "rural"},
            {"programme": "rural", "module": keys[1].partition("/")[2]},
        ]
        assert all(one["lineItem"]["scoreMaximum"] > 0 for one in items)
        again = client.post(address, data={"chosen": keys[0]})
        assert again.status_code == 409
        assert client.get(address).status_code == 409

    def test_a_launch_of_the_platform_leads_to_it(self, office: Stage, own_lti_platform: LtiPlatform) -> None:
        own_lti_platform.seed(users=[AUTHOR], links=[Link("whole")])
        register(office, own_lti_platform)
        client = office.app.test_client()
        on = client.post("/lti/login", data=own_lti_platform.deep_link_request("author"))
        form = own_lti_platform.authorize(dict(parse_qsl(urlsplit(on.location).query)))
        answer = client.post("/lti/launch", data=form)
        assert answer.status_code == 303
        assert answer.location.startswith("/lti/deep-linking/")
        assert 'value="rural"' in office.app.test_client().get(answer.location).text

    def test_a_search_keeps_what_was_chosen_before(self, office: Stage, own_lti_platform: LtiPlatform) -> None:
        own_lti_platform.seed(users=[AUTHOR], links=[Link("whole")])
        platform_id = register(office, own_lti_platform)
        address = ask_for_links(office, platform_id, own_lti_platform)
        client = office.app.test_client()
        page = client.get(address, query_string={"words": "no such thing", "chosen": "rural", "language": "en"}).text
        assert "Nothing found" in page
        assert "Chosen before" in page
        assert re.search(r'value="rural" checked', page)

    def test_one_link_only_where_the_platform_takes_one_and_none_when_going_back(
        self, office: Stage, own_lti_platform: LtiPlatform
    ) -> None:
        own_lti_platform.seed(users=[AUTHOR], links=[Link("whole")])
        platform_id = register(office, own_lti_platform)
        address = ask_for_links(office, platform_id, own_lti_platform, accept_multiple=False, locale="en-GB")
        client = office.app.test_client()
        page = client.get(address).text
        assert 'lang="en"' in page
        assert 'type="radio"' in page
        keys = re.findall(r'name="chosen" value="([^"]+)"', page)
        wrong = client.post(address, data={"chosen": keys[:2]})
        assert wrong.status_code == 422
        assert "Please choose just one." in wrong.text
        assert client.post(address).status_code == 422
        answer = client.post(address, data={"action": "cancel", "chosen": keys[0]})
        assert "No link goes to the course." in answer.text
        jwt_ = hidden(answer.text)["JWT"]
        assert own_lti_platform.receive_deep_link(jwt_, f"{own_lti_platform.base_url}/deep-links") == []
