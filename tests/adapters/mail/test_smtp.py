"""E-mail over real connections: what is taken, refused, put off and cut, and letters that no text can break."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from email.headerregistry import Address
from pathlib import Path

import pytest

from lms_plugin.adapters.mail.smtp import NO_ENCRYPTION, STARTTLS, TLS, Server, SmtpMailer
from lms_plugin.services.ports import Letter, MailLater, MailRefused, MailServerDown, MailTaken
from tests.adapters.mail import smtp_server
from tests.adapters.mail.smtp_server import LOGIN, PASSWORD, Running

SENDER = Address("研修学时", addr_spec="hours@example.org")
LETTER = Letter(
    to_address="wang.li@example.org",
    to_name="王丽",
    subject="您的学习进度滞后",
    text="王丽老师：\n.\n比进度要求少 2 学时。\n",
    html="<p>王丽老师：比进度要求少 2 学时。</p>",
    message_id="notices.1.2@example.org",
    language="zh",
    unsubscribe_address="https://hours.example.org/notices/unsubscribe/token",
)


@pytest.fixture
def server() -> Iterator[Running]:
    with smtp_server.smtp_server() as running:
        yield running


@pytest.fixture
def mailer(server: Running) -> Iterator[SmtpMailer]:
    mailer = SmtpMailer(Server("127.0.0.1", server.port, NO_ENCRYPTION), SENDER, timeout_seconds=5)
    yield mailer
    mailer.close()


def test_a_letter_arrives_as_it_was_written(server: Running, mailer: SmtpMailer) -> None:
    assert mailer.send(LETTER) == MailTaken()

    (arrived,) = server.inbox.letters
    assert server.inbox.recipients == ["wang.li@example.org"]
    assert arrived["Subject"] == "您的学习进度滞后"
    assert arrived["From"] == "研修学时 <hours@example.org>"
    assert arrived["To"] == "王丽 <wang.li@example.org>"
    assert arrived["Message-ID"] == "<notices.1.2@example.org>"
    assert arrived["List-Unsubscribe"] == "<https://hours.example.org/notices/unsubscribe/token>"
    assert arrived["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert arrived["Date"].datetime.tzinfo is not None
    plain, html = arrived.get_body(("plain",)), arrived.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == LETTER.text
    assert html.get_content().strip() == LETTER.html


@pytest.mark.parametrize(
    "subject",
    [
        "农村教师素质提升全员培训" * 40,
        "A very long subject of many words " * 20,
        "混排 mixed 学时 hours " * 30,
        "",
    ],
)
def test_a_subject_of_any_length_is_encoded_and_comes_out_the_same(
    server: Running, mailer: SmtpMailer, subject: str
) -> None:
    assert mailer.send(replace(LETTER, subject=subject)) == MailTaken()

    assert str(server.inbox.letters[0]["Subject"] or "").split() == subject.split()


HOSTILE = "您好\r\nBcc: all@example.org\r\n\r\n<b>body</b>\x00\x0b\u2028\x85Bcc: more@example.org"


def test_no_text_ends_a_header(server: Running, mailer: SmtpMailer) -> None:
    hostile = replace(LETTER, subject=HOSTILE, to_name=f'"{HOSTILE}" <other@example.org>,')

    assert mailer.send(hostile) == MailTaken()

    (arrived,) = server.inbox.letters
    assert server.inbox.recipients == ["wang.li@example.org"]
    assert sorted(arrived.keys()) == sorted(
        [
            *("From", "To", "Subject", "Date", "Message-ID", "Content-Language", "Auto-Submitted"),
            *("List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type"),
        ]
    )
    assert [one.addr_spec for one in arrived["To"].addresses] == ["wang.li@example.org"]
    body = arrived.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == LETTER.text


@pytest.mark.parametrize(
    "address",
    [
        *("", "nobody", "a@b@c", "a b@example.org", "a@example.org\r\nRCPT TO:<b@example.org>", "王@example.org"),
        *("a@example.org,b@example.org", "<a@example.org>", "a@", "@example.org", "a@example.org\x00"),
    ],
)
def test_what_is_no_address_is_refused_here(server: Running, mailer: SmtpMailer, address: str) -> None:
    assert isinstance(mailer.send(replace(LETTER, to_address=address)), MailRefused)
    assert server.inbox.letters == []


# what the server says, at which step; the answer
ANSWERS = [
    ("at_rcpt", "550 no such user",      MailRefused("550 no such user")),
    ("at_rcpt", "450 mailbox busy",      MailLater("450 mailbox busy")),
    ("at_rcpt", "421 going down",        MailServerDown("421 going down")),
    ("at_data", "554 looks like spam",   MailRefused("554 looks like spam")),
    ("at_data", "451 try again",         MailLater("451 try again")),
    ("at_mail", "550 you may not send",  MailServerDown("550 you may not send")),
    ("at_mail", "451 greylisted",        MailServerDown("451 greylisted")),
]  # fmt: skip


@pytest.mark.parametrize(("step", "said", "expected"), ANSWERS)
def test_what_the_server_says_becomes_an_answer(
    server: Running, mailer: SmtpMailer, step: str, said: str, expected: object
) -> None:
    setattr(server.inbox, step, {LETTER.to_address: said} if step == "at_rcpt" else said)
    assert mailer.send(LETTER) == expected
    assert server.inbox.letters == []

    setattr(server.inbox, step, {} if step == "at_rcpt" else None)
    assert mailer.send(LETTER) == MailTaken()


def test_one_that_is_refused_does_not_hinder_the_next(server: Running, mailer: SmtpMailer) -> None:
    server.inbox.at_rcpt["gone@example.org"] = "550 no such user"
    answers = [mailer.send(replace(LETTER, to_address=one)) for one in ("gone@example.org", "a@example.org")]
    assert [type(one) for one in answers] == [MailRefused, MailTaken]


@pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_a_line_that_is_cut_before_the_letter_was_whole_is_sure(step: str) -> None:
    with smtp_server.hangs_up(after=step) as port:
        mailer = SmtpMailer(Server("127.0.0.1", port, NO_ENCRYPTION), SENDER, timeout_seconds=5)
        assert isinstance(mailer.send(LETTER), MailServerDown)
        mailer.close()


def test_a_line_that_is_cut_after_the_letter_leaves_it_open() -> None:
    with smtp_server.hangs_up(after=".") as port:
        mailer = SmtpMailer(Server("127.0.0.1", port, NO_ENCRYPTION), SENDER, timeout_seconds=5)
        answer = mailer.send(LETTER)
        assert isinstance(answer, MailLater)
        assert answer.unsure
        mailer.close()


def test_no_server_is_no_reason_to_fail() -> None:
    mailer = SmtpMailer(Server("127.0.0.1", smtp_server.free_port(), NO_ENCRYPTION), SENDER, timeout_seconds=2)
    assert isinstance(mailer.send(LETTER), MailServerDown)
    mailer.close()


def test_a_connection_that_the_server_ended_meanwhile_is_opened_again() -> None:
    with smtp_server.smtp_server() as first:
        mailer = SmtpMailer(Server("127.0.0.1", first.port, NO_ENCRYPTION), SENDER, timeout_seconds=5)
        assert mailer.send(LETTER) == MailTaken()
        assert mailer._connection is not None
        assert mailer._connection.sock is not None
        mailer._connection.sock.shutdown(2)
        assert mailer.send(LETTER) == MailTaken()
        mailer._connection.sock.shutdown(2)
        mailer.close()
        assert len(first.inbox.letters) == 2


def test_a_connection_takes_only_so_many_letters(
    server: Running, mailer: SmtpMailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lms_plugin.adapters.mail.smtp.LETTERS_ON_A_CONNECTION", 2)
    kept = []
    for _ in range(3):
        assert mailer.send(LETTER) == MailTaken()
        kept.append(mailer._connection is not None)
    assert kept == [True, False, True]


@pytest.mark.parametrize("encryption", [STARTTLS, TLS])
def test_letters_and_the_password_go_encrypted_to_a_server_that_can_prove_who_it_is(
    tmp_path: Path, encryption: str
) -> None:
    serving, trusting = smtp_server.certificates(tmp_path)
    contexts = {"starttls": serving} if encryption == STARTTLS else {"tls": serving}
    with smtp_server.smtp_server(with_login=True, **contexts) as running:
        known = Server("localhost", running.port, encryption, LOGIN, PASSWORD)
        trusted = SmtpMailer(known, SENDER, timeout_seconds=5, make_context=lambda: trusting)
        assert trusted.send(LETTER) == MailTaken()
        trusted.close()
        stranger = SmtpMailer(known, SENDER, timeout_seconds=5, make_context=ssl.create_default_context)
        assert isinstance(stranger.send(LETTER), MailServerDown)
        wrong = SmtpMailer(replace(known, password="guess"), SENDER, timeout_seconds=5, make_context=lambda: trusting)
        assert isinstance(answer := wrong.send(LETTER), MailServerDown)
        assert answer.words.startswith("535")
    assert PASSWORD not in repr(known)


def test_a_server_without_starttls_gets_nothing(server: Running) -> None:
    mailer = SmtpMailer(Server("127.0.0.1", server.port, STARTTLS), SENDER, timeout_seconds=5)
    assert isinstance(mailer.send(LETTER), MailServerDown)
    assert server.inbox.letters == []
