"""The request that a real venue would have got for an order that was filled on paper."""

from functools import lru_cache
from typing import Any

import msgspec

from brokers.adapters import VENUES
from brokers.models import BrokerAccount
from brokers.registry import FEATURES
from brokers.venue import NotAuthorized, Venue, VenueSetup
from engine.errors import FortifiedError
from engine.instruments.catalog import instrument_for
from engine.model.orders import Order

ACCOUNT = "PAPER"  # stands where the number of an account that has none would


def would_send(order: Order) -> dict[str, Any] | None:
    """{"venue", "method", "path", "body"} in the dialect of the account's venue, as its adapter writes it; "refused"
    with the reason where that venue would not take such an order. None where the account is of no venue but ours."""
    account = BrokerAccount.objects.filter(name=order.broker).first()
    if account is None and order.broker not in FEATURES:
        return None
    venue = FEATURES.canonical(account.broker if account is not None else order.broker)
    if venue not in VENUES:
        return None
    try:
        request = _adapter(venue, account.account_number if account else "").request_for(
            order, instrument_for(order.symbol)
        )
    except FortifiedError as error:
        return {"venue": venue, "refused": error.detail}
    return {"venue": venue, **msgspec.to_builtins(request)}


@lru_cache(maxsize=64)
def _adapter(venue: str, number: str) -> Venue:
    """Never opened: writing a request needs neither the network nor a login."""
    return VENUES[venue].make(VenueSetup(venue, number or ACCOUNT, "", "", _no_login, {}))


async def _no_login() -> str:
    raise NotAuthorized("an order on paper is never sent")
