"""Accounts at brokers, and the lock that keeps real money out until a person opens it."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from brokers.registry import FEATURES
from engine.errors import NotFound


def is_known_broker(text: str) -> None:
    """A venue of the registry, by its own name."""
    try:
        name = FEATURES.canonical(text)
    except NotFound as error:
        raise ValidationError(error.detail) from None
    if name != text:
        raise ValidationError(f"{name!r} was expected, found its other name {text!r}.")


class BrokerAccount(models.Model):
    """One account at one venue. `name` is its key in books and in the quantities of tickers."""

    class Mode(models.TextChoices):
        PAPER = "paper", "paper"
        LIVE = "live", "live"

    broker = models.CharField(max_length=32, validators=[is_known_broker])
    name = models.SlugField(max_length=32, unique=True, help_text="The key in books and ticker quantities.")
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.PAPER)
    account_number = models.CharField(max_length=64, blank=True)
    enabled = models.BooleanField(default=True)
    is_armed = models.BooleanField(default=False, help_text="A person allowed real orders on this account.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        permissions = (("arm_account", "Can arm an account for real money"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(is_armed=False) | Q(mode="live", enabled=True),
                name="only_an_enabled_live_account_is_armed",
            ),
            models.UniqueConstraint(
                fields=("broker", "account_number"),
                condition=Q(mode="live") & ~Q(account_number=""),
                name="one_live_entry_per_account_number",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.broker}, {self.mode})"
