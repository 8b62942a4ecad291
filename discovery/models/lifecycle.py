"""The life of rules on record: every step with its reason, every check, every time in the market with its health."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from discovery.health import Verdict
from discovery.models.job import Job
from discovery.models.rule import DiscoveredRule

States = DiscoveredRule.State.choices


class RuleChange(models.Model):
    """One step: who, when, from what to what, why. Appended to, never changed."""

    rule = models.ForeignKey(DiscoveredRule, on_delete=models.PROTECT, related_name="changes")
    version = models.PositiveIntegerField(help_text="Of the rule, after the step.")
    before = models.CharField(max_length=10, choices=States)
    after = models.CharField(max_length=10, choices=States)
    why = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    by_email = models.CharField(max_length=254, blank=True, help_text="Empty: the product itself.")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(fields=("rule", "version"), name="a_rule_takes_one_step_at_a_time"),)

    def __str__(self) -> str:
        return f"{self.before} → {self.after} by {self.by_email or 'the product'}"


class RuleCheck(Job):
    """A validation or a campaign of a rule. `result` has what it came to, `is_good` whether it speaks for the rule."""

    TASK: ClassVar[str] = "discovery.lifecycle.tasks.check_rule"

    class Kind(models.TextChoices):
        VALIDATION = "validation"
        CAMPAIGN = "campaign"

    rule = models.ForeignKey(DiscoveredRule, on_delete=models.PROTECT, related_name="checks")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    study = models.ForeignKey("backtest.Study", on_delete=models.SET_NULL, null=True, related_name="+")
    is_good = models.BooleanField(null=True)
    text = models.TextField(blank=True, help_text="What it came to, in words.")

    class Meta(Job.Meta):
        constraints = (  # type: ignore[assignment]  # of more kinds than its parent's
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=("rule", "kind"), condition=Q(state__in=("queued", "running")), name="one_check_at_a_time"
            ),
        )

    def progress(self) -> dict[str, Any]:
        return {**super().progress(), "rule": self.rule_id, "kind": self.kind, "text": self.text}


class Promotion(models.Model):
    """One time of a rule in the market: its slot, and what its trades there are compared with."""

    class Position(models.TextChoices):
        EXITS = "exits", "its exits carry on"
        FLATTEN = "flatten", "it is closed"

    rule = models.ForeignKey(DiscoveredRule, on_delete=models.PROTECT, related_name="promotions")
    book = models.ForeignKey("trading.Book", on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey("trading.Run", on_delete=models.PROTECT, related_name="+")
    slot = models.CharField(max_length=64, help_text="The name under which it trades.")
    tag = models.CharField(max_length=4, choices=DiscoveredRule.Tag.choices)
    exits = models.JSONField(help_text="As they were promoted.")
    expected = models.JSONField(help_text="P&L of each trade for one unit, days, slippage that was assumed.")
    p_corrected = models.FloatField(null=True, help_text="As it was shown when it was promoted.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    by_email = models.CharField(max_length=254, blank=True)
    began_at = models.DateTimeField()
    degraded_at = models.DateTimeField(null=True, help_text="The first time.")
    ended_at = models.DateTimeField(null=True, help_text="Demoted.")
    position = models.CharField(max_length=7, choices=Position.choices, blank=True, help_text="What became of it then.")

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("rule",), condition=Q(ended_at__isnull=True), name="a_rule_is_in_one_market_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"{self.slot} in {self.book}"


class HealthScore(models.Model):
    """What was found of a promoted rule when its trades were last different."""

    promotion = models.ForeignKey(Promotion, on_delete=models.CASCADE, related_name="scores")
    at = models.DateTimeField()
    trades = models.PositiveIntegerField()
    verdict = models.CharField(max_length=8, choices=[(each.value, each.value) for each in Verdict])
    score = models.FloatField(null=True, help_text="0 to 100; none where few trades say nothing.")
    p = models.FloatField(null=True)
    document = models.JSONField(default=dict, help_text="Every part with its reason.")

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.verdict} {'' if self.score is None else self.score}".strip()
