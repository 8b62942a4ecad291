"""Who is told of what, and what became of it."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email
from django.db import models

from infra.notices import Level
from infra.notices import Notice as NoticeValue
from infra.sealed import seal, unseal
from notifications.kinds import KINDS, ORDINARY

LEVELS = [(level.value, level.value) for level in Level]
_RANK = {level: rank for rank, level in enumerate(Level)}


def usual_kinds() -> list[str]:
    """Everything but what happens all day, and the test button's own."""
    return [kind for kind in KINDS if kind not in (*ORDINARY, "test")]


class Channel(models.Model):
    """One way to reach somebody, and what is sent there. A webhook's address is a secret, and kept sealed."""

    class Kind(models.TextChoices):
        EMAIL = "email", "e-mail"
        WEBHOOK = "webhook", "webhook (JSON; Slack, Mattermost, Discord and others read it)"

    name = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.EMAIL)
    is_enabled = models.BooleanField(default=True)
    recipients = models.CharField(max_length=1000, blank=True, help_text="E-mail addresses, separated by commas.")
    sealed_url = models.TextField(blank=True, editable=False)
    sealed_secret = models.TextField(blank=True, editable=False)
    minimum_level = models.CharField(max_length=8, choices=LEVELS, default=Level.WARNING)
    kinds = models.JSONField(default=usual_kinds, help_text="What it is told of.")
    about = models.CharField(max_length=64, blank=True, help_text="One book, feed or login only; empty: all.")
    repeat_after_s = models.PositiveIntegerField(
        default=900, help_text="Seconds until the same thing, still going on, is sent again."
    )
    max_per_hour = models.PositiveIntegerField(
        default=30, help_text="More are held back and counted in the next message. Critical ones always go."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def addresses(self) -> list[str]:
        return [each.strip() for each in self.recipients.split(",") if each.strip()]

    @property
    def url(self) -> str:
        return unseal(self.sealed_url) if self.sealed_url else ""

    @url.setter
    def url(self, value: str) -> None:
        self.sealed_url = seal(value) if value else ""

    @property
    def secret(self) -> str:
        return unseal(self.sealed_secret) if self.sealed_secret else ""

    @secret.setter
    def secret(self, value: str) -> None:
        self.sealed_secret = seal(value) if value else ""

    def wants(self, notice: NoticeValue) -> bool:
        """Whether `notice` is sent here, were it not for repetition and number."""
        if not self.is_enabled or (self.about and self.about != notice.about):
            return False
        return notice.kind in self.kinds and _RANK[notice.level] >= _RANK[Level(self.minimum_level)]

    def clean(self) -> None:
        problems: dict[str, Any] = {}
        if self.kind == self.Kind.EMAIL:
            if not self.addresses:
                problems["recipients"] = "An e-mail address at least is needed."
            for each in self.addresses:
                try:
                    validate_email(each)
                except ValidationError:
                    problems["recipients"] = f"{each!r} is no e-mail address."
        elif not self.url:
            problems["kind"] = "A webhook needs its address."
        else:
            URLValidator(schemes=["http", "https"])(self.url)
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown:
            problems["kinds"] = f"{', '.join(unknown)}: there are {', '.join(KINDS)}."
        if problems:
            raise ValidationError(problems)


class Notice(models.Model):
    """Something that people were told. `times` counts how often the same thing was told again."""

    kind = models.CharField(max_length=16)
    level = models.CharField(max_length=8, choices=LEVELS)
    about = models.CharField(max_length=64, blank=True)
    text = models.TextField()
    key = models.CharField(max_length=400)
    times = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    over_at = models.DateTimeField(null=True, blank=True, help_text="When it was well again.")

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("key", "-id")),)

    def __str__(self) -> str:
        return self.text


class Delivery(models.Model):
    """One notice on its way to one channel. Whoever sends it claims it by moving `due_at`."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        SENT = "sent", "sent"
        FAILED = "failed", "failed"
        HELD = "held", "held back: too many within an hour"

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    detail = models.CharField(max_length=400, blank=True)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "deliveries"
        indexes = (models.Index(fields=("state", "due_at")), models.Index(fields=("channel", "state", "-created_at")))

    def __str__(self) -> str:
        return f"{self.notice} → {self.channel}: {self.state}"


CLAIM = timedelta(seconds=60)  # whoever claimed a delivery has sent it by then, or died
