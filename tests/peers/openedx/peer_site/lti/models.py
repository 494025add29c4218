"""What edx-platform would keep beside lti-consumer-xblock's own tables: profiles, external ids, blocks and grades."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models

SUBJECTS = uuid.uuid5(uuid.NAMESPACE_DNS, "peer.example.org")


class Profile(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="profile")
    name = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=20, default="student")
    """The course role: `student` or `staff`."""


class ExternalIds(models.Manager["ExternalId"]):
    def get(self, *arguments: Any, external_id_type__name: str = "lti", **wanted: Any) -> "ExternalId":
        """edx-platform has several types of external ids; here there is one."""
        return super().get(*arguments, **wanted)


class ExternalId(models.Model):
    """The opaque id under which a tool knows a user; here it follows from the name, so that a test can foretell it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE)
    external_user_id = models.UUIDField(unique=True)

    objects = ExternalIds()

    @classmethod
    def batch_get_or_create_user_ids(cls, users: Any, kind: str) -> dict[int, "ExternalId"]:
        known = {entry.user_id: entry for entry in cls.objects.filter(user__in=users)}
        missing = [user for user in users if user.pk not in known]
        made = [cls(user=user, external_user_id=uuid.uuid5(SUBJECTS, user.username)) for user in missing]
        cls.objects.bulk_create(made)
        return known | {entry.user_id: entry for entry in made}


class Placement(models.Model):
    """A block of the type `lti_consumer` in the course, with the fields its author has set."""

    block_key = models.CharField(max_length=255, unique=True)
    fields = models.JSONField(default=dict)


class Tool(models.Model):
    """What the course's author enters into every block for this tool: one row."""

    fields = models.JSONField(default=dict)


class Grade(models.Model):
    """The latest grade a block has published for a user, as the gradebook shows it."""

    block_key = models.CharField(max_length=255)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    value = models.FloatField()
    max_value = models.FloatField()
    times = models.IntegerField(default=1)

    class Meta:
        unique_together = (("block_key", "user"),)
