"""Where market data comes from: configuration only; what was received is in Redis and in the archive."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from engine.instruments.futures import ROOTS

UNIVERSE_MODES = ("popular", "all", "large", "mid", "small", "custom")


class FeedSource(models.Model):
    """One connection to one vendor. Written by `marketdata.services`, which validates `options` for its kind."""

    name = models.CharField(
        max_length=32,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9_-]*\Z", "lower-case letters, digits, - and _ are expected")],
        help_text="How tickers, leases and the health page call it.",
    )
    kind = models.CharField(max_length=32, help_text="Which protocol: dxlink, replay …")
    api_url = models.CharField(max_length=255, blank=True, help_text="Where tokens are fetched; empty: the vendor's.")
    sealed_token = models.TextField(blank=True, editable=False)
    options = models.JSONField(default=dict, blank=True, help_text="What this kind of feed lets one choose.")
    universe = models.CharField(
        max_length=8,
        blank=True,
        choices=[(mode, mode) for mode in UNIVERSE_MODES],
        help_text="Symbols carried beside those of the tickers: popular, all, large, mid, small, custom (SYMBOLS).",
    )
    universe_timeframe = models.CharField(max_length=16, default="1")
    is_enabled = models.BooleanField(default=True)
    is_default = models.BooleanField(default=False, help_text="Serves every ticker that names no feed.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=("is_default",), condition=Q(is_default=True), name="only_one_feed_is_the_default"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="feed_has_a_name"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})"


class ArchiveCursor(models.Model):
    """How far the archiver has read one stream of bars."""

    stream = models.CharField(max_length=160, unique=True)
    entry_id = models.CharField(max_length=48, help_text="The last entry that is in the archive.")
    counter = models.BigIntegerField(default=0, help_text="That entry's number in its stream: a jump is a loss.")
    lost = models.BigIntegerField(default=0, help_text="Bars that were trimmed before they were read.")
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.stream} at {self.entry_id}"


class PriceTick(models.Model):
    """The bars of the last days as rows, for people with SQL; the archive holds them all."""

    symbol = models.CharField(max_length=32)
    timeframe = models.CharField(max_length=16)
    timestamp = models.DateTimeField(help_text="The close, to the microsecond.")
    price = models.FloatField()
    open = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    close = models.FloatField()
    volume = models.FloatField()
    trade_count = models.BigIntegerField()
    vwap = models.FloatField(null=True)

    class Meta:
        db_table = "price_ticks"
        constraints = (models.UniqueConstraint(fields=("symbol", "timeframe", "timestamp"), name="one_row_per_bar"),)
        indexes = (models.Index(fields=("timestamp",), name="price_ticks_by_time"),)

    def __str__(self) -> str:
        return f"{self.symbol} {self.timeframe} {self.timestamp:%Y-%m-%d %H:%M:%S}: {self.price:g}"


class BackfillDepth(models.Model):
    """How far back a backfill of a timeframe goes unless somebody says so; without an entry as BACKFILL_DAYS has it."""

    timeframe = models.CharField(
        max_length=16,
        unique=True,
        help_text="1, 5, 1h, 1d …: it and all longer ones up to the next entry; ticks, volume.",
    )
    days = models.PositiveIntegerField(validators=[MinValueValidator(1)])

    class Meta:
        ordering = ("timeframe",)

    def __str__(self) -> str:
        return f"{self.timeframe}: {self.days} days"


class BackfillJob(models.Model):
    """History to be fetched. Whoever works on it holds a claim that runs out by itself, so that a killed worker's job
    is taken over where it stood."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    class Purpose(models.TextChoices):
        REQUEST = "request"  # a person's, or the night's
        POLL = "poll"  # the symbols of a universe for which the stream has no room

    source = models.CharField(max_length=32, help_text="The feed that is asked, or archive.")
    purpose = models.CharField(max_length=8, choices=Purpose.choices, default=Purpose.REQUEST)
    timeframe = models.CharField(max_length=16)
    start = models.DateTimeField()
    end = models.DateTimeField()
    note = models.TextField(blank=True, help_text="What the source cannot give of what was asked.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    error = models.TextField(blank=True)
    claimed_by = models.CharField(max_length=96, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    user_id = models.BigIntegerField(null=True, blank=True, help_text="Who is told about its progress.")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (models.CheckConstraint(condition=Q(start__lt=models.F("end")), name="backfill_has_a_span"),)

    def __str__(self) -> str:
        return f"backfill {self.pk}: {self.timeframe} from {self.source}, {self.state}"


class BackfillItem(models.Model):
    """One symbol of a job, and how far it has come."""

    class State(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        FAILED = "failed"

    job = models.ForeignKey(BackfillJob, on_delete=models.CASCADE, related_name="items")
    symbol = models.CharField(max_length=32)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    reached = models.BigIntegerField(default=0, help_text="UTC nanoseconds up to which everything is stored.")
    attempts = models.PositiveIntegerField(default=0)
    bars = models.PositiveIntegerField(default=0, help_text="Received.")
    added = models.PositiveIntegerField(default=0, help_text="New in the archive.")
    error = models.TextField(blank=True)

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("job", "symbol"), name="a_symbol_once_per_backfill"),)

    def __str__(self) -> str:
        return f"{self.symbol}: {self.state}"


class HistoryDay(models.Model):
    """One day of bars as compared with a vendor's own."""

    class State(models.TextChoices):
        PROVISIONAL = "provisional"  # not compared, or different and not decided yet
        FINAL = "final"  # the vendor says the same
        REVISED = "revised"  # the vendor said otherwise, and its bars were put in the place of ours

    symbol = models.CharField(max_length=32)
    timeframe = models.CharField(max_length=16)
    day = models.DateField()
    source = models.CharField(max_length=32)
    state = models.CharField(max_length=12, choices=State.choices, default=State.PROVISIONAL)
    ours = models.PositiveIntegerField(default=0)
    theirs = models.PositiveIntegerField(default=0)
    differences = models.JSONField(default=list)
    compared_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-day", "symbol", "timeframe")
        constraints = (
            models.UniqueConstraint(fields=("symbol", "timeframe", "day", "source"), name="a_day_is_compared_once"),
        )

    def __str__(self) -> str:
        return f"{self.symbol} {self.timeframe} {self.day}: {self.state}"


class FuturesRoll(models.Model):
    """When a future of one root rolls to its next contract; a root without an entry rolls as its product does."""

    class Rule(models.TextChoices):
        DAYS = "days", "business days before the last safe day"
        VOLUME = "volume", "the next contract traded more"

    root = models.CharField(
        max_length=4, unique=True, choices=[(root, f"/{root} {ROOTS[root].name}") for root in ROOTS]
    )
    rule = models.CharField(max_length=8, choices=Rule.choices, default=Rule.DAYS)
    days_before = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(20)],
        help_text="Empty: the product's own number. With the rule volume: the latest day, whatever the volumes say.",
    )
    decided = models.JSONField(
        default=dict, editable=False, help_text="Contract → the first day of the next one, as volume decided."
    )
    volumes = models.JSONField(default=dict, editable=False, help_text="Contract → volume of the last day looked at.")
    looked_at = models.DateField(null=True, editable=False)

    class Meta:
        ordering = ("root",)

    def __str__(self) -> str:
        return f"/{self.root} by {self.rule}"
