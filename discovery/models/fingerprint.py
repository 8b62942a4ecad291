"""A fingerprint of strategies on a market: what it was asked for, how far it is, and what it came to."""

from typing import ClassVar

from django.db import models

from discovery.models.job import Job


class FingerprintRun(Job):
    """One fingerprint. `result` is a `discovery.fingerprint.found.Fingerprint` when it is done, and empty before."""

    TASK: ClassVar[str] = "discovery.tasks.print_strategies"

    symbol = models.CharField(max_length=32)
    timeframe = models.CharField(max_length=16)
    bars = models.PositiveIntegerField(default=0)
    days = models.PositiveIntegerField(default=0)

    class Meta(Job.Meta):
        db_table = "fingerprint_runs"
