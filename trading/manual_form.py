"""What the order form offers in a book: its symbols with their grids, and for each account what its venue takes."""

from decimal import Decimal
from typing import Any

from engine.instruments.catalog import instrument_for
from trading.book_services import book_of
from trading.manual_entry import MANUAL
from trading.manual_plan import venue_features
from trading.models import Book, Position, Run


def order_form(*, book: str) -> dict[str, Any]:
    """The symbols that are traded by hand in `book`; none while `manual` does not run there."""
    found = book_of(book)
    run = Run.objects.filter(book=found, strategy=MANUAL, state=Run.State.RUNNING).first()
    slots = run.slots if run is not None else []
    return {
        "book": found.name,
        "mode": found.mode,
        "is_running": run is not None,
        "symbols": [_symbol(found, slot) for slot in slots],
    }


def _symbol(book: Book, slot: dict[str, Any]) -> dict[str, Any]:
    instrument = instrument_for(slot["symbol"])
    held = {
        position.broker: position.quantity
        for position in Position.objects.filter(book=book, strategy=MANUAL, symbol=slot["symbol"])
    }
    return {
        "symbol": slot["symbol"],
        "asset_class": instrument.asset_class,
        "tick_size": _text(instrument.tick_size),
        "multiplier": _text(instrument.multiplier),
        "accounts": [
            _account(account, quantity, held.get(account, Decimal(0)))
            for account, quantity in sorted(slot["quantities"].items())
        ],
    }


def _account(account: str, quantity: str, held: Decimal) -> dict[str, Any]:
    features = venue_features(account)
    return {
        "account": account,
        "venue": features.title,
        "quantity": _text(Decimal(quantity)),
        "held": _text(held),
        "types": sorted(features.order_types),
        "tif": sorted(features.time_in_force),
    }


def _text(value: Decimal) -> str:
    return f"{value.normalize():f}"
