"""Alpaca's trading interface over the simulated broker: one account, known by its keys."""

import email.utils
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import msgspec

from engine.errors import NotFound
from engine.instruments.instrument import AssetClass
from engine.model.enums import OrderType, Side
from engine.model.time import from_datetime, to_datetime
from simulators.alpaca import documents
from simulators.alpaca.requests import (
    FORBIDDEN,
    VALIDATION,
    ChangeBody,
    OrderBody,
    RuleBroken,
    changed,
    children_of,
    our_symbol,
    read,
    reserved,
    ticket_of,
)
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.faults import CANCEL, PLACE, QUERY, REPLACE
from simulators.brokerage.gate import Gate
from simulators.brokerage.orders import Refusal, SimOrder, Ticket
from simulators.http_server import HttpRequest, HttpResponse
from simulators.market import Market
from simulators.sessions import NEW_YORK

_REFUSALS = {
    "buying_power": (403, FORBIDDEN, "insufficient buying power"),
    "not_shortable": (403, FORBIDDEN, "asset cannot be sold short"),
    "bad_quantity": (422, VALIDATION, "invalid qty"),
    "bad_price": (422, VALIDATION, "invalid price"),
    "unknown_symbol": (422, VALIDATION, "asset not found"),
    "expired": (422, VALIDATION, "contract has expired"),
    "cannot_cancel": (422, VALIDATION, "order is not cancelable"),
    "cannot_replace": (422, VALIDATION, "order is not replaceable"),
}
_SESSION = {"open": "09:30", "close": "16:00", "session_open": "0400", "session_close": "2000"}


def problem(status: int, number: int, message: str, **extras: str) -> HttpResponse:
    return HttpResponse(status, {"code": number, "message": message, **extras})


def render(status: int, code: str, message: str) -> HttpResponse:
    """What a fault answers, in Alpaca's form: a refused key has no code, a busy service no body of its own."""
    return HttpResponse(status, {"message": "forbidden." if status == 401 else message})


class Route(NamedTuple):
    """`action` is the kind of request, as order faults name it."""

    method: str
    pattern: re.Pattern[str]
    action: str
    handle: Callable[[HttpRequest, re.Match[str]], HttpResponse]


class TradingDesk:
    """Answers for `account`; `gate` is where faults strike."""

    def __init__(self, brokerage: Brokerage, market: Market, gate: Gate, *, account: str) -> None:
        self._brokerage = brokerage
        self._market = market
        self._gate = gate
        self._account = account
        self._routes = [
            Route(method, re.compile(f"/v2/{path}"), action, handle)
            for method, path, action, handle in (
                ("GET", r"account", QUERY, self._show_account),
                ("GET", r"account/activities(/FILL)?", QUERY, self._activities),
                ("GET", r"clock", QUERY, self._clock),
                ("GET", r"calendar", QUERY, self._calendar),
                ("GET", r"assets", QUERY, self._assets),
                ("GET", r"assets/(?P<symbol>[^/]+)", QUERY, self._asset),
                ("GET", r"orders", QUERY, self._orders),
                ("POST", r"orders", PLACE, self._place),
                ("DELETE", r"orders", CANCEL, self._cancel_all),
                ("GET", r"orders:by_client_order_id", QUERY, self._by_name),
                ("GET", r"orders/(?P<id>[^/]+)", QUERY, self._order),
                ("PATCH", r"orders/(?P<id>[^/]+)", REPLACE, self._replace),
                ("DELETE", r"orders/(?P<id>[^/]+)", CANCEL, self._cancel),
                ("GET", r"positions", QUERY, self._positions),
                ("DELETE", r"positions", PLACE, self._close_all),
                ("GET", r"positions/(?P<symbol>[^/]+)", QUERY, self._position),
                ("DELETE", r"positions/(?P<symbol>[^/]+)", PLACE, self._close_position),
            )
        ]

    def handle(self, request: HttpRequest) -> HttpResponse | None:
        """None for a path that is not ours."""
        for route in self._routes:
            match = route.pattern.fullmatch(request.path)
            if match is not None and request.method == route.method:
                answer = self._gate.answer(route.action, partial(self._answer, route, request, match))
                date_header = email.utils.format_datetime(to_datetime(self._brokerage.now), usegmt=True)
                return msgspec.structs.replace(answer, headers={**answer.headers, "Date": date_header})
        return None

    def _answer(self, route: Route, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        try:
            return route.handle(request, match)
        except RuleBroken as broken:
            return problem(broken.status, broken.number, broken.detail, **broken.extras)
        except Refusal as refused:
            status, number, words = _REFUSALS.get(refused.code, (403, FORBIDDEN, refused.detail))
            return problem(status, number, refused.detail if refused.is_injected else words)
        except NotFound as missing:
            return problem(404, 40410000, missing.detail)

    # ---- the account --------------------------------------------------------------------------------------------

    def _show_account(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        account = self._brokerage.account(self._account)
        return HttpResponse(200, documents.account_document(account, self._brokerage.price_of))

    def _activities(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        """Executions, newest first unless asked otherwise, in pages of 100 at most."""
        query = _query(request)
        after, until = _moment(query.get("after")), _moment(query.get("until"))
        orders = {order.id: order for order in self._brokerage.orders(self._account)}
        found = [
            documents.fill_document(orders[each.order_id], each)
            for each in self._brokerage.executions(self._account)
            if (after is None or each.ts > after) and (until is None or each.ts < until)
        ]
        if query.get("direction", "desc") == "desc":
            found.reverse()
        token = query.get("page_token", "")
        names = [each["id"] for each in found]
        start = names.index(token) + 1 if token in names else 0
        return HttpResponse(200, found[start : start + min(int(query.get("page_size", 100)), 100)])

    def _clock(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        now = to_datetime(self._brokerage.now).astimezone(NEW_YORK)
        is_open = self._brokerage.listed(next(iter(self._shares()))).is_open(self._brokerage.now)
        following = now.replace(hour=9, minute=30, second=0, microsecond=0) + timedelta(days=1)
        close = now.replace(hour=16, minute=0, second=0, microsecond=0)
        return HttpResponse(
            200,
            {
                "timestamp": now.isoformat(), "is_open": is_open, "next_open": following.isoformat(),
                "next_close": (close if close > now else close + timedelta(days=1)).isoformat(),
            },
        )  # fmt: skip

    def _calendar(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        query = _query(request)
        today = to_datetime(self._brokerage.now).date()
        first = date.fromisoformat(query.get("start", today.isoformat()))
        last = date.fromisoformat(query.get("end", (first + timedelta(days=30)).isoformat()))
        days = [first + timedelta(days=number) for number in range(max((last - first).days, 0) + 1)]
        open_days = [day for day in days if day.weekday() < 5]
        return HttpResponse(
            200, [{"date": str(day), **_SESSION, "settlement_date": str(day + timedelta(days=1))} for day in open_days]
        )

    # ---- assets -------------------------------------------------------------------------------------------------

    def _shares(self) -> list[str]:
        listings = self._market.listings.values()
        return [each.symbol for each in listings if each.asset_class is AssetClass.EQUITY]

    def _assets(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        return HttpResponse(200, [self._asset_document(symbol) for symbol in self._shares()])

    def _asset(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        return HttpResponse(200, self._asset_document(self._brokerage.listed(our_symbol(match["symbol"])).symbol))

    def _asset_document(self, symbol: str) -> dict[str, Any]:
        is_shortable = symbol not in self._brokerage.setup.hard_to_borrow
        listing = self._market.listings.get(symbol)
        name = listing.description if listing else ""
        return documents.asset_document(symbol, is_shortable=is_shortable, name=name)

    # ---- orders -------------------------------------------------------------------------------------------------

    def _orders(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        query = _query(request)
        after, until = _moment(query.get("after")), _moment(query.get("until"))
        status, symbols = query.get("status", "open"), {s for s in query.get("symbols", "").split(",") if s}
        limit = int(query.get("limit", 50))
        if not 1 <= limit <= 500:
            raise RuleBroken(422, VALIDATION, "limit must be between 1 and 500")
        found = [
            order
            for order in self._brokerage.orders(self._account)
            if status in ("all", "closed" if order.state.is_final else "open")
            and (after is None or order.placed_ts > after)
            and (until is None or order.placed_ts < until)
            and (not symbols or documents.symbol_of(order.symbol) in symbols)
            and query.get("side", order.ticket.side.value) == order.ticket.side.value
        ]
        if query.get("direction", "desc") == "desc":
            found.reverse()
        is_nested = query.get("nested", "false").lower() == "true"
        shown = [order for order in found if not (is_nested and _is_leg(order))]
        return HttpResponse(200, [self._document(order, with_legs=is_nested) for order in shown[:limit]])

    def _place(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        body: OrderBody = read(request.body, OrderBody)
        ticket = ticket_of(body, self._brokerage, self._account)
        kind = body.order_class
        if kind in ("", "simple"):
            orders = [self._brokerage.place(self._account, ticket)]
        elif kind == "oco":
            # The order itself is the profit's leg.
            orders = self._brokerage.place_oco(self._account, self._named(children_of(body, ticket), ticket))
        elif kind in ("bracket", "oto"):
            is_oco = kind == "bracket"
            children = children_of(body, ticket)
            orders = self._brokerage.place_bracket(self._account, ticket, children, is_oco=is_oco)
        else:
            raise RuleBroken(422, VALIDATION, f"invalid order_class {kind!r}")
        return HttpResponse(200, documents.order_document(orders[0], legs=orders[1:]))

    @staticmethod
    def _named(children: list[Ticket], ticket: Ticket) -> list[Ticket]:
        return [msgspec.structs.replace(children[0], tag=ticket.tag), *children[1:]]

    def _order(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        is_nested = _query(request).get("nested", "false").lower() == "true"
        return HttpResponse(200, self._document(self._find(match["id"]), with_legs=is_nested))

    def _by_name(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        name = _query(request).get("client_order_id", "")
        for order in self._brokerage.orders(self._account):
            document = documents.order_document(order)
            if document["client_order_id"] == name:
                return HttpResponse(200, document)
        raise NotFound("order not found for " + name)

    def _replace(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        old = self._find(match["id"])
        ticket = changed(read(request.body, ChangeBody), old, self._brokerage)
        return HttpResponse(200, documents.order_document(self._brokerage.replace(self._account, old.id, ticket)))

    def _cancel(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        self._brokerage.cancel(self._account, self._find(match["id"]).id)
        return HttpResponse(204)

    def _cancel_all(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        return HttpResponse(207, self._cancel_open())

    def _cancel_open(self) -> list[dict[str, Any]]:
        asked = []
        for order in self._brokerage.orders(self._account):
            if not order.state.is_final:
                self._brokerage.cancel(self._account, order.id)
                asked.append({"id": documents.order_uuid(order.id), "status": 200})
        return asked

    def _find(self, name: str) -> SimOrder:
        return self._brokerage.order(self._account, documents.order_number(name))

    def _document(self, order: SimOrder, *, with_legs: bool) -> dict[str, Any]:
        if not with_legs or not order.group or _is_leg(order):
            return documents.order_document(order)
        others = [leg for leg in self._brokerage.group(self._account, order.group) if leg.id != order.id]
        return documents.order_document(order, legs=others)

    # ---- positions ----------------------------------------------------------------------------------------------

    def _positions(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        return HttpResponse(200, [self._position_document(symbol) for symbol in self._held()])

    def _position(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        return HttpResponse(200, self._position_document(self._held_symbol(match["symbol"])))

    def _close_position(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        query = _query(request)
        return HttpResponse(200, self._close(self._held_symbol(match["symbol"]), query.get("qty")))

    def _close_all(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        if _query(request).get("cancel_orders", "false").lower() == "true":
            self._cancel_open()
        closed = [{"symbol": symbol, "status": 200, "body": self._close(symbol, None)} for symbol in self._held()]
        return HttpResponse(207, closed)

    def _close(self, symbol: str, quantity: str | None) -> dict[str, Any]:
        held = self._brokerage.account(self._account).quantity(symbol)
        wanted = Decimal(quantity) if quantity else abs(held)
        body = OrderBody(
            symbol=documents.symbol_of(symbol), side=Side.SELL if held > 0 else Side.BUY, type=OrderType.MARKET,
            time_in_force="day", qty=wanted,
        )  # fmt: skip
        ticket = ticket_of(body, self._brokerage, self._account)
        return documents.order_document(self._brokerage.place(self._account, ticket))

    def _held(self) -> list[str]:
        return [name for name, held in self._brokerage.account(self._account).holdings.items() if held.quantity]

    def _held_symbol(self, text: str) -> str:
        symbol = our_symbol(text)
        if symbol not in self._held():
            raise NotFound("position does not exist")
        return symbol

    def _position_document(self, symbol: str) -> dict[str, Any]:
        held = self._brokerage.account(self._account).holdings[symbol]
        side = Side.SELL if held.quantity > 0 else Side.BUY
        promised = reserved(self._brokerage, self._account, symbol, side)
        return documents.position_document(held, self._brokerage.price_of, reserved=promised)


def _is_leg(order: SimOrder) -> bool:
    """Whether it is shown inside another one: a bracket's exits, and the stop of an OCO."""
    if order.parent:
        return True
    return order.ticket.payload.get("order_class") == "oco" and order.ticket.type is not OrderType.LIMIT


def _query(request: HttpRequest) -> dict[str, str]:
    return {name: values[-1] for name, values in request.query.items()}


def _moment(text: str | None) -> int | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise RuleBroken(422, VALIDATION, f"invalid time {text!r}") from None
    return from_datetime(found if found.tzinfo else found.replace(tzinfo=UTC))
