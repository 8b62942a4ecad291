"""tastytrade's REST interface over the simulated broker."""

import email.utils
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from engine.errors import NotFound
from engine.model.time import from_datetime, to_datetime
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.faults import CANCEL, PLACE, QUERY, REPLACE
from simulators.brokerage.gate import Gate
from simulators.brokerage.orders import Refusal, SimOrder, Ticket
from simulators.dxlink.quote_tokens import TokenDesk
from simulators.http_server import HttpRequest, HttpResponse
from simulators.market import Market
from simulators.sessions import NEW_YORK
from simulators.tastytrade import documents, filters, listings
from simulators.tastytrade.money import fees, power_effect
from simulators.tastytrade.quotes import snapshots
from simulators.tastytrade.requests import ChangeBody, ComplexBody, OrderBody, RuleBroken, changed, ticket_of
from simulators.tastytrade.words import CODES, error, ok, page, preflight, terms_of

Handler = Callable[[HttpRequest, re.Match[str]], HttpResponse]


class Route(NamedTuple):
    """`action` is the kind of request, as order faults name it."""

    method: str
    pattern: re.Pattern[str]
    action: str
    handle: Handler


class RestDesk:
    """Every route needs an access token; `gate` is where faults strike."""

    def __init__(self, brokerage: Brokerage, market: Market, tokens: TokenDesk, gate: Gate) -> None:
        self._brokerage = brokerage
        self._market = market
        self._tokens = tokens
        self._gate = gate
        account, order = r"/accounts/(?P<account>[^/]+)", r"/(?P<id>\d+)"
        self._routes = [
            Route(method, re.compile(pattern), action, handle)
            for method, pattern, action, handle in (
                ("GET", r"/customers/me/accounts", QUERY, self._accounts),
                ("GET", r"/customers/me/accounts/(?P<account>[^/]+)", QUERY, self._account),
                ("GET", account + r"/trading-status", QUERY, self._trading_status),
                ("GET", account + r"/balances(/USD)?", QUERY, self._balances),
                ("GET", account + r"/positions", QUERY, self._positions),
                ("GET", account + r"/transactions", QUERY, self._transactions),
                ("GET", account + r"/orders", QUERY, self._orders),
                ("GET", account + r"/orders/live", QUERY, self._live_orders),
                ("POST", account + r"/orders", PLACE, self._place),
                ("POST", account + r"/orders/dry-run", PLACE, self._dry_run),
                ("GET", account + "/orders" + order, QUERY, self._order),
                ("PUT", account + "/orders" + order, REPLACE, self._replace),
                ("PATCH", account + "/orders" + order, REPLACE, self._replace),
                ("DELETE", account + "/orders" + order, CANCEL, self._cancel),
                ("GET", account + r"/complex-orders(/live)?", QUERY, self._complex_orders),
                ("POST", account + r"/complex-orders", PLACE, self._place_complex),
                ("GET", account + "/complex-orders" + order, QUERY, self._complex_order),
                ("DELETE", account + "/complex-orders" + order, CANCEL, self._cancel_complex),
                ("GET", r"/instruments/equities/(?P<symbol>[^/]+)", QUERY, self._equity),
                ("GET", r"/instruments/futures", QUERY, self._futures),
                ("GET", r"/instruments/futures/(?P<symbol>[^/]+)", QUERY, self._future),
                ("GET", r"/market-data/by-type", QUERY, self._quotes),
                ("GET", r"/option-chains/(?P<symbol>[^/]+)/nested", QUERY, self._chain),
            )
        ]

    def handle(self, request: HttpRequest) -> HttpResponse | None:
        """None for a path that is not ours."""
        for route in self._routes:
            match = route.pattern.fullmatch(request.path)
            if match is not None and request.method == route.method:
                answer = self._gate.answer(route.action, partial(self._answer, route, request, match))
                return msgspec.structs.replace(answer, headers={**answer.headers, "Date": self._date()})
        return None

    def _date(self) -> str:
        """The venue's clock, as every answer shows it."""
        return email.utils.format_datetime(to_datetime(self._brokerage.now), usegmt=True)

    def _answer(self, route: Route, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        refusal = self._tokens.refusal(request)
        if refusal is not None:
            return refusal
        try:
            return route.handle(request, match)
        except Refusal as refused:
            code = refused.code if refused.is_injected else CODES.get(refused.code, refused.code)
            return preflight(code, refused.detail)
        except RuleBroken as broken:
            return preflight(broken.code, broken.detail)
        except NotFound as missing:
            if missing.field == "symbol" and route.method == "POST":
                return preflight("instrument_validation_failed", missing.detail)
            return error(404, "not_found", missing.detail)
        except (msgspec.ValidationError, msgspec.DecodeError) as broken:
            return error(400, "invalid_request", str(broken))

    # ---- the account ---------------------------------------------------------------------------------------

    def _accounts(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        return page([self._account_document(number) for number in self._brokerage.accounts], request.path)

    def _account(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        return ok(self._account_document(match["account"])["account"], request.path)

    def _account_document(self, number: str) -> dict[str, Any]:
        account = self._brokerage.account(number)
        return listings.account_document(number, account.opened_ts, is_margin=account.setup.is_margin)

    def _trading_status(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        account = self._brokerage.account(match["account"])
        return ok(listings.trading_status(account.number, self._brokerage.now), request.path)

    def _balances(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        account = self._brokerage.account(match["account"])
        return ok(documents.balance_document(account, self._brokerage.price_of, self._brokerage.now), request.path)

    def _positions(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        account = self._brokerage.account(match["account"])
        with_closed = request.query.get("include-closed-positions", ["false"])[0] == "true"
        held = [each for each in account.holdings.values() if each.quantity or with_closed]
        return page([documents.position_document(account, each) for each in held], request.path)

    def _transactions(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        account = self._brokerage.account(match["account"])
        executions = self._brokerage.executions(account.number, since=filters.start_of(request.query))
        actions = {order.id: terms_of(order)["action"] for order in self._brokerage.orders(account.number)}
        found = [documents.transaction_document(account, each, str(actions[each.order_id])) for each in executions]
        return page(found[::-1], request.path, **filters.paging(request.query, per_page=250))

    # ---- orders --------------------------------------------------------------------------------------------

    def _orders(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        orders = filters.chosen(self._brokerage.orders(match["account"]), request.query)
        shown = [documents.order_document(order) for order in orders]
        return page(shown, request.path, **filters.paging(request.query, per_page=10))

    def _live_orders(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        """Everything made or changed today, whatever its state."""
        today = to_datetime(self._brokerage.now).astimezone(NEW_YORK)
        midnight = from_datetime(today.replace(hour=0, minute=0, second=0, microsecond=0))
        orders = self._brokerage.orders(match["account"], since=midnight)
        return page([documents.order_document(order) for order in orders[::-1]], request.path)

    def _order(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        order = self._brokerage.order(match["account"], int(match["id"]))
        return ok(documents.order_document(order), request.path)

    def _place(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        body = msgspec.json.decode(request.body, type=OrderBody, strict=False)
        account = match["account"]
        ticket = ticket_of(body, self._brokerage, account)
        effects = self._effects(account, ticket)
        order = self._brokerage.place(account, ticket)
        return ok({"order": documents.order_document(order), **effects}, request.path, status=201)

    def _dry_run(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        body = msgspec.json.decode(request.body, type=OrderBody, strict=False)
        account = match["account"]
        ticket = ticket_of(body, self._brokerage, account)
        order = self._brokerage.preview(account, ticket)
        document = documents.order_document(order, with_id=False)
        return ok({"order": document, **self._effects(account, ticket)}, request.path, status=201)

    def _replace(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        body = msgspec.json.decode(request.body, type=ChangeBody, strict=False)
        account, old = match["account"], self._brokerage.order(match["account"], int(match["id"]))
        order = self._brokerage.replace(account, old.id, changed(body, old.ticket))
        return ok(documents.order_document(order), request.path)

    def _cancel(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        order = self._brokerage.cancel(match["account"], int(match["id"]))
        return ok(documents.order_document(order), request.path)

    # ---- complex orders ------------------------------------------------------------------------------------

    def _place_complex(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        body = msgspec.json.decode(request.body, type=ComplexBody, strict=False)
        account, broker = match["account"], self._brokerage
        children = [ticket_of(each, broker, account, is_child=True) for each in body.orders]
        if body.type == "OCO" and body.trigger_order is None:
            orders = broker.place_oco(account, children)
        elif body.type in ("OTOCO", "OTO") and body.trigger_order is not None:
            trigger = ticket_of(body.trigger_order, broker, account)
            orders = broker.place_bracket(account, trigger, children, is_oco=body.type == "OTOCO")
        else:
            raise RuleBroken("invalid_complex_order", "OCO, or OTOCO or OTO with a trigger order, was expected.")
        effects = self._effects(account, orders[0].ticket)
        return ok({"complex-order": documents.complex_document(orders), **effects}, request.path, status=201)

    def _complex_orders(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        groups: dict[int, list[SimOrder]] = {}
        for order in self._brokerage.orders(match["account"]):
            if order.group:
                groups.setdefault(order.group, []).append(order)
        found = [documents.complex_document(orders) for orders in groups.values()]
        return page(found[::-1], request.path, **filters.paging(request.query, per_page=10))

    def _complex_order(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        return ok(documents.complex_document(self._group(match)), request.path)

    def _cancel_complex(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        orders = self._group(match)
        is_open = [order for order in orders if not order.state.is_final]
        if not is_open:
            raise Refusal("cannot_cancel", "The complex order is over and cannot be cancelled.")
        self._brokerage.cancel(match["account"], is_open[0].id)
        return ok(documents.complex_document(self._group(match)), request.path)

    def _group(self, match: "re.Match[str]") -> list[SimOrder]:
        orders = self._brokerage.group(match["account"], int(match["id"]))
        if not orders:
            raise NotFound(f"There is no complex order {match['id']}.")
        return orders

    def _effects(self, account: str, ticket: Ticket) -> dict[str, Any]:
        return {
            "buying-power-effect": power_effect(self._brokerage, account, ticket),
            "fee-calculation": fees(self._brokerage, ticket),
            "warnings": [],
        }

    # ---- instruments ---------------------------------------------------------------------------------------

    def _equity(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        return ok(listings.equity_document(self._brokerage, unquote(match["symbol"])), request.path)

    def _futures(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        products, symbols = request.query.get("product-code[]", []), request.query.get("symbol[]", [])
        found = listings.futures(self._market, self._brokerage.now)
        chosen = [
            each
            for each in found
            if (not products or each["product-code"] in products) and (not symbols or each["symbol"] in symbols)
        ]
        return page(chosen, request.path)

    def _future(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        wanted = f"/{unquote(match['symbol']).removeprefix('/')}"
        for each in listings.futures(self._market, self._brokerage.now):
            if each["symbol"] == wanted:
                return ok(each, request.path)
        raise NotFound(f"There is no future {wanted}.")

    def _quotes(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        return page(snapshots(self._brokerage, self._market, request.query, self._brokerage.now), request.path)

    def _chain(self, request: HttpRequest, match: "re.Match[str]") -> HttpResponse:
        chain = listings.nested_chain(self._market, unquote(match["symbol"]), self._brokerage.now)
        return page(chain, request.path)
