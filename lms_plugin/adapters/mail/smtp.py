"""E-mail by any SMTP server, with the standard library: plain, STARTTLS or TLS, with or without a login.

The connection is kept for the letters that follow. The steps of a letter are taken one by one, since it matters where a
line is cut: before the server has the whole letter it surely was not taken, after that nobody knows.
"""

import re
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email.header import Header
from email.headerregistry import Address
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr

from lms_plugin.services.ports import Letter, MailAnswer, MailLater, MailRefused, MailServerDown, MailTaken
from lms_plugin.services.sending import Clock, utc_now

NO_ENCRYPTION, STARTTLS, TLS = "none", "starttls", "tls"
TIMEOUT_SECONDS = 30
WORDS_LIMIT = 300
LETTERS_ON_A_CONNECTION = 100
"""Many servers take only so many on one connection, and count."""

_WIRE = compat32.clone(linesep="\r\n")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII)
_DOT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Server:
    """Where e-mail is handed in, and as whom. `encryption` is none, starttls or tls."""

    host: str
    port: int
    encryption: str = TLS
    login: str | None = None
    password: str = field(default="", repr=False)


class SmtpMailer:
    """A mailer for one server; for one thread at a time. `sender` is what stands in From."""

    def __init__(
        self,
        server: Server,
        sender: Address,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        make_context: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        clock: Clock = utc_now,
    ) -> None:
        self._server, self._sender = server, sender
        self._timeout_seconds, self._make_context, self._clock = timeout_seconds, make_context, clock
        self._connection: smtplib.SMTP | None = None
        self._sent = 0

    def send(self, letter: Letter) -> MailAnswer:
        try:
            message = compose(letter, self._sender, self._clock)
        except ValueError as fault:
            return MailRefused(_words(f"this cannot be an address: {fault}"))
        was_kept = self._connection is not None
        answer = self._hand_in(message, letter.to_address)
        if was_kept and isinstance(answer, MailServerDown):
            # A server hangs up on who was silent for a while: nothing has gone out yet, so once more.
            answer = self._hand_in(message, letter.to_address)
        return answer

    def close(self) -> None:
        connection, self._connection, self._sent = self._connection, None, 0
        if connection is not None:
            try:
                connection.quit()
            except (smtplib.SMTPException, OSError):
                connection.close()

    def _hand_in(self, message: Message, address: str) -> MailAnswer:
        try:
            connection = self._connected()
            answer = self._envelope(connection, address)
        except (smtplib.SMTPException, OSError) as fault:
            self._drop()
            return MailServerDown(_words(_said(fault)))
        if answer is not None:
            return answer
        try:
            code, said = connection.docmd("DATA")
        except (smtplib.SMTPException, OSError) as fault:
            self._drop()
            return MailServerDown(_words(_said(fault)))
        if code != 354:
            return self._judged(connection, code, said)
        # A line that is a dot alone would end the letter (RFC 5321, 4.5.2).
        body = _DOT.sub(b"..", message.as_bytes(policy=_WIRE))
        try:
            connection.send(body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n")
            code, said = connection.getreply()
        except (smtplib.SMTPException, OSError) as fault:
            self._drop()
            return MailLater(_words(f"the line was cut: {_said(fault)}"), unsure=True)
        if code == 250:
            self._sent += 1
            if self._sent >= LETTERS_ON_A_CONNECTION:
                self.close()
            return MailTaken()
        return self._judged(connection, code, said)

    def _connected(self) -> smtplib.SMTP:
        if self._connection is not None:
            return self._connection
        server = self._server
        if server.encryption == TLS:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout_seconds, context=self._make_context()
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=self._timeout_seconds)
        try:
            connection.ehlo_or_helo_if_needed()
            if server.encryption == STARTTLS:
                connection.starttls(context=self._make_context())
                connection.ehlo_or_helo_if_needed()
            if server.login is not None:
                connection.login(server.login, server.password)
        except (smtplib.SMTPException, OSError):
            connection.close()
            raise
        self._connection, self._sent = connection, 0
        return connection

    def _envelope(self, connection: smtplib.SMTP, address: str) -> MailAnswer | None:
        """Say from whom and to whom; None where the server will take the letter."""
        code, said = connection.mail(self._sender.addr_spec)
        if code != 250:
            self._drop()
            return MailServerDown(_words(f"{code} {said.decode(errors='replace')}"))
        code, said = connection.rcpt(address)
        return None if code in (250, 251) else self._judged(connection, code, said)

    def _judged(self, connection: smtplib.SMTP, code: int, said: bytes) -> MailAnswer:
        words = _words(f"{code} {said.decode(errors='replace')}")
        if code == 421:
            # It is about to hang up, whoever the letter is for.
            self._drop()
            return MailServerDown(words)
        try:
            connection.rset()
        except (smtplib.SMTPException, OSError):
            self._drop()
        return MailRefused(words) if 500 <= code < 600 else MailLater(words)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._sent = None, 0


def compose(letter: Letter, sender: Address, clock: Clock = utc_now) -> Message:
    """The letter as a message.

    Raises:
        ValueError: the address of the person is none, or cannot be reached without SMTPUTF8.
    """
    if _ADDRESS.fullmatch(letter.to_address) is None:
        raise ValueError(repr(letter.to_address))
    message = MIMEMultipart("alternative")
    message["From"] = _person(sender.display_name, sender.addr_spec)
    message["To"] = _person(letter.to_name, letter.to_address)
    message["Subject"] = _encoded(letter.subject, "Subject")
    message["Date"] = format_datetime(clock())
    message["Message-ID"] = f"<{_one_line(letter.message_id)}>"
    message["Content-Language"] = _one_line(letter.language)
    # What answers machines must not be answered by one (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<{_one_line(letter.unsubscribe_address)}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.attach(MIMEText(letter.text, "plain", "utf-8"))
    message.attach(MIMEText(letter.html, "html", "utf-8"))
    return message


def _person(name: str, address: str) -> str:
    return formataddr((_encoded(name, "To"), address))


def _encoded(text: str, header: str) -> str:
    """A text as words of a header that any server passes on (RFC 2047).

    The whole text is encoded where any of it must be: encoded words that plain ones stand between lose the spaces.
    """
    plain = _one_line(text)
    return plain if plain.isascii() else Header(plain, "utf-8", header_name=header).encode()


def _one_line(text: str) -> str:
    """A text that no header can end in: control characters and line ends become spaces."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _said(fault: Exception) -> str:
    if isinstance(fault, smtplib.SMTPResponseException):
        said = fault.smtp_error
        return f"{fault.smtp_code} {said.decode(errors='replace') if isinstance(said, bytes) else said}"
    return f"{type(fault).__name__}: {fault}"


def _words(text: str) -> str:
    return _one_line(text)[:WORDS_LIMIT]
