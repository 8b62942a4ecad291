"""Accounts against our books over HTTP: how they stand, what was adjusted, accepting a difference; and order plans."""

from typing import Any, cast

import msgspec
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from infra.web.paging import PAGE_PARAMETERS, page_of, paged
from infra.web.permissions import allowed_by
from trading import account_services, preview
from trading.book_services import book_of
from trading.models import AccountCheck, Adjustment, Alarm
from trading.serializers import CommandOutput
from users.models import User

CanReadChecks = allowed_by("trading.view_accountcheck")
CanReadAdjustments = allowed_by("trading.view_adjustment")
CanReadAlarms = allowed_by("trading.view_alarm")
CanAccept = allowed_by("trading.accept_difference")
CanReadPositions = allowed_by("trading.view_position")

_BOOK = OpenApiParameter("book", OpenApiTypes.STR)


class CheckOutput(serializers.ModelSerializer[AccountCheck]):
    """How an account stood when it was last compared."""

    book = serializers.CharField(source="book.name")

    class Meta:
        model = AccountCheck
        fields = (
            "book", "broker", "state", "reason", "trigger", "differences", "problems", "notes", "blocks_all", "cash",
            "net_liquidation", "buying_power", "orders", "fills", "positions", "at",
        )  # fmt: skip


class AdjustmentOutput(serializers.ModelSerializer[Adjustment]):
    """What was booked, or left to others, without an order of ours."""

    book = serializers.CharField(source="book.name")
    side = serializers.CharField()

    class Meta:
        model = Adjustment
        fields = (
            "book", "policy", "strategy", "symbol", "broker", "side", "quantity", "price", "ours", "theirs", "reason",
            "by", "at",
        )  # fmt: skip


class AlarmOutput(serializers.ModelSerializer[Alarm]):
    """What people must know of orders and accounts."""

    book = serializers.CharField(source="book.name")

    class Meta:
        model = Alarm
        fields = ("book", "what", "text", "at")


class AcceptInput(serializers.Serializer[Any]):
    book = serializers.CharField(max_length=32)
    broker = serializers.CharField(max_length=32, help_text="The account's key.")
    policy = serializers.ChoiceField(choices=("adopt", "ignore"))
    symbol = serializers.CharField(max_length=32, required=False, default="", allow_blank=True)


class PreviewInput(serializers.Serializer[Any]):
    strategy = serializers.CharField(max_length=64)
    symbol = serializers.CharField(max_length=32)
    action = serializers.CharField(max_length=16)


class Reconciliation(APIView):
    """How every account stands; green is the only state in which it is traded freely."""

    permission_classes = (CanReadChecks,)

    @extend_schema(parameters=[_BOOK], responses=CheckOutput(many=True))
    def get(self, request: Request) -> Response:
        found = account_services.latest_checks(book=request.query_params.get("book", ""))
        return Response(CheckOutput(found, many=True).data)


class AcceptDifferences(APIView):
    """A person settles a difference: `adopt` books it as ours, `ignore` leaves it to whoever made it."""

    permission_classes = (CanAccept,)

    @extend_schema(request=AcceptInput, responses={202: CommandOutput})
    def post(self, request: Request) -> Response:
        data = AcceptInput(data=request.data)
        data.is_valid(raise_exception=True)
        values = dict(data.validated_data)
        book = book_of(values.pop("book"))
        record = account_services.accept_differences(user=cast("User", request.user), book=book, **values)
        return Response(CommandOutput(record).data, status=202)


class Adjustments(APIView):
    """What was adjusted, newest first."""

    permission_classes = (CanReadAdjustments,)

    @extend_schema(parameters=[_BOOK, *PAGE_PARAMETERS], responses=paged(AdjustmentOutput))
    def get(self, request: Request) -> Response:
        found = Adjustment.objects.select_related("book")
        book = request.query_params.get("book", "")
        return Response(page_of(found.filter(book__name=book) if book else found, request, AdjustmentOutput))


class Alarms(APIView):
    """What people had to know, newest first."""

    permission_classes = (CanReadAlarms,)

    @extend_schema(parameters=[_BOOK, *PAGE_PARAMETERS], responses=paged(AlarmOutput))
    def get(self, request: Request) -> Response:
        found = Alarm.objects.select_related("book")
        book = request.query_params.get("book", "")
        return Response(page_of(found.filter(book__name=book) if book else found, request, AlarmOutput))


class PreviewOrders(APIView):
    """What a wish would send, account by account; nothing is sent."""

    permission_classes = (CanReadPositions,)

    @extend_schema(request=PreviewInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        data = PreviewInput(data=request.data)
        data.is_valid(raise_exception=True)
        plan = preview.order_plan(**data.validated_data, now=timezone.now())
        return Response({"accounts": msgspec.to_builtins(plan)})
