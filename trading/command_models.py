"""What people told a book, and what became of it."""

from django.conf import settings
from django.db import models

from engine.model.commands import ManualSignal, Outcome


class CommandRecord(models.Model):
    """What people told a book, and what became of it."""

    class State(models.TextChoices):
        SENT = "sent", "sent"
        ACCEPTED = "accepted", "accepted"
        REFUSED = "refused", "refused"

    book = models.ForeignKey("trading.Book", on_delete=models.PROTECT, related_name="commands")
    command_id = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=32)
    payload = models.JSONField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.SENT)
    detail = models.CharField(max_length=400, blank=True)
    outcome = models.CharField(max_length=8, blank=True, help_text="What an accepted signal has come to.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"

    @property
    def success(self) -> bool | None:
        """Whether what was asked has happened; None while nobody knows. A signal is done with its fill, any other
        command when it is accepted."""
        if self.state == self.State.REFUSED:
            return False
        if self.outcome:
            return self.outcome == Outcome.FILLED
        is_done = self.state == self.State.ACCEPTED and self.kind != ManualSignal.__name__
        return True if is_done else None
