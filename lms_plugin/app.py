"""The composition root: one application from one set of settings."""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from apiflask import APIFlask
from flask import Flask
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_flask_exporter import PrometheusMetrics
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.middleware.proxy_fix import ProxyFix

from lms_plugin.adapters.lti.key_sets import HttpKeySets
from lms_plugin.adapters.lti.registration import Registration
from lms_plugin.adapters.lti.trial import Trial
from lms_plugin.adapters.reporters import check_address
from lms_plugin.api import blueprint as api
from lms_plugin.api.beat_lane import BeatLane
from lms_plugin.config import Settings, read_settings
from lms_plugin.domain.errors import Unavailable
from lms_plugin.http import health, languages, problems, security
from lms_plugin.http.bodies import Json
from lms_plugin.http.context import EXTENSION, Context
from lms_plugin.http.identifiers import IdConverter
from lms_plugin.http.identity import make_login_manager
from lms_plugin.http.media_address import MediaAddresses
from lms_plugin.services.attachments import Folder
from lms_plugin.services.beats import BeatTaker
from lms_plugin.services.lti_key_sets import PlatformKeys
from lms_plugin.services.platforms import Seal
from lms_plugin.services.sealing import FileSeal
from lms_plugin.storage import migrating
from lms_plugin.storage.session import Database
from lms_plugin.web import blueprint as web

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MAX_BODY_BYTES = 16 * 1024 * 1024


def create_app(
    settings: Settings, *, clock: Callable[[], datetime] | None = None, database: Database | None = None
) -> APIFlask:
    """The service as a WSGI application.

    `clock` gives the present moment and is the system's by default; `database` is one that is open already, where
    that of the settings shall not be opened once more.
    """
    app = APIFlask(
        "lms_plugin",
        title="lms-plugin",
        version="1",
        spec_path="/api/v1/openapi.json",
        docs_path=None,
        json_errors=False,
        static_folder=str(Path(__file__).parent / "web" / "static"),
        template_folder=str(Path(__file__).parent / "web" / "templates"),
    )
    app.json = Json(app)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_SECURE=settings.uses_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_NAME="lms_plugin",
        PERMANENT_SESSION_LIFETIME=timedelta(days=14),
        # An answer that is under way while somebody signs out must not set the cookie anew.
        SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        TEMPLATES_AUTO_RELOAD=False,
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        put_in_front(app, lambda behind: ProxyFix(behind, x_for=hops, x_proto=hops, x_host=hops))
    database = database or Database(settings.database_url)
    tell_time = clock or (lambda: datetime.now(UTC))
    app.extensions[EXTENSION] = Context(
        database=database,
        clock=tell_time,
        media_root=settings.media_root,
        media=MediaAddresses(
            settings.secret_key, outside_key=settings.media_key, clock=lambda: tell_time().timestamp()
        ),
        media_base_url=settings.media_base_url,
        timezone=settings.timezone,
        base_url=settings.base_url,
        beats=BeatTaker(database),
        file_seal=FileSeal(settings.secret_key),
        schema_is_current=lambda: _schema_is_current(database),
        attachments=Folder(settings.attachments_root),
        seal=Seal(settings.secret_key),
        check_lms_address=partial(check_address, allow_loopback=settings.lms_allow_loopback),
        platform_trial=Trial(allow_loopback=settings.lms_allow_loopback, now=tell_time),
        registration_calls=Registration(allow_loopback=settings.lms_allow_loopback, now=tell_time),
        platform_keys=PlatformKeys(database, HttpKeySets(allow_loopback=settings.lms_allow_loopback)),
    )
    make_login_manager().init_app(app)
    languages.make_babel().init_app(app, locale_selector=languages.choose_language, default_timezone=settings.timezone)
    limiter = security.make_limiter(enabled=settings.rate_limits)
    limiter.init_app(app)
    # The limits know their limiter weakly, and a switched-off one is kept by nobody else.
    app.extensions["lms_plugin_limiter"] = limiter
    app.url_map.converters["id"] = IdConverter
    problems.install(app)
    security.install(app, media_base_url=settings.media_base_url)
    app.register_blueprint(health.health)
    api.register(app, limiter)
    web.register(app, limiter)
    registry = _registry()
    PrometheusMetrics(app, path="/metrics", group_by="endpoint", registry=registry)
    headers = security.guarding_headers(app, settings.media_base_url)
    beats = app.extensions[EXTENSION].beats
    put_in_front(app, lambda behind: BeatLane(app, behind, beats, tell_time, headers=headers, registry=registry))
    return app


def put_in_front(app: Flask, front: "Callable[[WSGIApplication], WSGIApplication]") -> None:
    """Let something see every request before the application does, which it gets to hand on to."""
    app.wsgi_app = front(app.wsgi_app)  # type: ignore[method-assign,assignment]


def _registry() -> CollectorRegistry:
    """What /metrics tells: of this application, and of its process."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


def application() -> APIFlask:
    """The application for a WSGI server: settings from the environment."""
    configure_logging()
    return create_app(read_settings())


def configure_logging() -> None:
    """One JSON line per event on standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        # Asked for anew each time, so that whoever exchanges standard error gets what is written from then on.
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _schema_is_current(database: Database) -> bool:
    try:
        return migrating.is_current(database)
    except SQLAlchemyError as fault:
        raise Unavailable(why=type(fault).__name__) from fault
