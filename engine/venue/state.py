"""The simulated venue's state as bytes, and back."""

import random
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from engine.snapshot import seal, unseal
from engine.venue.expiry import Expiries
from engine.venue.fills import Touch
from engine.venue.margin import MarginAccount
from engine.venue.working import AUTO, SymbolBook, WorkingOrder

KIND = "venue"
VERSION = 1


class BookState(msgspec.Struct):
    """One symbol's book."""

    symbol: str
    timeframe: str
    on_ticks: bool
    last: float
    bid: float
    ask: float
    orders: list[WorkingOrder]


class VenueState(msgspec.Struct):
    """Everything a venue owns but its models."""

    books: list[BookState]
    accepted: int
    rng: tuple[int, list[int], float | None]
    accounts: dict[str, tuple[Decimal, dict[str, Decimal]]]
    contracts: list[str]


def save(
    books: Iterable[SymbolBook],
    *,
    accepted: int,
    rng: random.Random,
    margin: Mapping[str, MarginAccount],
    expiries: Expiries,
) -> bytes:
    """All of it as bytes."""
    version, internal, gauss = rng.getstate()
    state = VenueState(
        books=[_book_state(book) for book in books],
        accepted=accepted,
        rng=(version, list(internal), gauss),
        accounts={broker: (account.cash, account.held) for broker, account in margin.items()},
        contracts=expiries.left(),
    )
    return seal(KIND, VERSION, state)


def load(
    data: bytes, *, rng: random.Random, margin: Mapping[str, MarginAccount], matching: Mapping[str, str]
) -> tuple[list[SymbolBook], int, list[str]]:
    """The books, the number of orders accepted, the contracts that have not ended; the rest is put where it belongs."""
    state = unseal(data, KIND, VERSION, VenueState)
    version, internal, gauss = state.rng
    rng.setstate((version, tuple(internal), gauss))
    for broker, (cash, held) in state.accounts.items():
        if broker in margin:
            margin[broker].cash, margin[broker].held = cash, held
    return [_book_from(book, matching.get(book.symbol, AUTO)) for book in state.books], state.accepted, state.contracts


def _book_state(book: SymbolBook) -> BookState:
    touch = book.touch
    return BookState(book.symbol, book.timeframe, book.on_ticks, touch.last, touch.bid, touch.ask, list(book))


def _book_from(state: BookState, mode: str) -> SymbolBook:
    book = SymbolBook(state.symbol, mode)
    book.timeframe, book.on_ticks = state.timeframe, state.on_ticks
    book.touch = Touch(state.last, state.bid, state.ask)
    book.orders = {working.order.client_id: working for working in state.orders}
    book.refresh()
    return book
