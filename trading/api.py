"""The trader over HTTP: what people tell it."""

from typing import Any, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication

from engine.errors import Conflict, NotFound
from engine.instruments.catalog import normalize_symbol
from infra.web.permissions import allowed_by
from strategies.registry import STRATEGIES
from trading import confirmation, serializers, services
from trading.book_services import book_of
from trading.models import Book, Order, Run
from users.models import User

CanStart = allowed_by("trading.add_run")
CanOperate = allowed_by("trading.change_run")
CanHalt = allowed_by("trading.change_book")
CanCancel = allowed_by("trading.change_order")

_STRATEGY = OpenApiParameter("strategy", OpenApiTypes.STR, required=True)
_SYMBOL = OpenApiParameter("symbol", OpenApiTypes.STR)


def _user(request: Request) -> User:
    return cast("User", request.user)


def _symbol(text: str) -> str:
    return normalize_symbol(text) if text else ""


def _refuse_cookies(request: Request) -> None:
    """State is changed by GET for old clients only, which send a token: a link or a prefetch in a browser that is
    logged in must start nothing."""
    if not isinstance(request.successful_authenticator, JWTAuthentication):
        raise PermissionDenied("By GET this needs a token in the Authorization header; use POST.")


def unconfirmed(user: User, token: str, *, strategy: str, symbol: str) -> Response | None:
    """The answer that asks for a confirmation before real money; None once it was given."""
    if not user.has_perm("trading.start_live"):
        raise PermissionDenied("live_mode needs the permission trading.start_live.")
    start = {"strategy": STRATEGIES.canonical(strategy), "symbol": symbol}
    if token:
        confirmation.use(token, user=user, **start)
        return None
    content = {
        "code": confirmation.ConfirmationNeeded.code,
        "detail": "This starts trading with real money. Send the same request again with this confirmation.",
        "field": "confirmation",
        "confirmation": confirmation.offer(user=user, **start),
    }
    return Response(content, status=409)


class StartTrading(APIView):
    """Start a strategy. Real money needs POST, `live_mode`, the permission, and the confirmation that the first such
    request answers with."""

    permission_classes = (CanStart,)

    @extend_schema(request=serializers.StartInput, responses={202: serializers.RunOutput})
    def post(self, request: Request) -> Response:
        data = serializers.StartInput(data=request.data)
        data.is_valid(raise_exception=True)
        values = {**data.validated_data, "symbol": _symbol(data.validated_data["symbol"])}
        token = values.pop("confirmation")
        if values["live_mode"]:
            asked = unconfirmed(_user(request), token, strategy=values["strategy"], symbol=values["symbol"])
            if asked:
                return asked
        return self._start(request, values)

    @extend_schema(parameters=[_STRATEGY, _SYMBOL], responses={202: serializers.RunOutput}, deprecated=True)
    def get(self, request: Request) -> Response:
        _refuse_cookies(request)
        data = serializers.StartInput(data=request.query_params.dict())
        data.is_valid(raise_exception=True)
        values = data.validated_data
        if values["live_mode"]:
            raise Conflict("live_mode: real money is started by POST with a confirmation only.", field="live_mode")
        return self._start(request, {**values, "symbol": _symbol(values["symbol"])})

    @staticmethod
    def _start(request: Request, values: dict[str, Any]) -> Response:
        run = services.start_strategy(
            user=_user(request),
            strategy=values["strategy"],
            symbol=values["symbol"],
            live_mode=values["live_mode"],
        )
        return Response(serializers.RunOutput(run).data, status=202)


class StopTrading(APIView):
    """Stop a strategy in every book in which it runs: no new entries; what it holds keeps its exits, or is closed with
    `flatten`. The answer is the run that trades real money, where one does."""

    permission_classes = (CanOperate,)

    @extend_schema(request=serializers.StopInput, responses={202: serializers.RunOutput})
    def post(self, request: Request) -> Response:
        return self._stop(request, request.data)

    @extend_schema(parameters=[_STRATEGY], responses={202: serializers.RunOutput}, deprecated=True)
    def get(self, request: Request) -> Response:
        _refuse_cookies(request)
        name = request.query_params.get("strategy", "")
        real = Run.objects.filter(state=Run.State.RUNNING, book__mode=Book.Mode.LIVE)
        if name in STRATEGIES and real.filter(strategy=STRATEGIES.canonical(name)).exists():
            raise Conflict("strategy: it runs with real money, so it is stopped by POST only.", field="strategy")
        return self._stop(request, request.query_params.dict())

    @staticmethod
    def _stop(request: Request, content: Any) -> Response:
        data = serializers.StopInput(data=content)
        data.is_valid(raise_exception=True)
        runs = services.stop_strategy(user=_user(request), **data.validated_data)
        return Response(serializers.RunOutput(runs[0]).data, status=202)


class Flatten(APIView):
    """Close what is held: of a strategy, in a symbol, in a book, or everything. The answer is the first book's command;
    `commands` has those of all books that hold some of it."""

    permission_classes = (CanOperate,)

    @extend_schema(request=serializers.FlattenInput, responses={202: serializers.CommandOutput})
    def post(self, request: Request) -> Response:
        data = serializers.FlattenInput(data=request.data)
        data.is_valid(raise_exception=True)
        values = {**data.validated_data, "symbol": _symbol(data.validated_data["symbol"])}
        records = services.flatten(user=_user(request), **values)
        told = [serializers.CommandOutput(record).data for record in records]
        return Response({**told[0], "commands": told}, status=202)


class Halt(APIView):
    """No entries in a book until `resume`; exits still pass."""

    permission_classes = (CanHalt,)

    @extend_schema(request=serializers.HaltInput, responses={202: serializers.CommandOutput})
    def post(self, request: Request) -> Response:
        data = serializers.HaltInput(data=request.data)
        data.is_valid(raise_exception=True)
        book = book_of(data.validated_data["book"])
        record = services.halt(user=_user(request), book=book, reason=data.validated_data["reason"])
        return Response(serializers.CommandOutput(record).data, status=202)


class Resume(APIView):
    """End a halt."""

    permission_classes = (CanHalt,)

    @extend_schema(request=serializers.ResumeInput, responses={202: serializers.CommandOutput})
    def post(self, request: Request) -> Response:
        data = serializers.ResumeInput(data=request.data)
        data.is_valid(raise_exception=True)
        record = services.resume(user=_user(request), book=book_of(data.validated_data["book"]))
        return Response(serializers.CommandOutput(record).data, status=202)


class CancelOrder(APIView):
    """Ask for the cancel of one order."""

    permission_classes = (CanCancel,)

    @extend_schema(request=None, responses={202: serializers.CommandOutput})
    def post(self, request: Request, client_id: str) -> Response:
        order = Order.objects.select_related("book").filter(client_id=client_id).first()
        if order is None:
            raise NotFound(f"There is no order {client_id}.", field="client_id")
        record = services.cancel_order(user=_user(request), order=order)
        return Response(serializers.CommandOutput(record).data, status=202)


class ManualTrigger(APIView):
    """A person's wish for a running slot. Without `strategy` it must be clear which one is meant. 202: it was given to
    the book's process, and what becomes of it is told at `/api/commands/{command}`; 200: that is known already."""

    permission_classes = (CanOperate,)
    strategy = ""

    @extend_schema(
        request=serializers.TriggerInput,
        responses={200: serializers.TriggerOutput, 202: serializers.TriggerOutput},
    )
    def post(self, request: Request) -> Response:
        data = serializers.TriggerInput(data=request.data)
        data.is_valid(raise_exception=True)
        symbol = normalize_symbol(data.validated_data["ticker"])
        strategy = self.strategy or data.validated_data["strategy"] or _running_on(symbol)
        record = services.manual_signal(
            user=_user(request), strategy=strategy, symbol=symbol, action=data.validated_data["action"]
        )
        services.await_outcome(record, within_s=data.validated_data["wait_s"])
        return Response(serializers.TriggerOutput(record).data, status=202 if record.success is None else 200)


def _running_on(symbol: str) -> str:
    runs = Run.objects.filter(state=Run.State.RUNNING)
    names = sorted({run.strategy for run in runs if symbol in {slot["symbol"] for slot in run.slots}})
    if len(names) != 1:
        what = f"{', '.join(names)} run" if names else "no strategy runs"
        raise Conflict(f"strategy: {what} on {symbol}; say which one is meant.", field="strategy")
    return names[0]
