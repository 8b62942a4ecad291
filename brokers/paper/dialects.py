"""Whose rules an account on paper follows: the venue that it stands for, asked without ever being called."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from brokers.adapters import VENUES
from brokers.models import BrokerAccount
from brokers.registry import FEATURES
from brokers.venue import NotAuthorized, Venue, VenueSetup

ACCOUNT = "PAPER"  # stands where the number of an account that has none would


class Spoken(NamedTuple):
    """The venue, and the number of the account there."""

    venue: str
    number: str = ""


def dialect_of(account: str) -> Spoken | None:
    """The venue that orders of `account` are meant for; None where it is none but ours."""
    known = BrokerAccount.objects.filter(name=account).first()
    name = known.broker if known is not None else account
    if name not in FEATURES or FEATURES.canonical(name) not in VENUES:
        return None
    return Spoken(FEATURES.canonical(name), known.account_number if known is not None else "")


def dialects_of(accounts: Iterable[str]) -> dict[str, str]:
    """account → venue, for those that stand for one."""
    found = {account: dialect_of(account) for account in accounts}
    return {account: spoken.venue for account, spoken in found.items() if spoken is not None}


@lru_cache(maxsize=64)
def speaker(venue: str, number: str = "") -> Venue:
    """The venue's adapter. Never opened: what it would send, and would not take, needs neither network nor login."""
    return VENUES[venue].make(VenueSetup(venue, number or ACCOUNT, "", "", _no_login, {}))


async def _no_login() -> str:
    raise NotAuthorized("an order on paper is never sent")
