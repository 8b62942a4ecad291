"""What breaks the even flow of prices: lost events, a feed in doubt, splits, contracts that end."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.model.event import Event
from engine.model.market import FeedGap, FeedStateChanged, Settled, Split

if TYPE_CHECKING:
    from engine.core.engine import Engine
    from engine.core.streams import Stream


def feed_state(engine: "Engine", event: FeedStateChanged) -> Sequence[Event]:
    """A feed that is stale or suspect decides no entry and no exit by price. A gap leaves the price as good as it is:
    what it keeps from entering is told by `FeedGap`, and over in each timeframe with its next whole bar."""
    symbol = engine.symbols.get(event.symbol)
    if symbol is not None:
        is_priced = event.state in ("fresh", "gapped")
        symbol.doubt = "" if is_priced else f"the feed is {event.state}: {event.reason}".rstrip(": ")
    return engine.advance(event.ts)


def gap(engine: "Engine", event: FeedGap) -> Sequence[Event]:
    """Events were lost: the symbol's slots warm up again, and need a whole bar, before they enter."""
    symbol = engine.symbols.get(event.symbol)
    out = list(engine.advance(event.ts))
    if symbol is not None:
        symbol.gap = event.reason or "events were lost"
        for timeframe, stream in symbol.streams.items():
            if not event.mended:
                stream.lost = symbol.gap
            elif timeframe == event.mended:
                stream.lost = ""
        engine.begin_rewarm(event.symbol)
        for slot in symbol.slots:
            engine.pursuit.announce(slot, symbol, event.ts, out)
    return out


def whole_again(engine: "Engine", stream: "Stream", ts: int, out: list[Event]) -> None:
    """A whole bar has come behind what was lost: the slots that read this timeframe may enter again."""
    stream.lost = ""
    symbol = engine.symbols[stream.symbol]
    for slot in symbol.slots:
        engine.pursuit.announce(slot, symbol, ts, out)


def split(engine: "Engine", event: Split) -> Sequence[Event]:
    """Positions count in new shares; orders at old prices are withdrawn; indicators warm up on adjusted history."""
    symbol = engine.symbols.get(event.symbol)
    if symbol is None or event.ratio == 1:
        return engine.advance(event.ts)
    out = list(engine.advance(event.ts))
    out += engine.ledger.split(event.symbol, event.ratio, event.ts)
    symbol.price /= float(event.ratio)
    symbol.gap = f"split {event.ratio}:1"
    engine.begin_rewarm(event.symbol)
    for slot in symbol.slots:
        for holding in slot.holdings:
            engine.desk.withdraw(list(holding.working.values()), event.ts, "split", out)
            engine.guards.rebase(holding, float(event.ratio), event.ts, out)
        engine.pursuit.announce(slot, symbol, event.ts, out)
    return out


def settle(engine: "Engine", event: Settled) -> Sequence[Event]:
    """The contract ended: what is held of it becomes cash at that price."""
    out = list(engine.advance(event.ts))
    for holding in [each for each in engine.holdings.values() if each.symbol == event.symbol]:
        booked = engine.desk.settle_in_cash(holding, event.price, event.ts)
        if booked is not None:
            closing, follows = booked
            out += follows
            if engine.keeps_accounts:
                engine.account(holding, closing, follows)
            engine.guards.settle(holding, event.ts, out)
        engine.pursuit.follow_position(engine.slots[holding.slot_key])
    return out
