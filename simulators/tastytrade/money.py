"""What tastytrade says an order will cost: buying power and fees."""

from decimal import Decimal
from typing import Any

from simulators.brokerage.account import fee_of
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.orders import Ticket
from simulators.tastytrade.words import amount, effect

ZERO = Decimal(0)


def power_effect(brokerage: Brokerage, number: str, ticket: Ticket) -> dict[str, Any]:
    """The change of the buying power if the order trades at its price, or the last one."""
    account, listed = brokerage.account(number), brokerage.listed(ticket.symbol)
    price = ticket.limit_price or ticket.stop_price or brokerage.price_of(ticket.symbol) or ZERO
    before = account.quantity(listed.symbol)
    after = before + ticket.quantity * ticket.side.sign
    margin = account.margin(listed.instrument, after, price) - account.margin(listed.instrument, before, price)
    current = account.buying_power(brokerage.price_of)
    change = -margin - fee_of(listed.instrument, ticket.quantity)
    document: dict[str, Any] = {"is-spread": False, "impact": amount(abs(change)), "effect": effect(change)}
    for name, value in (
        ("change-in-margin-requirement", -margin),
        ("change-in-buying-power", change),
        ("current-buying-power", current),
        ("new-buying-power", current + change),
        ("isolated-order-margin-requirement", -margin),
    ):
        document |= {name: amount(abs(value)), f"{name}-effect": effect(value)}
    return document


def fees(brokerage: Brokerage, ticket: Ticket) -> dict[str, Any]:
    total = fee_of(brokerage.listed(ticket.symbol).instrument, ticket.quantity)
    document: dict[str, Any] = {}
    for name, value in (
        ("regulatory-fees", ZERO),
        ("clearing-fees", ZERO),
        ("commission", total),
        ("proprietary-index-option-fees", ZERO),
        ("total-fees", total),
    ):
        document |= {name: amount(value), f"{name}-effect": effect(-value)}
    return document
