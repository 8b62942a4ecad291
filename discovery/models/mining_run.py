"""A search for rules: what it was asked for, how far it is, and what its stages came to."""

from django.db import models

from discovery.models.job import Job


class MiningRun(Job):
    """One search. `spec` has the data, the span and how it is searched; what it found are its `rules`."""

    symbol = models.CharField(max_length=32)
    timeframe = models.CharField(max_length=16)
    stages = models.JSONField(default=list, help_text="One row for each stage of each fold, also while it works.")
    bars = models.PositiveIntegerField(default=0)
    days = models.PositiveIntegerField(default=0)
    trials = models.PositiveBigIntegerField(default=0, help_text="Everything whose result was seen.")
    seconds = models.FloatField(default=0.0)

    class Meta(Job.Meta):
        db_table = "mining_runs"
