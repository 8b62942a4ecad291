"""Orders of persons over HTTP: what is asked for, and what became of a command."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from engine.model.enums import OrderType, Side, TimeInForce
from trading.models import CommandRecord, Order, choices


class OptionalNumber(serializers.DecimalField):
    """An exact number without the zeros that only pad it, or null."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=20, decimal_places=8, required=False, allow_null=True, default=None, **kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        return Decimal(f"{super().to_internal_value(data).normalize():f}")


class EntryInput(serializers.Serializer[Any]):
    """One order for each account in `quantities`: account → quantity."""

    symbol = serializers.CharField(max_length=32)
    side = serializers.ChoiceField(choices=choices(Side))
    quantities = serializers.DictField(child=serializers.CharField(max_length=32), allow_empty=False)
    type = serializers.ChoiceField(choices=choices(OrderType), required=False, default="market")
    limit_price = OptionalNumber()
    stop_price = OptionalNumber()
    trail = OptionalNumber(help_text="Distance of a trailing stop, in price.")
    tif = serializers.ChoiceField(choices=choices(TimeInForce), required=False, default="day")
    stop_loss = OptionalNumber(help_text="The stop of what is bought or sold.")
    take_profit = OptionalNumber(help_text="The target of what is bought or sold.")
    book = serializers.CharField(max_length=32, required=False, default="", allow_blank=True)


class PlaceInput(EntryInput):
    """The order of a preview, with its token."""

    preview = serializers.CharField(
        max_length=1024, required=False, default="", allow_blank=True, help_text="The token of the preview."
    )
    idempotency_key = serializers.CharField(
        max_length=128,
        required=False,
        default="",
        allow_blank=True,
        help_text="The same key never orders twice. Without one the preview's token is it.",
    )


class ReplaceInput(serializers.Serializer[Any]):
    """What is given is changed, the rest stays as it is."""

    quantity = OptionalNumber(help_text="What it should fill in all.")
    limit_price = OptionalNumber()
    stop_price = OptionalNumber()
    trail = OptionalNumber()
    idempotency_key = serializers.CharField(max_length=128, required=False, default="", allow_blank=True)


class ExitsInput(serializers.Serializer[Any]):
    """Prices at which what is held is closed; one that is left out stays as it is."""

    book = serializers.CharField(max_length=32)
    strategy = serializers.CharField(max_length=64)
    symbol = serializers.CharField(max_length=32)
    broker = serializers.CharField(max_length=32, help_text="The account's key.")
    stop = OptionalNumber()
    target = OptionalNumber()
    idempotency_key = serializers.CharField(max_length=128, required=False, default="", allow_blank=True)


class CommandRecordOutput(serializers.ModelSerializer[CommandRecord]):
    """What a person told a book, who it was, and what became of it."""

    command = serializers.CharField(source="command_id")
    book = serializers.CharField(source="book.name")
    by = serializers.CharField(source="by.email", default="system")
    at = serializers.DateTimeField(source="created_at")
    success = serializers.BooleanField(allow_null=True, help_text="null while it is not known")
    orders = serializers.SerializerMethodField()

    class Meta:
        model = CommandRecord
        fields = ("command", "kind", "success", "state", "outcome", "detail", "book", "by", "at", "payload", "orders")

    def get_orders(self, record: CommandRecord) -> list[dict[str, str]]:
        found = Order.objects.filter(command=record.command_id).order_by("id")
        return [
            {"client_id": order.client_id, "state": order.state, "state_reason": order.state_reason} for order in found
        ]


class PlacedOutput(serializers.Serializer[Any]):
    """The commands on their way, one per account."""

    success = serializers.BooleanField(default=True)
    book = serializers.CharField()
    commands = CommandRecordOutput(many=True)
