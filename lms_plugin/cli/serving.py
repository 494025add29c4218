"""Serving pages and the API, the worker, and the schema."""

import os
import signal
import socket
import threading
from types import FrameType

import click
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from lms_plugin.adapters.openedx.reporters import Reporters
from lms_plugin.app import configure_logging
from lms_plugin.cli.environment import now, opened
from lms_plugin.config import read_settings
from lms_plugin.services import delivery
from lms_plugin.services.platforms import Seal
from lms_plugin.services.sending import Pace
from lms_plugin.storage import migrating


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1, 64), help="Server processes.")
@click.option("--threads", default=16, show_default=True, type=click.IntRange(1, 256), help="Threads in each.")
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
    """Send reports to the LMS platforms and post watched time to the ledger, until stopped."""
    configure_logging()
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with opened() as (settings, database):
        name = f"{socket.gethostname()}:{os.getpid()}"
        pace = Pace(lease_seconds=lease_seconds)
        with Reporters(database, Seal(settings.secret_key), allow_loopback=settings.lms_allow_loopback) as reporters:
            if once:
                delivery.settle_watching(database, now())
                delivery.deliver_once(database, reporters, name, now, pace=pace)
            else:
                delivery.run_worker(database, reporters, stop, worker=name, clock=now, pace=pace)


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
