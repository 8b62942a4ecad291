"""`/trader/v1`: accounts by hash, orders, transactions, over the simulated broker."""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple

import msgspec

from engine.errors import InvalidInput, NotFound
from engine.model.time import from_datetime
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.faults import CANCEL, PLACE, QUERY, REPLACE
from simulators.brokerage.gate import Gate
from simulators.brokerage.orders import Refusal, SimOrder
from simulators.http_server import HttpRequest, HttpResponse
from simulators.schwab import documents
from simulators.schwab.answers import one, trader_error
from simulators.schwab.tickets import OrderBody, decode_order, rule_broken, ticket_of

PREFIX = "/trader/v1"
HOST = "https://api.schwabapi.com"  # Location names it whoever was asked
_MAX_RESULTS = 3_000
_INVALID = "A validation error occurred while processing the request."
_SENTENCES = {
    "buying_power": "You do not have enough available cash/buying power for this order.",
    "not_shortable": "This security is not available for short sale: hard to borrow.",
    "unknown_symbol": "Symbol not found.",
    "expired": "This option has expired.",
    "cannot_cancel": "The order cannot be canceled.",
    "cannot_replace": "The order cannot be replaced.",
}

Match = re.Match[str]


class Route(NamedTuple):
    """`action` is the kind of request, as order faults name it."""

    method: str
    pattern: re.Pattern[str]
    action: str
    handle: Callable[[HttpRequest, Match], HttpResponse]


def account_hash(number: str) -> str:
    """What stands for an account's number in paths."""
    return hashlib.sha256(f"schwab/{number}".encode()).hexdigest().upper()


class TraderDesk:
    """Answers what needs an access token; `gate` is where order faults strike."""

    def __init__(self, brokerage: Brokerage, gate: Gate) -> None:
        self._brokerage = brokerage
        self._gate = gate
        self._numbers = {account_hash(number): number for number in brokerage.accounts}
        account = r"/accounts/(?P<hash>[^/]+)"
        order = account + r"/orders/(?P<id>\d+)"
        self._routes = [
            Route(method, re.compile(PREFIX + pattern), action, handle)
            for method, pattern, action, handle in (
                ("GET", r"/accounts/accountNumbers", QUERY, self._account_numbers),
                ("GET", r"/accounts", QUERY, self._accounts),
                ("GET", account, QUERY, self._account),
                ("GET", r"/orders", QUERY, self._all_orders),
                ("GET", account + r"/orders", QUERY, self._orders),
                ("POST", account + r"/orders", PLACE, self._place),
                ("POST", account + r"/previewOrder", QUERY, self._preview),
                ("GET", order, QUERY, self._order),
                ("PUT", order, REPLACE, self._replace),
                ("DELETE", order, CANCEL, self._cancel),
                ("GET", account + r"/transactions", QUERY, self._transactions),
            )
        ]

    def answer(self, request: HttpRequest) -> HttpResponse | None:
        """None for a path that is not ours."""
        for route in self._routes:
            match = route.pattern.fullmatch(request.path)
            if match is not None and request.method == route.method:
                return self._gate.answer(route.action, partial(self._answer, route, request, match))
        return None

    def _answer(self, route: Route, request: HttpRequest, match: Match) -> HttpResponse:
        try:
            return route.handle(request, match)
        except Refusal as refused:
            text = refused.code if refused.is_injected else _SENTENCES.get(refused.code, refused.detail)
            return trader_error(400, _INVALID, text)
        except NotFound as missing:
            if missing.field == "symbol":
                return trader_error(
                    400, "A validation error occurred while processing the request.", "Symbol not found."
                )
            return trader_error(404, missing.detail)
        except (msgspec.DecodeError, InvalidInput) as broken:
            return trader_error(400, f"Bad request: {broken}")

    # ---- accounts ---------------------------------------------------------------------------------------------

    def _account_numbers(self, request: HttpRequest, match: Match) -> HttpResponse:
        return HttpResponse(200, [{"accountNumber": number, "hashValue": key} for key, number in self._numbers.items()])

    def _accounts(self, request: HttpRequest, match: Match) -> HttpResponse:
        return HttpResponse(200, [self._account_document(number, request) for number in self._numbers.values()])

    def _account(self, request: HttpRequest, match: Match) -> HttpResponse:
        return HttpResponse(200, self._account_document(self._number(match), request))

    def _account_document(self, number: str, request: HttpRequest) -> documents.Document:
        with_positions = "positions" in one(request, "fields").split(",")
        broker = self._brokerage
        return documents.account_document(broker.account(number), broker.price_of, with_positions=with_positions)

    def _transactions(self, request: HttpRequest, match: Match) -> HttpResponse:
        start, end = _moment(request, "startDate"), _moment(request, "endDate")
        account = self._brokerage.account(self._number(match))
        kinds = one(request, "types", "TRADE").split(",")
        found = [each for each in account.executions if start <= each.ts <= end and "TRADE" in kinds]
        return HttpResponse(200, [documents.transaction_document(account, each) for each in reversed(found)])

    # ---- orders -----------------------------------------------------------------------------------------------

    def _all_orders(self, request: HttpRequest, match: Match) -> HttpResponse:
        found = [order for number in self._numbers.values() for order in self._brokerage.orders(number)]
        return self._listed(found, request)

    def _orders(self, request: HttpRequest, match: Match) -> HttpResponse:
        return self._listed(self._brokerage.orders(self._number(match)), request)

    def _listed(self, orders: list[SimOrder], request: HttpRequest) -> HttpResponse:
        """By the time they were entered, both ends required; newest first, groups nested."""
        start, end = _moment(request, "fromEnteredTime"), _moment(request, "toEnteredTime")
        wanted = one(request, "status")
        chosen = [
            order for order in orders if start <= order.placed_ts <= end and wanted in ("", documents.status_of(order))
        ]
        limit = int(one(request, "maxResults", str(_MAX_RESULTS)))
        return HttpResponse(200, documents.strategies(chosen)[:limit])

    def _order(self, request: HttpRequest, match: Match) -> HttpResponse:
        number, name = self._number(match), int(match["id"])
        group = documents.group_of(name)
        if not group:
            return HttpResponse(200, documents.order_document(self._brokerage.order(number, name)))
        members = self._brokerage.group(number, group)
        if not members:
            raise NotFound(f"There is no order {name}.", field="order")
        return HttpResponse(200, documents.strategies(members)[0])

    def _place(self, request: HttpRequest, match: Match) -> HttpResponse:
        number, body = self._number(match), decode_order(request.body)
        order = self._enter(number, body)
        is_oco = body.order_strategy_type == "OCO"  # it has a name of its own; a TRIGGER has that of its entry
        return self._created(match["hash"], documents.group_name(order.group) if is_oco else order.id)

    def _enter(self, number: str, body: OrderBody) -> SimOrder:
        broker, children = self._brokerage, body.child_order_strategies
        match body.order_strategy_type:
            case "SINGLE":
                return broker.place(number, ticket_of(body, broker, number))
            case "OCO" if len(children) > 1:
                return broker.place_oco(number, [ticket_of(each, broker, number) for each in children])[0]
            case "TRIGGER" if children:
                is_oco = children[0].order_strategy_type == "OCO"
                waiting = children[0].child_order_strategies if is_oco else children
                tickets = [ticket_of(each, broker, number, is_child=True) for each in waiting]
                return broker.place_bracket(number, ticket_of(body, broker, number), tickets, is_oco=is_oco)[0]
        raise rule_broken(f"orderStrategyType {body.order_strategy_type} is not supported")

    def _preview(self, request: HttpRequest, match: Match) -> HttpResponse:
        number, body = self._number(match), decode_order(request.body)
        refused: list[documents.Document] = []
        try:
            self._brokerage.preview(number, ticket_of(body, self._brokerage, number))
        except Refusal as refusal:
            text = _SENTENCES.get(refusal.code, refusal.detail)
            refused.append({"validationRuleName": refusal.code, "message": text, "activityMessage": text})
        result = {"alerts": [], "accepts": [], "rejects": refused, "reviews": [], "warns": []}
        return HttpResponse(200, {"orderId": 0, "orderValidationResult": result, "commissionAndFee": {}})

    def _replace(self, request: HttpRequest, match: Match) -> HttpResponse:
        number, body = self._number(match), decode_order(request.body)
        ticket = ticket_of(body, self._brokerage, number, is_child=True)
        return self._created(match["hash"], self._brokerage.replace(number, int(match["id"]), ticket).id)

    def _cancel(self, request: HttpRequest, match: Match) -> HttpResponse:
        self._brokerage.cancel(self._number(match), int(match["id"]))
        return HttpResponse(200)

    def _created(self, key: str, order_id: int) -> HttpResponse:
        """201 without a body; the order's name is in the address."""
        return HttpResponse(201, None, {"Location": f"{HOST}{PREFIX}/accounts/{key}/orders/{order_id}"})

    def _number(self, match: Match) -> str:
        found = self._numbers.get(match["hash"])
        if found is None:
            raise NotFound("Invalid account number: the encrypted one was expected.", field="account")
        return found


def _moment(request: HttpRequest, name: str) -> int:
    text = one(request, name)
    try:
        return from_datetime(datetime.fromisoformat(text))
    except ValueError as error:
        raise InvalidInput(f"{name}: yyyy-MM-dd'T'HH:mm:ss.SSSZ was expected, found {text!r}", field=name) from error
