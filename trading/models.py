"""The ledger in the database: written by the journal and the services, read by selectors, admin and API."""

from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from engine.errors import InvalidInput
from engine.model.enums import OrderIntent, OrderState, OrderType, PositionSide, Side, TimeInForce
from engine.model.time import to_datetime
from trading.account_models import AccountCheck, Adjustment, Alarm
from trading.command_models import CommandRecord
from trading.limits import CHECKS
from trading.schedule_models import StrategySchedule

__all__ = [
    "AccountCheck", "Adjustment", "Alarm", "Book", "CommandRecord", "Decision", "EngineState", "Fill", "JournalEvent",
    "Order", "Position", "RecordedInputs", "Run", "StrategySchedule", "Trade",
]  # fmt: skip


def choices(
    kind: type[Side | OrderType | OrderState | OrderIntent | PositionSide | TimeInForce],
) -> list[tuple[str, str]]:
    """An enum of the engine as Django choices."""
    return [(member.value, member.value.replace("_", " ")) for member in kind]


class Book(models.Model):
    """What one trader process runs: a mode and the strategies started in it.

    `fencing_token` is the token of the last process that wrote; an older one is refused by the journal.
    `generation` rises when an engine is composed without its predecessor's state: order ids stay unique.
    """

    class Mode(models.TextChoices):
        PAPER = "paper", "paper"
        LIVE = "live", "live"

    name = models.SlugField(max_length=32, unique=True)
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.PAPER)
    feed = models.CharField(max_length=32, default="dxlink", help_text="The feed that carries its market data.")
    is_halted = models.BooleanField(default=False)
    halt_reason = models.CharField(max_length=200, blank=True)
    risk = models.JSONField(
        default=dict,
        blank=True,
        help_text='Limits, for example {"max_order_quantity": 5, "max_daily_loss": 500}. Empty: nothing is limited.',
    )
    sizing = models.JSONField(
        default=dict,
        blank=True,
        help_text="Cash at each account and how each strategy sizes. Empty: the quantities of the tickers.",
    )
    correlation = models.JSONField(
        default=dict, blank=True, help_text="What makes an entry the same bet as a position. Empty: nothing does."
    )
    fills = models.JSONField(
        default=dict, blank=True, help_text="How simulated orders are filled. Empty: at the touch, without costs."
    )
    execution = models.JSONField(
        default=dict,
        blank=True,
        help_text="With real accounts: what to do about trades by hand and such, for example "
        '{"external_trades": "pause", "external_trades_by_symbol": {"SPY": "ignore"}}. Empty: the defaults.',
    )
    fencing_token = models.BigIntegerField(default=0, editable=False)
    generation = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        permissions = (
            ("start_live", "Can start a strategy with real money"),
            ("accept_difference", "Can accept what an account holds differently"),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        for field, check in CHECKS.items():
            try:
                check(getattr(self, field))
            except InvalidInput as error:
                raise ValidationError({field: error.detail}) from error


class Run(models.Model):
    """One started strategy. `slots` is its configuration as it was at the start: later edits wait for the next run."""

    class State(models.TextChoices):
        RUNNING = "running", "running"
        STOPPED = "stopped", "stopped"

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="runs")
    strategy = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    slots = models.JSONField(
        help_text="The slots as they were at the start: symbol, timeframe, parameters, quantities."
    )
    started_at = models.DateTimeField(auto_now_add=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    stopped_at = models.DateTimeField(null=True, blank=True)
    stop_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("book", "strategy"), condition=Q(state="running"), name="one_running_run_per_strategy"
            ),
        )

    def __str__(self) -> str:
        return f"{self.strategy} #{self.pk} ({self.state})"


class Order(models.Model):
    """An order of ours, from approval to its end."""

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="orders")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="orders", null=True)
    client_id = models.CharField(max_length=96, unique=True)
    venue_id = models.CharField(max_length=96, blank=True)
    strategy = models.CharField(max_length=64)
    symbol = models.CharField(max_length=32)
    broker = models.CharField(max_length=32)
    side = models.CharField(max_length=4, choices=choices(Side))
    type = models.CharField(max_length=16, choices=choices(OrderType))
    intent = models.CharField(max_length=16, choices=choices(OrderIntent))
    state = models.CharField(max_length=20, choices=choices(OrderState), default=OrderState.APPROVED)
    quantity = models.DecimalField(max_digits=20, decimal_places=8)
    filled_quantity = models.DecimalField(max_digits=20, decimal_places=8, default=Decimal(0))
    average_price = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    limit_price = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    stop_price = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    trail = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    tif = models.CharField(max_length=8, choices=choices(TimeInForce), default=TimeInForce.DAY)
    reason = models.CharField(max_length=400, blank=True)
    state_reason = models.CharField(max_length=400, blank=True, help_text="Why it is in this state.")
    group = models.CharField(max_length=96, blank=True)
    parent = models.CharField(max_length=96, blank=True)
    command = models.CharField(
        max_length=64, blank=True, db_index=True, help_text="The command by which a person gave it."
    )
    stop_loss = models.DecimalField(
        max_digits=20, decimal_places=8, null=True, blank=True, help_text="The stop that a person gave with it."
    )
    take_profit = models.DecimalField(
        max_digits=20, decimal_places=8, null=True, blank=True, help_text="The target that a person gave with it."
    )
    contract = models.CharField(
        max_length=32, blank=True, help_text="Of a futures root: the contract, also after the root rolled."
    )
    bar = models.JSONField(null=True, blank=True, help_text="The bar it was decided on.")
    request = models.JSONField(null=True, blank=True, help_text="The request that the venue got, or would have got.")
    timeline = models.JSONField(default=list, help_text="Every state with its time.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("book", "state")),
            models.Index(fields=("strategy", "symbol", "-created_at")),
        )
        constraints = (
            models.CheckConstraint(condition=Q(quantity__gt=0), name="order_quantity_is_positive"),
            models.CheckConstraint(condition=Q(filled_quantity__gte=0), name="order_filled_is_not_negative"),
        )

    def __str__(self) -> str:
        return self.client_id


class Fill(models.Model):
    """One execution of an order."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    fill_id = models.CharField(max_length=96)
    broker = models.CharField(max_length=32)
    symbol = models.CharField(max_length=32)
    side = models.CharField(max_length=4, choices=choices(Side))
    quantity = models.DecimalField(max_digits=20, decimal_places=8)
    price = models.DecimalField(max_digits=20, decimal_places=8)
    fee = models.DecimalField(max_digits=20, decimal_places=8, default=Decimal(0))
    reference_price = models.FloatField(null=True, blank=True, help_text="The price that the decision saw.")
    is_ambiguous = models.BooleanField(default=False)
    bar = models.JSONField(null=True, blank=True, help_text="The bar it fell into, as it stood when we heard of it.")
    ts = models.BigIntegerField(help_text="UTC nanoseconds.")
    at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(fields=("broker", "fill_id"), name="a_fill_counts_once"),)

    def __str__(self) -> str:
        return f"{self.side} {self.quantity.normalize():f} {self.symbol} @ {self.price.normalize():f}"


class Position(models.Model):
    """What one strategy holds in one symbol at one broker. `quantity` is signed; 0 is flat."""

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="positions")
    strategy = models.CharField(max_length=64)
    symbol = models.CharField(max_length=32)
    broker = models.CharField(max_length=32)
    quantity = models.DecimalField(max_digits=20, decimal_places=8, default=Decimal(0))
    average_price = models.DecimalField(max_digits=20, decimal_places=8, default=Decimal(0))
    realized_pnl = models.DecimalField(max_digits=20, decimal_places=8, default=Decimal(0))
    fees = models.DecimalField(max_digits=20, decimal_places=8, default=Decimal(0))
    stop_price = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    target_price = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    exit_kind = models.CharField(
        max_length=64, blank=True, help_text='The armed exit; "none" where none was asked for.'
    )
    contract = models.CharField(
        max_length=32, blank=True, help_text="Of a futures root: the contract that is held, also after the root rolled."
    )
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ("strategy", "symbol", "broker")
        constraints = (
            models.UniqueConstraint(
                fields=("book", "strategy", "symbol", "broker"), name="one_position_per_strategy_symbol_broker"
            ),
        )

    def __str__(self) -> str:
        return f"{self.strategy} {self.symbol} {self.side} {abs(self.quantity).normalize():f}"

    @property
    def side(self) -> PositionSide:
        if self.quantity == 0:
            return PositionSide.FLAT
        return PositionSide.LONG if self.quantity > 0 else PositionSide.SHORT


class Trade(models.Model):
    """A closed round trip. `pnl` is net of `fees`."""

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="trades")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="trades", null=True)
    trade_id = models.CharField(max_length=120, unique=True)
    mode = models.CharField(max_length=8, choices=Book.Mode.choices)
    strategy = models.CharField(max_length=64)
    symbol = models.CharField(max_length=32)
    broker = models.CharField(max_length=32)
    side = models.CharField(max_length=5, choices=choices(PositionSide))
    quantity = models.DecimalField(max_digits=20, decimal_places=8)
    entry_at = models.DateTimeField()
    entry_price = models.DecimalField(max_digits=20, decimal_places=8)
    exit_at = models.DateTimeField()
    exit_price = models.DecimalField(max_digits=20, decimal_places=8)
    pnl = models.DecimalField(max_digits=20, decimal_places=8)
    fees = models.DecimalField(max_digits=20, decimal_places=8)
    entry_order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="opened_trades", null=True)
    exit_order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="closed_trades", null=True)
    entry_reason = models.CharField(max_length=400, blank=True)
    exit_reason = models.CharField(max_length=400, blank=True)
    entry_bar = models.JSONField(null=True, blank=True)
    exit_bar = models.JSONField(null=True, blank=True)
    mae = models.DecimalField(max_digits=20, decimal_places=8, default=Decimal(0))
    mfe = models.DecimalField(max_digits=20, decimal_places=8, default=Decimal(0))
    is_ambiguous = models.BooleanField(default=False)

    class Meta:
        ordering = ("-exit_at", "-id")
        indexes = (models.Index(fields=("strategy", "symbol", "-exit_at")),)

    def __str__(self) -> str:
        return f"{self.side} {self.quantity.normalize():f} {self.symbol}: {self.pnl.normalize():f}"


class Decision(models.Model):
    """Why something did or did not happen: every signal, suppression, denial and fault."""

    class Kind(models.TextChoices):
        SIGNAL = "signal", "signal"
        SUPPRESSED = "suppressed", "suppressed"
        DENIED = "denied", "denied"
        FAULT = "fault", "fault"
        STATE = "state", "state"
        COMMAND = "command", "command"
        CONTRACT = "contract", "contract"

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="decisions")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    strategy = models.CharField(max_length=64, blank=True)
    symbol = models.CharField(max_length=32, blank=True)
    timeframe = models.CharField(max_length=12, blank=True)
    target = models.SmallIntegerField(null=True, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    reason = models.CharField(max_length=400, blank=True)
    rule = models.CharField(max_length=64, blank=True)
    value = models.CharField(max_length=120, blank=True)
    limit = models.CharField(max_length=120, blank=True)
    evidence = models.JSONField(default=dict)
    client_id = models.CharField(max_length=96, blank=True)
    bar_ts = models.BigIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("book", "strategy", "symbol", "-at")),)

    def __str__(self) -> str:
        return f"{self.kind} {self.strategy} {self.symbol}: {self.reason}"


class JournalEvent(models.Model):
    """The append-only record of what an engine put out, chained by hash so that a change shows."""

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="journal")
    number = models.BigIntegerField(help_text="Position in the book's journal, from 1, without a hole.")
    kind = models.CharField(max_length=32)
    payload = models.JSONField()
    ts = models.BigIntegerField()
    fencing_token = models.BigIntegerField()
    digest = models.CharField(max_length=64, help_text="SHA-256 over the previous digest and this payload.")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("book", "number"), name="journal_has_no_fork"),)

    def __str__(self) -> str:
        return f"{self.book_id}/{self.number} {self.kind} {to_datetime(self.ts):%H:%M:%S}"


class EngineState(models.Model):
    """The last committed state of a book's engine and the stream positions it had read up to: one transaction with
    the orders and fills it implies, so that a new process continues exactly there."""

    book = models.OneToOneField(Book, on_delete=models.CASCADE, related_name="engine_state")
    data = models.BinaryField()
    cursors = models.JSONField(default=dict)
    fencing_token = models.BigIntegerField()
    saved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.book_id} at {self.saved_at:%Y-%m-%d %H:%M:%S}"


class RecordedInputs(models.Model):
    """What a book's loop was given between two commits, in order: its journal follows from it, entry by entry.

    Written in the transaction that also keeps the journal's entries and the cursors, so an input is recorded exactly
    once, by whoever's handling of it counted.
    """

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="recorded")
    number = models.BigIntegerField(help_text="Position in the book's recording, from 1, without a hole.")
    is_opening = models.BooleanField(default=False, help_text="It begins with the state that a loop started from.")
    count = models.PositiveIntegerField()
    data = models.BinaryField()
    first_output = models.BigIntegerField(help_text="The journal's entries from here …")
    last_output = models.BigIntegerField(help_text="… to here follow from it; none where this is the smaller one.")
    fencing_token = models.BigIntegerField()
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("id",)
        indexes = (models.Index(fields=("book", "is_opening", "number")), models.Index(fields=("recorded_at",)))
        constraints = (models.UniqueConstraint(fields=("book", "number"), name="recording_has_no_fork"),)

    def __str__(self) -> str:
        return f"{self.book_id}/{self.number}: {self.count} inputs"


class SessionComparison(models.Model):
    """A day as it was traded against its own recording, and against a simulation over stored history."""

    class Verdict(models.TextChoices):
        EQUAL = "equal", "equal in every way"
        EXPLAINED = "explained", "repeats itself; every difference to the simulation has a cause"
        UNEXPLAINED = "unexplained", "repeats itself; a difference to the simulation has no known cause"
        NOT_REPEATED = "not_repeated", "the recording does not lead to what was journalled"

    book = models.ForeignKey(Book, on_delete=models.CASCADE, related_name="comparisons")
    day = models.DateField(help_text="UTC")
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    document = models.JSONField()
    compared_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-day", "book")
        constraints = (models.UniqueConstraint(fields=("book", "day"), name="one_comparison_a_day"),)

    def __str__(self) -> str:
        return f"{self.book} {self.day}: {self.verdict}"
