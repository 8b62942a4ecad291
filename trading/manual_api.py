"""Orders of persons over HTTP: preview and place, change, other exits, and what became of a command."""

from typing import Any, cast

import msgspec
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.errors import InvalidInput, NotFound
from infra.web.paging import PAGE_PARAMETERS, page_of, paged
from infra.web.permissions import allowed_by
from trading import ledger_api, manual, serializers
from trading.book_services import book_of
from trading.manual_entry import EntryPlan
from trading.manual_form import order_form
from trading.manual_serializers import (
    CommandRecordOutput,
    EntryInput,
    ExitsInput,
    PlacedOutput,
    PlaceInput,
    ReplaceInput,
)
from trading.models import CommandRecord, Order
from trading.order_times import order_times
from users.models import User

CanOrder = allowed_by("trading.add_order")
CanChange = allowed_by("trading.change_order")
CanReadCommands = allowed_by("trading.view_commandrecord")


def _user(request: Request) -> User:
    return cast("User", request.user)


def _plan(plan: EntryPlan, token: str) -> dict[str, Any]:
    document = msgspec.to_builtins(plan)
    return {**document, "can_place": plan.can_place, "preview": token, "valid_s": manual.PREVIEW_AGE_S}


class OrderForm(APIView):
    """What can be ordered by hand in a book: symbols with their price grids, and for each account the usual quantity
    and what its venue takes."""

    permission_classes = (CanOrder,)

    @extend_schema(
        operation_id="order_form",
        parameters=[OpenApiParameter("book", OpenApiTypes.STR, required=True)],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        return Response(order_form(book=request.query_params.get("book", "")))


class OrderTimes(APIView):
    """How long orders took, per account: from approval to submission, acceptance and fill, as percentiles."""

    permission_classes = (ledger_api.CanReadOrders,)

    @extend_schema(
        operation_id="order_times",
        parameters=[
            OpenApiParameter("book", OpenApiTypes.STR),
            OpenApiParameter("strategy", OpenApiTypes.STR),
            OpenApiParameter("days", OpenApiTypes.INT),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        query = request.query_params
        text = query.get("days", "") or "30"
        if not (text.isdecimal() and len(text) < 10):
            raise InvalidInput(f"days: a whole number was expected, found {text!r}.", field="days")
        found = order_times(book=query.get("book", ""), strategy=query.get("strategy", ""), days=int(text))
        return Response({"accounts": found})


class PreviewEntry(APIView):
    """What an order of a person would become: every order of every account with its venue's own request, its cost, and
    the verdicts on it. Nothing is sent. `preview` is the token that places exactly this."""

    permission_classes = (CanOrder,)

    @extend_schema(operation_id="preview_entry", request=EntryInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        data = EntryInput(data=request.data)
        data.is_valid(raise_exception=True)
        return Response(_plan(*manual.preview(user=_user(request), entry=manual.entry_of(data.validated_data))))


class Orders(ledger_api.Orders):
    """GET: orders, newest first, each with its whole life. POST: place the order that was previewed.

    409 `preview_changed` with a new preview where the token is missing, too old, of another order, or where the orders,
    verdicts or the price are others by now. The same request again orders nothing more.
    """

    def get_permissions(self) -> Any:
        return [CanOrder()] if self.request.method == "POST" else super().get_permissions()

    @extend_schema(operation_id="place_order", request=PlaceInput, responses={202: PlacedOutput})
    def post(self, request: Request) -> Response:
        data = PlaceInput(data=request.data)
        data.is_valid(raise_exception=True)
        values = data.validated_data
        key = request.headers.get("Idempotency-Key", "")[:128] or values["idempotency_key"]
        try:
            records = manual.place(user=_user(request), entry=manual.entry_of(values), token=values["preview"], key=key)
        except manual.PreviewChanged as error:
            content = {"code": error.code, "detail": error.detail, "field": error.field}
            return Response({**content, **_plan(error.plan, error.token)}, status=status.HTTP_409_CONFLICT)
        placed = {"book": records[0].book.name, "commands": records}
        return Response(PlacedOutput(placed).data, status=status.HTTP_202_ACCEPTED)


class ReplaceOrder(APIView):
    """Change price or quantity of a working order: it is withdrawn, and the changed one follows when that is confirmed,
    less what was filled until then."""

    permission_classes = (CanChange,)

    @extend_schema(request=ReplaceInput, responses={202: serializers.CommandOutput})
    def post(self, request: Request, client_id: str) -> Response:
        data = ReplaceInput(data=request.data)
        data.is_valid(raise_exception=True)
        order = Order.objects.select_related("book").filter(client_id=client_id).first()
        if order is None:
            raise NotFound(f"There is no order {client_id}.", field="client_id")
        values = dict(data.validated_data)
        key = values.pop("idempotency_key")
        record = manual.replace(user=_user(request), order=order, key=key, **values)
        return Response(serializers.CommandOutput(record).data, status=202)


class SetExits(APIView):
    """Give an open position another stop or target."""

    permission_classes = (CanChange,)

    @extend_schema(request=ExitsInput, responses={202: serializers.CommandOutput})
    def post(self, request: Request) -> Response:
        data = ExitsInput(data=request.data)
        data.is_valid(raise_exception=True)
        values = dict(data.validated_data)
        book = book_of(values.pop("book"))
        key = values.pop("idempotency_key")
        record = manual.set_exits(user=_user(request), book=book, key=key, **values)
        return Response(serializers.CommandOutput(record).data, status=202)


class Commands(APIView):
    """What people told books, newest first: who, when, and what became of it."""

    permission_classes = (CanReadCommands,)

    @extend_schema(
        operation_id="commands",
        parameters=[OpenApiParameter("book", OpenApiTypes.STR), *PAGE_PARAMETERS],
        responses=paged(CommandRecordOutput),
    )
    def get(self, request: Request) -> Response:
        found = CommandRecord.objects.select_related("book", "by")
        book = request.query_params.get("book", "")
        return Response(page_of(found.filter(book__name=book) if book else found, request, CommandRecordOutput))


class CommandStatus(APIView):
    """One command: `sent` until the book's process answered, then `accepted` or `refused` with the reason, and the
    orders that came of it."""

    permission_classes = (CanReadCommands,)

    @extend_schema(operation_id="command_status", responses=CommandRecordOutput)
    def get(self, request: Request, command_id: str) -> Response:
        record = CommandRecord.objects.select_related("book", "by").filter(command_id=command_id).first()
        if record is None:
            raise NotFound(f"There is no command {command_id}.", field="command_id")
        return Response(CommandRecordOutput(record).data)
