"""The mail server as people write it; a wrong one is refused with one line that keeps its password."""

import pytest

from lms_plugin.config import MailServer, WrongSetting, read_settings

SECRET = {"LMS_PLUGIN_SECRET_KEY": "k" * 32}
SENDER = "研修学时 <hours@example.org>"


def read(url: str, sender: str = SENDER) -> MailServer | None:
    return read_settings(SECRET | {"LMS_PLUGIN_SMTP_URL": url, "LMS_PLUGIN_MAIL_FROM": sender}).mail


# the address of the server: host, port, encryption, login, password
SERVERS = [
    ("smtp://mail.example.org",                            "mail.example.org", 25,   "none",     None,     ""),
    ("smtp://mail.example.org:2525/",                      "mail.example.org", 2525, "none",     None,     ""),
    ("smtp://a:b@127.0.0.1:2525",                          "127.0.0.1",        2525, "none",     "a",      "b"),
    ("smtp://a:b@localhost",                               "localhost",        25,   "none",     "a",      "b"),
    ("smtp://a:b@mail.example.org?starttls=1",             "mail.example.org", 587,  "starttls", "a",      "b"),
    ("smtp://a%40x.cn:p%3A%2F@mail.example.org:25?starttls=1", "mail.example.org", 25, "starttls", "a@x.cn", "p:/"),
    ("smtps://a@mail.example.org",                         "mail.example.org", 465,  "tls",      "a",      ""),
]  # fmt: skip


@pytest.mark.parametrize(("url", "host", "port", "encryption", "login", "password"), SERVERS)
def test_a_server_is_read(url: str, host: str, port: int, encryption: str, login: str | None, password: str) -> None:
    found = read(url)
    assert found is not None
    assert (found.host, found.port, found.encryption) == (host, port, encryption)
    assert (found.login, found.password) == (login, password)
    assert str(found.sender) == SENDER
    assert not password or password not in repr(found)


def test_without_a_server_there_is_no_mail() -> None:
    assert read("", "") is None


WRONG = [
    ("mail.example.org:25",                    "SMTP_URL must look like"),
    ("http://mail.example.org",                "SMTP_URL must look like"),
    ("smtp://",                                "SMTP_URL must look like"),
    ("smtp://mail.example.org/inbox",          "SMTP_URL must look like"),
    ("smtp://mail.example.org:port",           "SMTP_URL must look like"),
    ("smtp://mail.example.org:99999",          "SMTP_URL must look like"),
    ("smtp://mail.example.org?starttls",       "SMTP_URL must look like"),
    ("smtp://mail.example.org?starttls=yes",   "SMTP_URL can end in ?starttls=1"),
    ("smtp://mail.example.org?tls=1",          "SMTP_URL can end in ?starttls=1"),
    ("smtps://mail.example.org?starttls=1",    "SMTP_URL can end in ?starttls=1"),
    ("smtp://a:secret@mail.example.org",       "SMTP_URL would send a password in the open"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "says"), WRONG)
def test_a_wrong_server_is_refused_without_its_password(url: str, says: str) -> None:
    with pytest.raises(WrongSetting) as refused:
        read(url)
    assert str(refused.value).startswith(f"LMS_PLUGIN_{says}")
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "sender", ["", "hours", "<hours@>", "学时@例.cn", "a@example.org\nBcc: b@example.org", "@x.cn"]
)
def test_a_wrong_sender_is_refused(sender: str) -> None:
    with pytest.raises(WrongSetting, match="MAIL_FROM must be set"):
        read("smtp://mail.example.org", sender)


def test_a_sender_without_a_server_is_a_mistake() -> None:
    with pytest.raises(WrongSetting, match="SMTP_URL is not"):
        read("", SENDER)
