"""A rule that was found, with what speaks for and against it, and where it is in its life."""

from django.db import models
from django.db.models import Q

from discovery.mining.verdict import Chance
from discovery.models.mining_run import MiningRun


class DiscoveredRule(models.Model):
    """When to enter (`conditions`: a rule of `engine.rules` as JSON) and how to leave (`exits`). Figures are those of
    the search that found it; a rule that was written by hand has no run and none. `state` is changed by
    `discovery.lifecycle` alone."""

    class State(models.TextChoices):
        DISCOVERED = "discovered"
        VALIDATED = "validated"
        CAMPAIGN = "campaign"
        LIVE = "live"
        DEGRADED = "degraded"
        DEMOTED = "demoted"
        REJECTED = "rejected"

    class Source(models.TextChoices):
        ML = "ml", "learned model"
        SCREEN = "screen", "single condition"
        BEAM = "beam", "beam search"
        FINGERPRINT = "fingerprint", "fingerprint"
        HAND = "hand", "by hand"

    class Tag(models.TextChoices):
        """The movers on which a promoted rule may enter, as slots spell them."""

        ANY = "any", "any symbol, mover or not"
        FAST = "fast", "fast movers"
        SLOW = "slow", "slow movers"
        BOTH = "both", "fast and slow movers"

    run = models.ForeignKey(MiningRun, on_delete=models.PROTECT, null=True, blank=True, related_name="rules")
    rank = models.PositiveIntegerField(default=0, help_text="Place in its run, from 1.")
    name = models.CharField(max_length=80)
    symbol = models.CharField(max_length=32)
    timeframe = models.CharField(max_length=16)
    side = models.CharField(max_length=5)
    text = models.TextField(help_text="The conditions in words.")
    conditions = models.JSONField(help_text="The rule, as engine.rules reads it.")
    exits = models.JSONField(default=dict, help_text="Its own exits, as of a slot.")
    source = models.CharField(max_length=12, choices=Source.choices, default=Source.HAND)
    score = models.FloatField(null=True, help_text="What its run ranked by.")
    quality_score = models.FloatField(null=True, help_text="Of its exits, 0 to 1: the mean of `quality`.")
    quality = models.JSONField(default=dict, help_text="pnl, drawdown, hold, exit_type, giveback: 0 to 1 each.")
    in_sample = models.JSONField(default=dict, help_text="Figures of the days that were searched.")
    out_of_sample = models.JSONField(default=dict, help_text="Figures of the days that judged.")
    anywhere = models.FloatField(null=True, help_text="Mean P&L of entering anywhere on its side with its exits.")
    folds = models.JSONField(default=list, help_text="Numbers of the folds that found it.")
    trials = models.PositiveBigIntegerField(default=0, help_text="That it was the best of.")
    p_searched = models.FloatField(null=True, help_text="1 − deflated Sharpe ratio, where it was searched.")
    p_judged = models.FloatField(null=True, help_text="On the days that judged.")
    p_corrected = models.FloatField(null=True, help_text="`p_judged`, corrected for all rules of the run (Holm).")
    suspicion = models.FloatField(default=0.0, help_text="Too good to be true, 0 to 1.")
    reasons = models.JSONField(default=list, help_text="Of the suspicion: [{weight, reason}].")
    passes = models.BooleanField(default=False, help_text="Neither chance nor suspicion explains it.")
    capital = models.JSONField(null=True, help_text="Capital use.")
    worst = models.JSONField(null=True, help_text="The worst trades.")
    trades_digest = models.CharField(max_length=16, blank=True, help_text="Of its entries.")
    tag = models.CharField(max_length=4, choices=Tag.choices, blank=True, help_text="Set when it is promoted.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.DISCOVERED)
    version = models.PositiveIntegerField(default=1, help_text="Counts changes of its state.")
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "discovered_rules"
        ordering = ("-run", "rank", "id")
        permissions = (("promote_rule", "Can promote and demote discovered rules"),)
        constraints = (
            models.UniqueConstraint(
                fields=("run", "rank"), condition=Q(run__isnull=False), name="a_rank_once_per_mining_run"
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=("discovered", "validated", "campaign", "live", "degraded", "demoted", "rejected")
                ),
                name="a_rule_has_a_state",
            ),
            models.CheckConstraint(condition=Q(suspicion__gte=0, suspicion__lte=1), name="suspicion_is_a_share"),
        )
        indexes = (models.Index(fields=("state",), name="rules_by_state"),)

    @property
    def chance(self) -> str:
        """How likely it is chance, with everything counted that was tried."""
        return Chance(self.trials, self.p_searched, self.p_judged, self.p_corrected).text

    def __str__(self) -> str:
        return self.name
