"""Migrate the platform's database and put learners in it: `prepare NUMBER` prints a list of [username, JWT].

Each learner is enrolled and holds a token of their own, so that they send their completions themselves.
"""

import json
import os
import sys
import time

import django
import jwt

COURSE = "course-v1:Bench+B1+2026"
LIFETIME_SECONDS = 86_400


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scripts.benchmarking.completion_site.settings")
    django.setup()
    from completion.waffle import ENABLE_COMPLETION_TRACKING_SWITCH
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from peer_site.courses.models import Enrolment
    from waffle.models import Switch

    # Tables without migrations are made first, and PostgreSQL wants what they refer to before.
    call_command("migrate", "auth", verbosity=0, interactive=False)
    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
    Switch.objects.create(name=ENABLE_COMPLETION_TRACKING_SWITCH.name, active=True)
    issued_at = int(time.time())
    learners = []
    for number in range(1, int(sys.argv[1]) + 1):
        user = get_user_model().objects.create(username=f"learner.{number}", email=f"learner.{number}@example.org")
        Enrolment.objects.create(user=user, course_key=COURSE)
        claims = {
            "aud": settings.JWT_AUTH["JWT_AUDIENCE"],
            "iss": settings.JWT_ISSUER,
            "iat": issued_at,
            "exp": issued_at + LIFETIME_SECONDS,
            "preferred_username": user.username,
            "email": user.email,
            "administrator": False,
            "superuser": False,
            "scopes": ["read", "write", "email", "profile"],
            "filters": [],
            "is_restricted": False,
            "version": "1.2.0",
            "sub": f"user-{user.pk}",
        }
        token = jwt.encode(claims, settings.JWT_KEY, algorithm="RS512", headers={"kid": "peer"})
        learners.append([user.username, token])
    sys.stdout.write(json.dumps(learners))


if __name__ == "__main__":
    main()
