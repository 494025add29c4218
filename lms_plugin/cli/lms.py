"""The LMS platforms: registered, watched, reconciled."""

import os
from collections import Counter
from functools import partial

import click

from lms_plugin.adapters.reporters import check_address
from lms_plugin.adapters.rosters import Rosters
from lms_plugin.cli.environment import now, opened
from lms_plugin.cli.reporters import reporters_of
from lms_plugin.config import Settings
from lms_plugin.services import (
    delivery_list,
    handover_keys,
    lms_enrolments,
    lti_keys,
    lti_platforms,
    owing_lrs,
    platforms,
    reconciling,
)
from lms_plugin.services.lti_platforms import LtiDetails
from lms_plugin.services.lti_registration import OurAddresses
from lms_plugin.services.platforms import CONSOLE, AddressCheck, Seal
from lms_plugin.storage.outbox import COMPLETION, LRS
from lms_plugin.storage.session import Database

VARIABLE = "LMS_PLUGIN_LMS_SECRET"


@click.group()
def lms() -> None:
    """The LMS platforms that hear of completions."""


def _secret() -> str:
    kept = os.environ.get(VARIABLE, "")
    return kept or str(click.prompt("Client secret", hide_input=True))


def _address_check(settings: Settings) -> AddressCheck:
    return partial(check_address, allow_loopback=settings.lms_allow_loopback)


def _register(
    settings: Settings, database: Database, key: str, url: str, client_id: str, secret: str, kind: str
) -> None:
    with database.writing() as session:
        platforms.register(
            session,
            CONSOLE,
            Seal(settings.secret_key),
            _address_check(settings),
            key=key,
            base_url=url,
            client_id=client_id,
            client_secret=secret,
            kind=kind,
        )
    click.echo(f"registered {key} at {url}")


@lms.command()
@click.argument("key")
@click.option("--url", required=True, help="The LMS's address, such as https://lms.example.org")
@click.option("--client-id", required=True, help="The OAuth2 client that a staff user of the LMS owns.")
def register(key: str, url: str, client_id: str) -> None:
    """Register the platform that programmes call KEY; the client secret is asked for, or LMS_PLUGIN_LMS_SECRET."""
    secret = _secret()
    with opened() as (settings, database):
        _register(settings, database, key, url, client_id, secret, COMPLETION)


@lms.command("register-lrs")
@click.argument("key")
@click.option("--url", required=True, help="The record store's xAPI endpoint, such as https://lrs.example.org/xapi")
@click.option("--client-id", required=True, help="The key that may write and read statements there (Basic auth).")
def register_lrs(key: str, url: str, client_id: str) -> None:
    """Register the learning record store KEY, which hears of every programme; its secret is asked for, or
    LMS_PLUGIN_LMS_SECRET. All that was reached so far is owed to it at once."""
    secret = _secret()
    with opened() as (settings, database):
        _register(settings, database, key, url, client_id, secret, LRS)
        _catch_up(database, key)


@lms.command("catch-up")
@click.argument("key")
def catch_up(key: str) -> None:
    """Owe the record store KEY whatever was reached and it was never owed, where registering it was broken off."""
    with opened() as (_, database):
        _catch_up(database, key)


def _catch_up(database: Database, key: str) -> None:
    count = owing_lrs.catch_up(database, key, now())
    click.echo(f"what {count} enrolments have reached is owed to {key}")


@lms.command()
@click.argument("key")
@click.option("--url", help="A new address.")
@click.option("--client-id", help="A new OAuth2 client.")
@click.option("--secret", "new_secret", is_flag=True, help="Ask for a new client secret.")
def update(key: str, url: str | None, client_id: str | None, new_secret: bool) -> None:
    """Change what is known of the platform KEY; what is not named stays."""
    secret = _secret() if new_secret else None
    with opened() as (settings, database), database.writing() as session:
        platforms.update(
            session,
            CONSOLE,
            Seal(settings.secret_key),
            _address_check(settings),
            key=key,
            base_url=url,
            client_id=client_id,
            client_secret=secret,
        )
    click.echo(f"changed {key}")


@lms.command("register-lti")
@click.argument("key")
@click.option("--issuer", required=True, help="Who signs launches (iss), as the platform shows it.")
@click.option("--client-id", required=True, help="Whom the platform knows this service as.")
@click.option("--authorization-url", required=True, help="Where a launch asks who it is (OIDC authentication request).")
@click.option("--key-set-url", required=True, help="The platform's public keys (JWKS).")
@click.option("--token-url", default="", help="Where access tokens are given; without it no hours are sent.")
@click.option("--token-audience", default="", help="The aud of token requests, where it is not the token address.")
@click.option("--deployment", "deployments", multiple=True, help="A deployment id; may be given several times.")
def register_lti(
    key: str,
    issuer: str,
    client_id: str,
    authorization_url: str,
    key_set_url: str,
    token_url: str,
    token_audience: str,
    deployments: tuple[str, ...],
) -> None:
    """Register the LTI 1.3 platform KEY; prints what to enter there."""
    details = LtiDetails(
        issuer, client_id, authorization_url, key_set_url, token_url, token_audience, deployment_ids=deployments
    )
    with opened() as (settings, database), database.writing() as session:
        lti_platforms.register(
            session,
            CONSOLE,
            _address_check(settings),
            key=key,
            details=details,
        )
        ours = OurAddresses(settings.base_url)
    click.echo(f"registered {key}; enter in the platform:")
    for what, address in (
        ("login address", ours.login),
        ("launch and deep linking address", ours.launch),
        ("key set address", ours.key_set),
    ):
        click.echo(f"{what:<32} {address}")


@lms.command()
@click.argument("key")
@click.option("--reason", required=True, help="Shown to everybody who looks at the deliveries.")
def pause(key: str, reason: str) -> None:
    """Send nothing to the platform KEY until it is resumed."""
    with opened() as (_, database), database.writing() as session:
        platforms.pause(session, CONSOLE, key=key, reason=reason)
    click.echo(f"paused {key}")


@lms.command()
@click.argument("key")
def resume(key: str) -> None:
    """Send to the platform KEY again, beginning at once."""
    with opened() as (_, database), database.writing() as session:
        platforms.resume(session, CONSOLE, key=key)
    click.echo(f"resumed {key}")


@lms.command(name="xblock-key")
@click.argument("key")
@click.option("--revoke", is_flag=True, help="Take the right away; nobody comes in from its course pages any more.")
def xblock_key(key: str, revoke: bool) -> None:
    """Draw the secret with which the platform KEY hands learners over from its course pages; it is shown this once."""
    with opened() as (settings, database), database.writing() as session:
        if revoke:
            handover_keys.revoke(session, CONSOLE, key)
            click.echo(f"{key} may hand nobody over any more")
            return
        secret = handover_keys.draw(session, CONSOLE, Seal(settings.secret_key), key)
    click.echo("For the LMS's server settings (docs/lms.md); it is kept sealed and never shown again:", err=True)
    click.echo(secret)


@lms.command()
def status() -> None:
    """What every platform is owed, took and refused."""
    with opened() as (_, database), database.reading() as session:
        found = delivery_list.summaries(session, CONSOLE)
    if not found:
        click.echo("no platform is registered, and no report is owed")
    for one in found:
        click.echo(
            f"{one.key:<16} {one.condition:<12} waiting {one.waiting:>7}  acknowledged {one.acknowledged:>7}"
            f"  refused {one.refused:>7}"
        )
        if one.oldest_waiting_at is not None:
            click.echo(f"{'':<16} the oldest has waited since {one.oldest_waiting_at:%Y-%m-%d %H:%M} UTC")
        for words in (one.paused_reason, one.fault_code and f"{one.fault_code}: {one.fault_words}"):
            if words:
                click.echo(f"{'':<16} {words}")
        if one.failures:
            click.echo(f"{'':<16} {one.failures} attempts without an answer: {one.last_failure_words}")


@lms.command()
@click.argument("key")
@click.option("--code", help="Only reports refused with this code, such as not_enrolled.")
def retry(key: str, code: str | None) -> None:
    """Send again what the platform KEY refused."""
    with opened() as (_, database):
        total = 0
        while True:
            with database.writing() as session:
                some = delivery_list.retry_refused(session, CONSOLE, key, now(), code=code)
            if not some:
                break
            total += some
    click.echo(f"{total} reports will be sent again")


@lms.command("import-enrolments")
@click.argument("key")
@click.argument("course")
@click.option("--programme", required=True, help="The programme to enrol people in.")
@click.option("--confirm", is_flag=True, help="Enrol them; without it, only shown.")
def import_enrolments(key: str, course: str, programme: str, confirm: bool) -> None:
    """Compare who is in COURSE on the platform KEY with a programme; --confirm enrols whoever is missing here.

    People are matched by the LMS user name that their account has on record, and by nothing else.
    """
    with (
        opened() as (settings, database),
        Rosters(database, Seal(settings.secret_key), allow_loopback=settings.lms_allow_loopback) as rosters,
    ):
        there = rosters.enrolled(key, course)
        if confirm:
            origin = f"{key}: {course}"
            with database.writing() as session:
                found = lms_enrolments.take_over(session, CONSOLE, programme, there, origin=origin, now=now())
        else:
            with database.reading() as session:
                found = lms_enrolments.compare(session, CONSOLE, programme, there)
    for one in found.new:
        click.echo(f"{one.login}  {one.name} ({one.username}): {'enrolled' if confirm else 'would be enrolled'}")
    for words, people in (
        ("withdrawn here, and stays so", found.withdrawn),
        ("the account here is closed", found.closed),
        ("tutors the programme", found.tutors),
        ("has left the course there, and stays enrolled here", found.inactive_there),
    ):
        for one in people:
            click.echo(f"{one.login}  {one.name} ({one.username}): {words}")
    for username in found.unknown:
        click.echo(f"{username}: no account here has this LMS user name")
    for username in found.ambiguous:
        click.echo(f"{username}: several accounts here have this LMS user name")
    counts = lms_enrolments.figures(found)
    click.echo(", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in counts))
    if found.new and not confirm:
        click.echo("nothing was written; --confirm enrols them")


@lms.command()
@click.argument("key")
@click.option("--repair", is_flag=True, help="Send again what differs or is missing.")
def reconcile(key: str, repair: bool) -> None:
    """Compare what the platform KEY is owed with what it holds; exits with 1 while something differs or is missing."""
    counted: Counter[str] = Counter()
    unrepaired = 0
    with (
        opened() as (settings, database),
        reporters_of(settings, database) as reporters,
    ):
        for finding in reconciling.reconcile(database, reporters, key, repair=repair, clock=now):
            counted[finding.comparison.value] += 1
            if finding.comparison is reconciling.Comparison.AGREES:
                continue
            unrepaired += finding.comparison.can_be_repaired and not finding.is_repaired
            click.echo(
                f"{finding.learner_login}  {finding.block_key}: owed {finding.owed}, acknowledged"
                f" {finding.acknowledged}, held {finding.held}: {finding.comparison.value}"
                f"{', sent again' if finding.is_repaired else ''}{f' ({finding.words})' if finding.words else ''}"
            )
    click.echo(", ".join(f"{count} {name}" for name, count in sorted(counted.items())) or "nothing was reported yet")
    if unrepaired:
        raise click.ClickException(f"{unrepaired} differ or are missing; --repair sends them again")


@lms.command("rotate-key")
def rotate_key() -> None:
    """Sign with a new key from now on; the one before it stays published for a week."""
    with opened() as (settings, database), database.writing() as session:
        key = lti_keys.rotate(session, Seal(settings.secret_key), now())
    click.echo(
        f"signing with {key.kid}; the key before it stays in /lti/jwks.json for {lti_keys.PUBLISHED_AFTER.days} days"
    )
