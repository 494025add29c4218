"""What edx-platform would know of courses and enrolments."""

from django.conf import settings
from django.db import models


class Enrolment(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    course_key = models.CharField(max_length=255)
    is_active = models.BooleanField(default=True)
    mode = models.CharField(max_length=100, default="audit")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        unique_together = (("user", "course_key"),)


class Title(models.Model):
    """What a course is called."""

    course_key = models.CharField(max_length=255, unique=True)
    title = models.CharField(max_length=200)


class Block(models.Model):
    """One block of a course; learners are not shown a hidden one."""

    course_key = models.CharField(max_length=255)
    block_key = models.CharField(max_length=255, unique=True)
    hidden = models.BooleanField(default=False)
