"""The smallest Django project that can host edx-completion and lti-consumer-xblock.

The process's folder comes from PEER_FOLDER, its address from PEER_BASE_URL.
"""

import json
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from peer_site import standins

FOLDER = Path(os.environ["PEER_FOLDER"])
LMS_ROOT_URL = LTI_BASE = LTI_API_BASE = LEARNING_MICROFRONTEND_URL = os.environ["PEER_BASE_URL"]
PLATFORM_NAME = "Peer"
USAGE_ID_PATTERN = r"(?P<usage_id>(?:i4x://?[^/]+/[^/]+/[^/]+/[^@]+(?:@[^/]+)?)|(?:[^/]+))"

standins.install()  # before the applications load: edx-completion looks for edx-platform while it is imported

SECRET_KEY = secrets.token_urlsafe(32)
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "peer_site.urls"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "waffle",
    "oauth2_provider",
    "eventtracking.django",
    "completion",
    "config_models",
    "lti_consumer",
    "peer_site.courses",
    "peer_site.lti",
]
MIDDLEWARE = [
    "edx_django_utils.cache.middleware.RequestCacheMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "crum.CurrentRequestUserMiddleware",
    "waffle.middleware.WaffleMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
# As Open edX wants it where tools stand in frames: the browser brings the session along from the tool's site.
SESSION_COOKIE_SAMESITE = "None"
SESSION_COOKIE_SECURE = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": FOLDER / "platform.sqlite3",
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
# A client's secret is kept as a hash; the platform's slow hash would only slow the tests.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# A key drawn at each start makes every token of an earlier start invalid, as a change of keys does on a platform.
# It is asymmetric as on a platform: without a public key set edx-drf-extensions 10.9.0 accepts any signature.
JWT_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
JWT_ISSUER = "http://127.0.0.1/oauth2"
JWT_AUTH = {
    "JWT_AUTH_HEADER_PREFIX": "JWT",
    "JWT_ALGORITHM": "RS512",
    "JWT_AUDIENCE": "openedx",
    "JWT_ISSUER": JWT_ISSUER,
    "JWT_ISSUERS": [{"ISSUER": JWT_ISSUER, "AUDIENCE": "openedx", "SECRET_KEY": secrets.token_urlsafe(48)}],
    "JWT_PUBLIC_SIGNING_JWK_SET": json.dumps(
        {"keys": [{**RSAAlgorithm.to_jwk(JWT_KEY.public_key(), as_dict=True), "kid": "peer"}]}
    ),
    "JWT_SUPPORTED_VERSION": "1.2.0",
    "JWT_VERIFY_AUDIENCE": False,
    "JWT_VERIFY_EXPIRATION": True,
    "JWT_LEEWAY": 1,
    "JWT_DECODE_HANDLER": "edx_rest_framework_extensions.auth.jwt.decoder.jwt_decode_handler",
    "JWT_AUTH_COOKIE": "edx-jwt-cookie",
}
OAUTH2_PROVIDER = {
    "OAUTH2_VALIDATOR_CLASS": "peer_site.oauth.OwnersTokens",
    "SCOPES": {"read": "Read", "write": "Write", "email": "E-mail", "profile": "Profile"},
    "DEFAULT_SCOPES": ["read", "write", "email", "profile"],
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
}
EVENT_TRACKING_ENABLED = True
EVENT_TRACKING_BACKENDS = {
    "log": {"ENGINE": "eventtracking.backends.logger.LoggerBackend", "OPTIONS": {"name": "peer.tracking"}}
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
