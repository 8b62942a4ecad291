"""Trades that somebody makes in an account with another program: what a platform must notice by itself."""

from decimal import Decimal

import msgspec

from engine.model.enums import OrderType, Side
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.orders import Refusal, Ticket
from simulators.http_server import HttpRequest, HttpResponse

PATH = "/by-hand"


class Trade(msgspec.Struct):
    """A market order; with `limit_price` a limit order."""

    account: str
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None = None


def trade_by_hand(request: HttpRequest, brokerage: Brokerage) -> HttpResponse:
    """`POST /by-hand {"account", "symbol", "side", "quantity"}` → the order's number at the venue."""
    if request.method != "POST":
        return HttpResponse(405, {"error": {"code": "method_not_allowed", "message": "POST was expected."}})
    wanted = msgspec.json.decode(request.body, type=Trade, strict=False)
    ticket = Ticket(
        symbol=wanted.symbol,
        side=wanted.side,
        quantity=wanted.quantity,
        type=OrderType.MARKET if wanted.limit_price is None else OrderType.LIMIT,
        limit_price=wanted.limit_price,
    )
    try:
        order = brokerage.place(wanted.account, ticket)
    except Refusal as refused:
        return HttpResponse(422, {"error": {"code": refused.code, "message": refused.detail}})
    return HttpResponse(201, {"order": order.id, "symbol": order.symbol})
