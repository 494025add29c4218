"""Going on in a window of its own with a one-time ticket, out of a frame in which no cookie of ours is kept."""

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from lms_plugin.http.context import context
from lms_plugin.http.identity import begin_page_session
from lms_plugin.services import access, platforms, sign_in, tickets
from lms_plugin.services import lti_launching as launching
from lms_plugin.services.tickets import TicketRefused
from lms_plugin.storage.people import User
from lms_plugin.web.addresses import comes_from_here
from lms_plugin.web.lti_framing import refused_page, sender_origin


def continue_with_ticket() -> ResponseReturnValue:
    """Sign in with a ticket (GET or POST) and go to its target.

    Whoever sends a ticket of their own to somebody else would have that person study for them. So it is asked first
    where the request comes from neither a page of ours nor one of a registered platform, or somebody else is signed in.
    """
    shared, secret = context(), request.values.get("ticket", "")
    now = shared.clock()
    try:
        with shared.database.reading() as store:
            ticket = tickets.look_at(store, secret, now)
            name = store.get_one(User, ticket.user_id).name
    except TicketRefused as refusal:
        if refusal.target is not None and _is_signed_in(refusal.user_id):
            return redirect(refusal.target, 303)
        return refused_page(refusal, 403 if secret else 400)
    is_sure = comes_from_here() and request.form.get("sure") is not None
    is_somebody_else = current_user.is_authenticated and not _is_signed_in(ticket.user_id)
    if not is_sure and (is_somebody_else or not _comes_from_known_page()):
        return render_template("continue.html", ticket=secret, name=name, is_somebody_else=is_somebody_else)
    try:
        shared.database.transact(lambda store: tickets.redeem(store, secret, now))
    except TicketRefused as refusal:
        return refused_page(refusal, 403)
    with shared.database.reading() as store:
        actor = access.actor_of(store, ticket.user_id, now)
        epoch = sign_in.sign_in_epoch(store, ticket.user_id)
    begin_page_session(actor, epoch)
    return redirect(ticket.target, 303)


def _is_signed_in(user_id: int | None) -> bool:
    return bool(current_user.is_authenticated and current_user.user_id == user_id)


def _comes_from_known_page() -> bool:
    if comes_from_here():
        return True
    with context().database.reading() as store:
        return sender_origin() in launching.origins_of(*platforms.addresses(store))
