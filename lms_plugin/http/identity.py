"""Who a request acts for: the page's signed-in session, or a bearer token."""

from dataclasses import dataclass

from flask import Request, g, session
from flask_login import AnonymousUserMixin, LoginManager, current_user, login_user, logout_user

from lms_plugin.domain.errors import NotAuthenticated
from lms_plugin.http.context import context
from lms_plugin.services import sign_in
from lms_plugin.services.access import Actor
from lms_plugin.services.sign_in import Verified

_SEPARATOR = "."


@dataclass(frozen=True)
class Visitor:
    """A signed-in person as Flask-Login sees one: the actor, and the epoch their sign-in belongs to."""

    actor: Actor
    epoch: int
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    @property
    def user_id(self) -> int:
        return self.actor.user_id

    @property
    def name(self) -> str:
        return self.actor.name

    @property
    def language(self) -> str:
        return self.actor.language

    @property
    def roles(self) -> tuple[str, ...]:
        return self.actor.roles

    @property
    def runs_whole_office(self) -> bool:
        return any(grant.role == "office" and grant.region_id is None for grant in self.actor.grants)

    def get_id(self) -> str:
        return f"{self.actor.user_id}{_SEPARATOR}{self.epoch}"


def make_login_manager() -> LoginManager:
    manager = LoginManager()
    manager.session_protection = "basic"
    manager.user_loader(_load_from_page)
    manager.request_loader(_load_from_token)
    return manager


def current_actor() -> Actor:
    """The actor of this request.

    Raises:
        NotAuthenticated: nobody is signed in.
    """
    if not current_user.is_authenticated:
        raise NotAuthenticated()
    visitor: Visitor = current_user._get_current_object()
    return visitor.actor


def check_password(login: str, password: str) -> Verified:
    """Who a login and password belong to; no lock is held while the password is checked.

    Raises:
        NotAuthenticated: they do not match.
    """
    database = context().database
    with database.reading() as store:
        verified = sign_in.verify(store, login, password)
    if verified.has_stale_hash:
        database.transact(lambda store: sign_in.strengthen(store, verified.actor.user_id, password))
    return verified


def begin_page_session(actor: Actor, epoch: int) -> None:
    """Sign a person in for pages; whatever an earlier visitor left in the session goes."""
    language = session.get("language")
    session.clear()
    if language is not None:
        session["language"] = language
    session.permanent = True
    login_user(Visitor(actor, epoch))


def end_page_session() -> None:
    logout_user()
    session.clear()


def leave_unknown() -> None:
    """Answer the rest of this request without asking the store whom it is for, where that is not known yet."""
    if not hasattr(g, "_login_user"):
        g._login_user = AnonymousUserMixin()


def bearer_token(request: Request) -> str | None:
    """The token of the Authorization header, where there is one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _load_from_page(kept: str) -> Visitor | None:
    user_id, _, epoch = kept.partition(_SEPARATOR)
    with context().database.reading() as store:
        actor = sign_in.user_for_page_session(store, int(user_id), int(epoch), context().clock())
    return Visitor(actor, int(epoch)) if actor is not None else None


def _load_from_token(request: Request) -> Visitor | None:
    token = bearer_token(request)
    if token is None:
        return None
    try:
        with context().database.reading() as store:
            actor = sign_in.actor_for_token(store, token, context().clock())
    except NotAuthenticated:
        return None
    g.by_token = True
    return Visitor(actor, 0)
