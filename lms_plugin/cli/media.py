"""Films that another server sends: what its access logs say was delivered."""

import gzip
import io
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, cast

import click

from lms_plugin.cli.environment import now, opened
from lms_plugin.config import Settings
from lms_plugin.domain.errors import NotFound
from lms_plugin.http.media_address import SERVED, MediaAddresses
from lms_plugin.services import accesslog, deliveries, film_standing
from lms_plugin.services.accesslog import Request
from lms_plugin.services.deliveries import Delivery
from lms_plugin.video.manifest import PackageBroken
from lms_plugin.video.timeline import stretch_of

MOST_NAMED = 20
LONGEST_LINE = 64 * 1024
_GZIP = b"\x1f\x8b"
_SEGMENT = re.compile(r"/media/(?P<signed>[^/]+)/(?P<name>[a-z0-9]{1,12}/[0-9]{1,9}\.ts)", re.ASCII)


@click.group()
def media() -> None:
    """Films that another server sends."""


@media.command("read-log")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
def read_log(files: tuple[str, ...]) -> None:
    """Record the film segments that access logs say were delivered.

    FILES are logs of nginx or a CDN in the common or combined format, also packed with gzip; - is standard input.
    Reading a log again changes nothing, so that one that still grows, or was rotated, can simply be read anew.
    """
    with opened() as (settings, database):
        reading = Reading(settings)
        new = deliveries.recorded_for(database, reading.deliveries_in(files))
        with database.reading() as session:
            owners = film_standing.in_order_of_opening(session, new)
        redeemed = sum(
            database.transact(
                partial(film_standing.redeem_delivered, user_id=user_id, playback_session_id=name, now=now())
            )
            for user_id, name in owners
        )
    click.echo(
        f"{reading.lines} lines: {reading.found} deliveries, {sum(new.values())} of them new,"
        f" for {len(new)} playback sessions"
    )
    if redeemed:
        click.echo(f"film that waited for this proof counts now in {redeemed} playback sessions")
    for fault, count in reading.faults.items():
        click.echo(f"left out: {count} {fault}", err=True)


class Reading:
    """Goes through logs: counts what it meets, and names what it cannot use on standard error, the first of it."""

    def __init__(self, settings: Settings) -> None:
        self._addresses = MediaAddresses(settings.secret_key, outside_key=settings.media_key)
        self._media_root = settings.media_root
        self.lines = 0
        self.found = 0
        self.faults: Counter[str] = Counter()

    def deliveries_in(self, files: tuple[str, ...]) -> Iterator[Delivery]:
        """What the logs say was delivered, line by line; a damaged file ends where the damage begins."""
        for name in files:
            number = 0
            try:
                with _unpacked(name) as log:
                    for number, line in enumerate(_lines(log), start=1):
                        delivery = self._delivery_of(line, f"{name}:{number}")
                        if delivery is not None:
                            self.found += 1
                            yield delivery
            except (OSError, EOFError, zlib.error) as fault:
                self._leave_out("files that cannot be read to their end", f"{name}:{number}", str(fault))
            self.lines += number

    def _delivery_of(self, line: str, place: str) -> Delivery | None:
        request = accesslog.read_line(line)
        if request is None:
            self._leave_out("lines in neither the common nor the combined format", place, line.strip()[:200])
            return None
        address = _SEGMENT.fullmatch(request.path)
        if address is None or not _was_served(request):
            return None
        try:
            grant = self._addresses.check_past(address["signed"])
        except NotFound:
            self._leave_out("lines whose address is forged", place, request.path[:200])
            return None
        if not grant.record_deliveries or grant.playback_session_id is None:
            return None
        try:
            stretch = stretch_of(self._media_root, grant.digest, address["name"])
        except PackageBroken as fault:
            self._leave_out("lines about a film whose folder is damaged", place, str(fault))
            return None
        if stretch is None:
            self._leave_out("lines about a segment that is not in the media folder", place, request.path[:200])
            return None
        return Delivery(grant.user_id, grant.playback_session_id, *stretch)

    def _leave_out(self, fault: str, place: str, shown: str) -> None:
        self.faults[fault] += 1
        if self.faults[fault] <= MOST_NAMED:
            click.echo(f"{place}: {ascii(shown)[1:-1]}", err=True)


def _was_served(request: Request) -> bool:
    # An answer of which nothing was sent delivered nothing; 304 has no body.
    return request.method == "GET" and request.status in SERVED and (request.status == 304 or request.size > 0)


@contextmanager
def _unpacked(name: str) -> Iterator[IO[bytes]]:
    """A log, unpacked where it is gzip."""
    with ExitStack() as left_open:
        file = cast(io.BufferedReader, sys.stdin.buffer)
        if name != "-":
            file = left_open.enter_context(Path(name).open("rb"))
        if file.peek(len(_GZIP)).startswith(_GZIP):
            yield cast(IO[bytes], left_open.enter_context(gzip.GzipFile(fileobj=file)))
        else:
            yield file


def _lines(log: IO[bytes]) -> Iterator[str]:
    """The lines of a log; of one longer than any server writes the beginning."""
    while line := log.readline(LONGEST_LINE):
        rest = line
        while not rest.endswith(b"\n") and (rest := log.readline(LONGEST_LINE)):
            pass
        yield line.decode("utf-8", errors="replace")
