"""What every long search has in common: a state, how far it is, and a claim that runs out by itself."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q


class Job(models.Model):
    """A search that one worker does as a whole. Whoever works on it holds a claim; a killed worker's job is free again
    when that has run out, and begins anew."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    ENDED: ClassVar = (State.DONE, State.FAILED, State.CANCELLED)
    TASK: ClassVar[str]  # the Celery task that works on one, by its number

    name = models.CharField(max_length=80, blank=True)
    spec = models.JSONField(help_text="What was asked for, in canonical spelling.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    is_cancelling = models.BooleanField(default=False)
    done = models.PositiveBigIntegerField(default=0, help_text="Steps that are finished, while it works.")
    total = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_by = models.CharField(max_length=96, blank=True)
    claimed_until = models.DateTimeField(null=True)
    dataset = models.CharField(max_length=16, blank=True, help_text="Digest of the bars.")
    versions = models.JSONField(default=dict, help_text="Part of the product → digest of its code when it ran.")
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        ordering = ("-id",)
        indexes = (models.Index(fields=("state",), name="%(class)s_by_state"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=("queued", "running", "done", "failed", "cancelled")),
                name="%(class)s_has_a_state",
            ),
        )

    @property
    def is_over(self) -> bool:
        return self.state in self.ENDED

    def progress(self) -> dict[str, Any]:
        """What those who watch are told."""
        return {
            "run": self.pk,
            "state": str(self.state),
            "is_cancelling": self.is_cancelling,
            "done": self.done,
            "total": self.total,
            "error": self.error,
        }

    def __str__(self) -> str:
        return self.name or f"{self._meta.verbose_name} {self.pk}"
