"""Serving pages and the API, the worker, and the schema."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from lms_plugin.adapters.mail.smtp import Server as MailServer
from lms_plugin.adapters.mail.smtp import SmtpMailer
from lms_plugin.adapters.rosters import Rosters
from lms_plugin.app import configure_logging, create_app
from lms_plugin.cli.environment import now, opened
from lms_plugin.cli.reporters import reporters_of
from lms_plugin.config import Settings, read_settings
from lms_plugin.http.letters import LetterWriter
from lms_plugin.services import delivery, errands, roster_errand, rules_errand
from lms_plugin.services.mailing import Hours, Postman
from lms_plugin.services.platforms import Seal
from lms_plugin.services.sending import Pace
from lms_plugin.storage import migrating
from lms_plugin.storage.session import Database

MOST_PROCESSES = 8
"""By default; a larger machine is told how many."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--processes",
    default=lambda: min(os.cpu_count() or 1, MOST_PROCESSES),
    show_default=f"one for each processor, at most {MOST_PROCESSES}",
    type=click.IntRange(1, 64),
    help="Server processes.",
)
@click.option("--threads", default=24, show_default=True, type=click.IntRange(1, 256), help="Threads in each.")
def serve(host: str, port: int, processes: int, threads: int) -> None:
    """Serve the pages and the API until stopped."""
    read_settings()
    with opened() as (_, database):
        if not migrating.is_current(database):
            raise click.ClickException("the database's schema is not current: run `lms-plugin db upgrade` first")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as fault:
            raise click.ClickException(f"cannot listen on {host}:{port}: {fault.strerror}") from fault
    Server(
        "lms_plugin.app:application",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=processes,
        blocking_threads=threads,
        log_level=LogLevels.warning,
    ).serve()


@click.command()
@click.option("--once", is_flag=True, help="One round, then stop.")
@click.option(
    "--lease-seconds",
    default=Pace().lease_seconds,
    show_default=True,
    type=click.FloatRange(2),
    help="How long what a killed worker had taken stays with it; more than twice what one message may take.",
)
def worker(once: bool, lease_seconds: float) -> None:
    """Deliver what LMS platforms are owed, and whatever else is due by its time, until stopped.

    Follows rosters, posts watched time, brings hours in line with rules whose day has come, reminds, sends e-mail.
    """
    configure_logging()
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with opened() as (settings, database):
        name = f"{socket.gethostname()}:{os.getpid()}"
        pace = Pace(lease_seconds=lease_seconds)
        with (
            reporters_of(settings, database) as reporters,
            Rosters(database, Seal(settings.secret_key), allow_loopback=settings.lms_allow_loopback) as rosters,
            _postman(settings, database, stop) as postman,
        ):
            if once:
                delivery.sweep_presence(database, now())
                delivery.settle_watching(database, now())
                rules_errand.refresh_due(database, now)
                delivery.deliver_once(database, reporters, name, now, pace=pace)
                errands.run_once(database, postman, now)
                roster_errand.refresh_due(database, rosters.roster, now)
                return
            beside = [
                threading.Thread(
                    target=errands.run, args=(database, postman, stop), kwargs={"clock": now}, name="errands"
                ),
                threading.Thread(
                    target=roster_errand.run,
                    args=(database, rosters.roster, stop),
                    kwargs={"clock": now},
                    name="rosters",
                ),
                threading.Thread(target=rules_errand.run, args=(database, stop), kwargs={"clock": now}, name="rules"),
            ]
            for one in beside:
                one.start()
            try:
                delivery.run_worker(database, reporters, stop, worker=name, clock=now, pace=pace)
            finally:
                stop.set()
                for one in beside:
                    one.join()


@contextmanager
def _postman(settings: Settings, database: Database, stop: threading.Event) -> Iterator[Postman | None]:
    """Who sends e-mail; None where no server for it is set: notices are then read in the page only."""
    mail = settings.mail
    if mail is None:
        yield None
        return
    server = MailServer(mail.host, mail.port, mail.encryption, mail.login, mail.password)
    # The languages and addresses of letters are the application's; it serves nobody here.
    app = create_app(settings)
    try:
        yield Postman(
            database,
            SmtpMailer(server, mail.sender),
            LetterWriter(app, settings.base_url),
            mail.sender.domain,
            hours=Hours(settings.timezone),
            clock=now,
            stop=stop,
        )
    finally:
        app.extensions["lms_plugin"].database.dispose()


@click.group()
def db() -> None:
    """The database's schema."""


@db.command()
@click.option("--to", "revision", default="head", show_default=True, help="Revision to migrate up to.")
def upgrade(revision: str) -> None:
    """Migrate the schema up."""
    with opened() as (_, database):
        migrating.upgrade(database, revision)
        click.echo(f"the schema is at {migrating.current_revision(database)}")


@db.command()
@click.argument("revision")
@click.confirmation_option(prompt="Migrating down deletes what the older schema cannot hold. Go on?")
def downgrade(revision: str) -> None:
    """Migrate the schema down to REVISION ("base" for an empty database)."""
    with opened() as (_, database):
        migrating.downgrade(database, revision)
        click.echo(f"the schema is at {migrating.current_revision(database) or 'base'}")


@db.command()
def current() -> None:
    """Show where the schema is and where this code wants it."""
    with opened() as (_, database):
        click.echo(f"at {migrating.current_revision(database) or 'base'}, wanted {migrating.head_revision()}")
