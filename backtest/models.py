"""Studies of many runs, what became of each run, and the ledger of everything that was ever tried."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Study(models.Model):
    """A sweep or a campaign. Its shards are worked off by whoever claims them; `result` is what they add up to."""

    class State(models.TextChoices):
        RUNNING = "running"
        FOLDING = "folding"  # every shard has ended; the results are being added up
        DONE = "done"
        PARTIAL = "partial"  # done, but for shards that failed
        CANCELLED = "cancelled"
        FAILED = "failed"

    name = models.CharField(max_length=80, blank=True)
    kind = models.CharField(max_length=10)
    spec = models.JSONField(help_text="What was asked for, in canonical spelling.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    is_cancelling = models.BooleanField(default=False)
    total = models.PositiveIntegerField(help_text="Runs; in a campaign, runs of one day.")
    bars = models.PositiveIntegerField(default=0)
    dataset = models.CharField(max_length=16, blank=True, help_text="Digest of the bars.")
    versions = models.JSONField(default=dict, help_text="Strategy → digest of its code when it ran.")
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    schedule = models.ForeignKey("StudySchedule", on_delete=models.SET_NULL, null=True, related_name="studies")
    folding_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "studies"
        permissions = (("apply_run", "Can apply the parameters of a run to a ticker"),)

    def __str__(self) -> str:
        return self.name or f"{self.kind} {self.pk}"


class Shard(models.Model):
    """A part of a study: some parameter sets, over all bars or over one day. Whoever works on it holds a claim that
    runs out by itself, so that a killed worker's shard is taken over."""

    class State(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    strategy = models.CharField(max_length=64)
    first = models.PositiveIntegerField(help_text="Place of its first set among those of the strategy.")
    count = models.PositiveIntegerField()
    offset = models.PositiveIntegerField(help_text="Number of the strategy's first run in the study.")
    day = models.DateField(null=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    done = models.PositiveIntegerField(default=0, help_text="Runs that are finished, while it works.")
    claimed_by = models.CharField(max_length=96, blank=True)
    claimed_until = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    seconds = models.FloatField(default=0.0)
    result = models.BinaryField(default=b"")

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=("study", "number"), name="a_shard_once_per_study"),)
        indexes = (models.Index(fields=("study", "state"), name="shards_by_state"),)

    def __str__(self) -> str:
        return f"{self.study_id}/{self.number} {self.state}"


class BacktestRun(models.Model):
    """One parameter set of a study, over all its bars or days."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField()
    strategy = models.CharField(max_length=64)
    symbol = models.CharField(max_length=32)
    timeframe = models.CharField(max_length=16)
    params = models.JSONField()
    stats = models.JSONField()
    score = models.FloatField(null=True, help_text="The statistic that the study ranks by.")
    sharpe = models.FloatField(null=True, help_text="Mean over deviation of the daily results, not annualised.")
    days = models.JSONField(default=list, help_text="Of a campaign: each day's result.")
    how = models.CharField(max_length=8, help_text="compiled, or event where the compiled scan could not.")
    why = models.CharField(max_length=400, blank=True)
    error = models.CharField(max_length=400, blank=True)
    digest = models.CharField(max_length=16, blank=True, help_text="Of its trades.")

    class Meta:
        db_table = "backtest_runs"
        ordering = ("study", "number")
        constraints = (models.UniqueConstraint(fields=("study", "number"), name="a_run_once_per_study"),)
        indexes = (models.Index(fields=("study", "-score"), name="runs_by_score"),)

    def __str__(self) -> str:
        return f"{self.strategy} {self.params}"


class BacktestTrade(models.Model):
    """A closed trade of a run; kept for the best runs of a study, made again for the others when somebody asks."""

    run = models.ForeignKey(BacktestRun, on_delete=models.CASCADE, related_name="trades")
    number = models.PositiveIntegerField()
    side = models.CharField(max_length=5)
    quantity = models.DecimalField(max_digits=20, decimal_places=8)
    entry_at = models.DateTimeField()
    entry_price = models.DecimalField(max_digits=20, decimal_places=8)
    exit_at = models.DateTimeField()
    exit_price = models.DecimalField(max_digits=20, decimal_places=8)
    pnl = models.DecimalField(max_digits=20, decimal_places=8)
    fees = models.DecimalField(max_digits=20, decimal_places=8)
    entry_reason = models.CharField(max_length=400, blank=True)
    exit_reason = models.CharField(max_length=400, blank=True)

    class Meta:
        db_table = "backtest_trades"
        ordering = ("run", "number")
        constraints = (models.UniqueConstraint(fields=("run", "number"), name="a_trade_once_per_run"),)

    def __str__(self) -> str:
        return f"{self.side} {self.quantity.normalize():f}: {self.pnl.normalize():f}"


class Trial(models.Model):
    """One parameter set that was ever tried on some bars, or as many as a search for rules looked at (`count`). The
    same set or search on the same bars counts once, however often."""

    strategy = models.CharField(max_length=64)
    symbol = models.CharField(max_length=32)
    timeframe = models.CharField(max_length=16)
    dataset = models.CharField(max_length=16)
    first_ts = models.BigIntegerField()
    last_ts = models.BigIntegerField()
    params_digest = models.CharField(max_length=16, help_text="Of the parameters and of what was fixed beside them.")
    sharpe = models.FloatField(null=True)
    count = models.PositiveBigIntegerField(default=1)
    variance = models.FloatField(null=True, help_text="Of the Sharpe ratios, where it stands for many.")
    tried_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("strategy", "dataset", "params_digest"), name="a_trial_counts_once"),
        )
        indexes = (models.Index(fields=("strategy", "symbol", "timeframe"), name="trials_by_market"),)

    def __str__(self) -> str:
        return f"{self.strategy} {self.symbol} {self.params_digest}"


class StudySchedule(models.Model):
    """A study that is started again by the clock, over the days before it."""

    name = models.CharField(max_length=80, unique=True)
    spec = models.JSONField(help_text="As of a study; its start and end are set from `days_back` at each start.")
    days_back = models.PositiveSmallIntegerField(default=20, help_text="Calendar days, up to the day before.")
    hour = models.PositiveSmallIntegerField(default=3, help_text="UTC.")
    weekdays = models.CharField(max_length=13, default="1,2,3,4,5", help_text="0 is Sunday.")
    is_enabled = models.BooleanField(default=True)
    last_started_at = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)

    class Meta:
        ordering = ("name",)
        constraints = (models.CheckConstraint(condition=Q(hour__lt=24), name="schedule_has_an_hour"),)

    def __str__(self) -> str:
        return self.name
