"""The ledger as JSON: committed numbers are exact text, times are UTC."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers

from trading.models import Decision, Order, Position, Trade


class ExactField(serializers.DecimalField):
    """An exact number as text, without the zeros that only pad it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "normalize_output": True})


class LedgerSerializer(serializers.ModelSerializer[Any]):
    """Base: every decimal column is exact."""

    serializer_field_mapping: ClassVar[dict[Any, Any]] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DecimalField: ExactField,
    }


class PositionOutput(LedgerSerializer):
    """`quantity` is signed; `side` says the same in a word. Of a futures root `contract` is what is held, `rolls_at`
    when the next one becomes active, `closes_at` when it is closed before that; `context["rolling"]` knows the two."""

    book = serializers.CharField(source="book.name")
    side = serializers.CharField()
    rolls_at = serializers.SerializerMethodField()
    closes_at = serializers.SerializerMethodField()

    class Meta:
        model = Position
        exclude: ClassVar[tuple[str, ...]] = ("id",)

    def get_rolls_at(self, position: Position) -> datetime | None:
        found = self.context["rolling"].get(position.pk)
        return None if found is None else found.at

    def get_closes_at(self, position: Position) -> datetime | None:
        found = self.context["rolling"].get(position.pk)
        return None if found is None else found.closes_at


class TradeOutput(LedgerSerializer):
    """A closed round trip; `trade_type` is paper or real, `pnl` is net of `fees`."""

    trade_type = serializers.SerializerMethodField()
    entry_order = serializers.CharField(source="entry_order.client_id", default=None)
    exit_order = serializers.CharField(source="exit_order.client_id", default=None)

    class Meta:
        model = Trade
        exclude: ClassVar[tuple[str, ...]] = ("id", "book", "mode")

    def get_trade_type(self, trade: Trade) -> str:
        return "real" if trade.mode == "live" else "paper"


class OrderOutput(LedgerSerializer):
    """An order with its whole life in `timeline`."""

    book = serializers.CharField(source="book.name")

    class Meta:
        model = Order
        exclude: ClassVar[tuple[str, ...]] = ("id",)


class DecisionOutput(LedgerSerializer):
    """Why something did or did not happen."""

    class Meta:
        model = Decision
        exclude: ClassVar[tuple[str, ...]] = ("book",)


class Exact(serializers.DecimalField):
    """For the description of statistics."""

    def __init__(self) -> None:
        super().__init__(max_digits=20, decimal_places=8, normalize_output=True)


class StatisticsOutput(serializers.Serializer[Any]):
    """`average`, `win_rate` and `profit_factor` are null where they mean nothing."""

    trades = serializers.IntegerField()
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    win_rate = serializers.FloatField(allow_null=True)
    profit_factor = serializers.FloatField(allow_null=True)
    net_pnl = Exact()
    fees = Exact()
    gross_profit = Exact()
    gross_loss = Exact()
    best = Exact()
    worst = Exact()
    average = serializers.DecimalField(max_digits=20, decimal_places=2, allow_null=True)


class StartInput(serializers.Serializer[Any]):
    strategy = serializers.CharField(max_length=64)
    symbol = serializers.CharField(max_length=32, required=False, default="", allow_blank=True)
    live_mode = serializers.BooleanField(required=False, default=False)
    confirmation = serializers.CharField(
        max_length=512,
        required=False,
        default="",
        allow_blank=True,
        help_text="From the first answer; real money only.",
    )


class StopInput(serializers.Serializer[Any]):
    strategy = serializers.CharField(max_length=64)
    flatten = serializers.BooleanField(required=False, default=False, help_text="Also close what it holds.")


class RunOutput(serializers.Serializer[Any]):
    """What was started or stopped."""

    success = serializers.BooleanField(default=True)
    strategy = serializers.CharField()
    run = serializers.IntegerField(source="pk")
    state = serializers.CharField()
    book = serializers.CharField(source="book.name")
    live_mode = serializers.SerializerMethodField()
    slots = serializers.ListField(child=serializers.DictField())

    def get_live_mode(self, run: Any) -> bool:
        return bool(run.book.mode == "live")


class FlattenInput(serializers.Serializer[Any]):
    strategy = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)
    symbol = serializers.CharField(max_length=32, required=False, default="", allow_blank=True)
    book = serializers.CharField(max_length=32, required=False, default="", allow_blank=True)


class HaltInput(serializers.Serializer[Any]):
    book = serializers.CharField(max_length=32)
    reason = serializers.CharField(max_length=200, required=False, default="asked for by a person")


class ResumeInput(serializers.Serializer[Any]):
    book = serializers.CharField(max_length=32)


class TriggerInput(serializers.Serializer[Any]):
    """`action`: long, short, call, put, close or flat, in any case."""

    ticker = serializers.CharField(max_length=32)
    action = serializers.CharField(max_length=16)
    strategy = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)
    wait_s = serializers.FloatField(
        min_value=0,
        max_value=30,
        required=False,
        default=0,
        help_text="Answer when it is known what became of it, or after so many seconds.",
    )


class CommandOutput(serializers.Serializer[Any]):
    """A command on its way; the book's process answers in the command's record and on the page."""

    success = serializers.BooleanField(default=True)
    command = serializers.CharField(source="command_id")
    kind = serializers.CharField()
    state = serializers.CharField()


class TriggerOutput(CommandOutput):
    """What is known of a signal: `success` is null until it was filled or refused, `detail` says which in words."""

    success = serializers.BooleanField(allow_null=True)
    outcome = serializers.CharField(help_text="filled, refused or replaced; empty while it is not known")
    detail = serializers.CharField()
