"""A search for rules: what it was asked for, how far it is, and what its stages came to."""

from typing import Any, ClassVar

from django.db import models

from discovery.models.job import Job


class MiningRun(Job):
    """One search. `spec` has the data, the span and how it is searched; what it found are its `rules`."""

    TASK: ClassVar[str] = "discovery.tasks.mine_rules"

    symbol = models.CharField(max_length=32)
    timeframe = models.CharField(max_length=16)
    stages = models.JSONField(default=list, help_text="One row for each stage of each fold, also while it works.")
    bars = models.PositiveIntegerField(default=0)
    days = models.PositiveIntegerField(default=0)
    first_ts = models.BigIntegerField(null=True, help_text="Where its bars begin, UTC nanoseconds.")
    last_ts = models.BigIntegerField(null=True)
    trials = models.PositiveBigIntegerField(default=0, help_text="Everything whose result was seen.")
    earlier_trials = models.PositiveBigIntegerField(default=0, help_text="Of rules in these bars before.")
    seconds = models.FloatField(default=0.0)

    class Meta(Job.Meta):
        db_table = "mining_runs"

    def progress(self) -> dict[str, Any]:
        return {**super().progress(), "stages": self.stages}
