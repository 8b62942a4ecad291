"""What each strategy trades, and who changed it: configuration, never state."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from engine.bars.timeframe import canonical
from engine.errors import InvalidInput


def is_canonical_timeframe(text: str) -> None:
    """Stored timeframes name streams, so only the one spelling is kept."""
    try:
        spelled = canonical(text)
    except InvalidInput as error:
        raise ValidationError(error.detail) from None
    if spelled != text:
        raise ValidationError(f"timeframe: {spelled!r} was expected, found {text!r}.")


class Ticker(models.Model):
    """One strategy on one symbol. Written by `strategies.services` only, which validates and records the change.

    A run keeps a copy of what it was started with: an edit takes effect at the next start.
    """

    strategy = models.CharField(max_length=64)
    symbol = models.CharField(max_length=32, help_text="Futures by their root: /NQ.")
    timeframe = models.CharField(
        max_length=12, validators=[is_canonical_timeframe], help_text="Minutes (5), hours (1h), ticks (144t) …"
    )
    params = models.JSONField(default=dict, blank=True, help_text="Complete, as the strategy's own parameters.")
    quantities = models.JSONField(
        default=dict, blank=True, help_text="Account → quantity as a string; 0 or absent: do not trade there."
    )
    exits = models.JSONField(default=dict, blank=True, help_text="Stops and targets; empty: none.")
    trade_enabled = models.BooleanField(default=True, help_text="Off: data and signals stay, orders are not made.")
    feed = models.CharField(max_length=32, blank=True, help_text="Empty: the feed of the book.")
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("strategy", "symbol")
        constraints = (
            models.UniqueConstraint(fields=("strategy", "symbol"), name="one_ticker_per_strategy_and_symbol"),
            models.CheckConstraint(condition=~Q(strategy=""), name="ticker_names_a_strategy"),
            models.CheckConstraint(condition=~Q(symbol=""), name="ticker_names_a_symbol"),
            models.CheckConstraint(condition=Q(version__gte=1), name="ticker_version_counts_from_one"),
        )

    def __str__(self) -> str:
        return f"{self.strategy} on {self.symbol}, {self.timeframe}"


class TickerChange(models.Model):
    """The record of one change: who, when, from what to what. Kept when ticker and account are gone."""

    class Kind(models.TextChoices):
        CREATED = "created", "created"
        UPDATED = "updated", "updated"
        DELETED = "deleted", "deleted"

    strategy = models.CharField(max_length=64)
    symbol = models.CharField(max_length=32)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    by_email = models.CharField(max_length=254, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("strategy", "symbol", "-at")),)

    def __str__(self) -> str:
        return f"{self.strategy} on {self.symbol} {self.kind} by {self.by_email or 'the system'}"

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Field → (before, after), of the fields that differ; "params.period_1" for what lies inside one."""
        before, after = dict(_flat(self.before)), dict(_flat(self.after))
        pairs = {name: (before.get(name), after.get(name)) for name in sorted({*before, *after})}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


class Certificate(models.Model):
    """What trying a strategy with other futures, prefixes and restarts said, for one version of its code."""

    strategy = models.CharField(max_length=64)
    code = models.CharField(max_length=16, help_text="Digest of the strategy's code and of what it rests on.")
    params = models.JSONField(default=dict)
    is_valid = models.BooleanField()
    verdict = models.CharField(max_length=16)
    document = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-created_at",)
        indexes = (models.Index(fields=("strategy", "code"), name="certificates_by_code"),)

    def __str__(self) -> str:
        return f"{self.strategy} {self.code}: {self.verdict}"


def _flat(document: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
