"""The simulated venue: takes approved orders, answers with what a real venue would report."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from msgspec.structs import replace

from engine.instruments.catalog import instrument_for
from engine.instruments.instrument import Instrument
from engine.instruments.options import OptionContract, is_option, parse_option
from engine.model.event import Event
from engine.model.market import NAN, Bar, PartialBar, Quote, Settled, Split, Tick
from engine.model.orders import (
    ApprovedOrder,
    CancelRequested,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    StopMoved,
    StopMoveRefused,
    StopMoveRequested,
)
from engine.venue.crossing import Match, at_open, inside_bar, on_partial, on_print
from engine.venue.expiry import Expiries, intrinsic
from engine.venue.fees import Fees
from engine.venue.fills import FillModel, Touch, TouchFill
from engine.venue.latency import Latency, NoLatency
from engine.venue.margin import MarginAccount
from engine.venue.refusal import Refuses
from engine.venue.slippage import Slippage
from engine.venue.state import load, save
from engine.venue.terms import Terms
from engine.venue.working import AUTO, SymbolBook, WorkingOrder, missing_price, working_order

NOTHING: tuple[Event, ...] = ()
NOTHING_AT_ONCE = "immediate or cancel: nothing was to be had at once"
NO_MORE_AT_ONCE = "immediate or cancel: the rest was not to be had at once"


class SimulatedVenue:
    """Matches market, limit, stop, stop-limit and trailing orders, and one-cancels-other groups.

    `matching` says per symbol what it matches on: "ticks", a timeframe, or "auto" (the default): ticks once any tick,
    quote or partial bar of the symbol was seen, else the bars of its finest timeframe. An order never meets the event
    it was decided on: `match` comes before the engine sees the event. On bars a market order fills at the next bar's
    open, stamped with that bar's `ts_open`. `participation` bounds what one event fills to that share of its volume.
    An order "immediate or cancel" ends with the first event that it meets, a stop with the one that triggered it.
    Options need not be known before: the first order in one lists it, with its end. `refuses` has the last word on an
    order that the venue would take.
    """

    def __init__(
        self,
        *,
        instruments: Mapping[str, Instrument],
        fill: FillModel | None = None,
        slippage: Slippage | None = None,
        fees: Fees | Mapping[str, Fees] | None = None,
        latency: Latency | None = None,
        participation: float | None = None,
        margin: Mapping[str, MarginAccount] | None = None,
        options: Mapping[str, OptionContract] | None = None,
        matching: Mapping[str, str] | None = None,
        refuses: Refuses | None = None,
        seed: int = 0,
    ) -> None:
        self._instruments = dict(instruments)
        self._fill = fill or TouchFill()
        self._terms = Terms(slippage=slippage, fees=fees, participation=participation)
        self._latency = latency or NoLatency()
        self._delays = not isinstance(self._latency, NoLatency)
        self._refuses = refuses
        self._margin = margin or {}
        self._expiries = Expiries(options)
        self._matching = matching or {}
        self._rng = random.Random(seed)
        self._books: dict[str, SymbolBook] = {}
        self._symbol_of: dict[str, str] = {}
        self._accepted = 0
        self.is_timeless = not options  # nothing happens here but by an event that has a matcher
        self.matchers: dict[type[Event], Callable[[Event], Iterable[Event]]] = {
            Bar: self._on_bar,  # type: ignore[dict-item]
            Tick: self._on_tick,  # type: ignore[dict-item]
            Quote: self._on_quote,  # type: ignore[dict-item]
            PartialBar: self._on_partial,  # type: ignore[dict-item]
            Split: self._on_split,  # type: ignore[dict-item]
        }

    def match(self, event: Event) -> Iterable[Event]:
        """What the event does to the working orders, one report at a time.

        Handle each report before taking the next: an order placed because of a fill at a bar's open is matched
        against the rest of that bar.
        """
        matcher = self.matchers.get(type(event))
        reports = NOTHING if matcher is None else matcher(event)
        return self._with_expiries(event.ts, reports) if event.ts >= self._expiries.next_ts else reports

    def execute(self, approved: ApprovedOrder) -> list[Event]:
        """Take an order. The answer is its acceptance or its rejection; fills come from later events."""
        order = approved.order
        if order.symbol not in self._instruments:
            self._list(order.symbol)
        problem, code = self._problem(order), "invalid_order"
        if not problem and order.broker in self._margin:
            account = self._margin[order.broker]
            problem, code = account.problem(order, self._instruments, self._last_price), "buying_power"
        refusal = None if problem or self._refuses is None else self._refuses(approved)
        if refusal is not None:
            problem, code = refusal.reason, refusal.rule
        if problem:
            return [OrderRejected(approved.ts, order.client_id, problem, code)]
        book = self._book(order.symbol)
        active = approved.ts + self._latency.delay_ns(self._rng) if self._delays else approved.ts
        working = working_order(order, active_ts=active, last=book.touch.last, quote=book.touch.side(order.side))
        self._accepted += 1
        working.venue_id = f"sim-{self._accepted}"
        book.add(working)
        self._symbol_of[order.client_id] = order.symbol
        return [OrderAccepted(approved.ts, order.client_id, working.venue_id)]

    def cancel(self, request: CancelRequested) -> list[Event]:
        """Cancel a working order; nothing when there is none of that id (it filled first, and said so)."""
        book, working = self._find(request.client_id)
        if book is None or working is None:
            return []
        delay = self._latency.delay_ns(self._rng) if self._delays else 0
        if delay:
            working.cancel_ts = request.ts + delay
            book.refresh()
            return []
        return [self._drop(book, working, request.ts, request.reason)]

    def move(self, request: StopMoveRequested) -> list[Event]:
        """Change the price of a stop that waits; nothing when there is no order of that id any more."""
        book, working = self._find(request.client_id)
        if book is None or working is None:
            return []
        if not working.is_stop or working.trail == working.trail:
            return [StopMoveRefused(request.ts, request.client_id, "it does not wait at a fixed price")]
        working.order = replace(working.order, stop_price=request.stop_price)
        working.level = float(request.stop_price)
        book.refresh()
        return [StopMoved(request.ts, request.client_id, working.venue_id, request.stop_price)]

    @property
    def working(self) -> list[Order]:
        """The orders that wait, oldest first per symbol."""
        return [w.order for book in self._books.values() for w in book]

    def snapshot(self) -> bytes:
        """The state, for `restore`. Models are configuration and are not part of it."""
        return save(
            self._books.values(),
            accepted=self._accepted,
            rng=self._rng,
            margin=self._margin,
            expiries=self._expiries,
        )

    def restore(self, data: bytes) -> None:
        """Continue from a snapshot; another version is refused."""
        books, self._accepted, contracts = load(data, rng=self._rng, margin=self._margin, matching=self._matching)
        self._expiries.keep(contracts)
        for symbol in sorted(set(contracts) - self._instruments.keys()):
            self._list(symbol)
        self._books = {book.symbol: book for book in books}
        self._symbol_of = {w.order.client_id: s for s, book in self._books.items() for w in book}

    # ---- events ----------------------------------------------------------------------------------------------

    def _on_bar(self, bar: Bar) -> Iterable[Event]:
        book = self._books.get(bar.symbol) or self._book(bar.symbol)
        if bar.timeframe != book.timeframe:
            if book.on_ticks or not book.adopts(bar.timeframe):
                return NOTHING
            book.timeframe = bar.timeframe
        elif book.on_ticks:
            return NOTHING
        if book.orders and (book.is_urgent or bar.low <= book.floor or bar.high >= book.ceiling):
            return self._bar_reports(book, bar)
        book.touch.last = bar.close
        return NOTHING

    def _bar_reports(self, book: SymbolBook, bar: Bar) -> Iterator[Event]:
        if self._delays:
            yield from self._due_cancels(book, bar.ts_open)
        for match in at_open(book, bar, set()):
            yield from self._report(book, match, None, bar.volume)
        if book.is_immediate:
            yield from self._end_immediate(book, [w for w in book if w.active_ts <= bar.ts_open], bar.ts_open)
        if book.orders and (book.is_urgent or bar.low <= book.floor or bar.high >= book.ceiling):
            for match in inside_bar(book, bar):
                yield from self._report(book, match, None, bar.volume)
            book.refresh()
        if book.is_immediate:
            yield from self._end_immediate(book, [w for w in book if w.active_ts <= bar.ts_open], bar.ts)
        book.touch.last = bar.close

    def _on_tick(self, tick: Tick) -> Iterable[Event]:
        book = self._books.get(tick.symbol) or self._book(tick.symbol)
        touch = book.touch
        touch.last = price = tick.price
        if tick.bid == tick.bid:
            touch.bid = tick.bid
        if tick.ask == tick.ask:
            touch.ask = tick.ask
        if not book.goes_by_ticks() or not book.orders:
            return NOTHING
        if (
            book.is_urgent
            or price <= book.floor
            or price >= book.ceiling
            or touch.ask <= book.floor
            or touch.bid >= book.ceiling
        ):
            return self._print_reports(book, tick.ts, tick.size)
        return NOTHING

    def _on_quote(self, quote: Quote) -> Iterable[Event]:
        book = self._books.get(quote.symbol) or self._book(quote.symbol)
        touch = book.touch
        touch.bid, touch.ask = quote.bid, quote.ask
        if not book.goes_by_ticks() or not book.orders:
            return NOTHING
        return self._print_reports(book, quote.ts, 0.0)

    def _print_reports(self, book: SymbolBook, ts: int, volume: float) -> Iterator[Event]:
        yield from self._due_cancels(book, ts)
        for match in on_print(book, ts, book.touch, self._fill):
            yield from self._report(book, match, book.touch, volume)
        yield from self._after_prints(book, ts)

    def _on_partial(self, partial: PartialBar) -> Iterable[Event]:
        book = self._books.get(partial.symbol) or self._book(partial.symbol)
        touch = book.touch
        touch.last, touch.bid, touch.ask = partial.close, partial.bid, partial.ask
        if not book.goes_by_ticks() or not book.orders:
            return NOTHING
        if book.is_urgent or partial.low_since <= book.floor or partial.high_since >= book.ceiling:
            return self._partial_reports(book, partial)
        return NOTHING

    def _partial_reports(self, book: SymbolBook, partial: PartialBar) -> Iterator[Event]:
        yield from self._due_cancels(book, partial.ts)
        for match in on_partial(book, partial, self._fill, book.touch):
            yield from self._report(book, match, book.touch, 0.0)
        yield from self._after_prints(book, partial.ts)

    def _after_prints(self, book: SymbolBook, ts: int) -> Iterator[Event]:
        if book.is_immediate:
            yield from self._end_immediate(book, [w for w in book if not w.is_new], ts)
        book.refresh()

    def _end_immediate(self, book: SymbolBook, met: Iterable[WorkingOrder], ts: int) -> Iterator[Event]:
        """Of those that met the market: what must fill at once and did not."""
        for working in met:
            if working.is_immediate and not working.is_stop and working.order.client_id in book.orders:
                yield self._drop(book, working, ts, NO_MORE_AT_ONCE if working.filled else NOTHING_AT_ONCE)

    def _on_split(self, split: Split) -> Iterable[Event]:
        """Prices and holdings are counted in new shares from now on; the engine withdraws the old orders."""
        touch, ratio = self._book(split.symbol).touch, float(split.ratio)
        touch.last, touch.bid, touch.ask = touch.last / ratio, touch.bid / ratio, touch.ask / ratio
        for account in self._margin.values():
            if split.symbol in account.held:
                account.held[split.symbol] *= split.ratio
        return NOTHING

    def _with_expiries(self, ts: int, reports: Iterable[Event]) -> Iterator[Event]:
        """After the event itself: contracts that ended are settled in cash, their orders expire."""
        yield from reports
        for symbol, contract in self._expiries.due(ts):
            for working in list(self._book(symbol).orders.values()):
                self._forget(self._book(symbol), working)
                yield OrderExpired(ts, working.order.client_id)
            spot = self._last_price(contract.underlying)
            if spot is not None:
                price = intrinsic(contract, spot)
                for account in self._margin.values():
                    held = account.held.pop(symbol, Decimal(0))
                    account.cash += held * price * self._instruments[symbol].multiplier
                yield Settled(ts, symbol, price)

    def _last_price(self, symbol: str) -> Decimal | None:
        """The last price on the symbol's grid; None before the first."""
        book, instrument = self._books.get(symbol), self._instruments.get(symbol)
        if book is None or instrument is None or book.touch.last != book.touch.last:
            return None
        return instrument.price(book.touch.last)

    # ---- reports ---------------------------------------------------------------------------------------------

    def _report(self, book: SymbolBook, match: Match, touch: Touch | None, volume: float) -> Iterator[Event]:
        """What the match does to the order. Without a `touch` the price of the match is all that is known."""
        working, order = match.working, match.working.order
        instrument = self._instruments[order.symbol]
        quantity = self._terms.quantity(working, instrument, volume)
        if not quantity:
            return
        price = self._terms.price(match, instrument, touch, quantity=quantity, volume=volume)
        working.fills += 1
        fill = OrderFilled(
            match.ts,
            order.client_id,
            f"{order.client_id}/{working.fills}",
            order.strategy,
            order.symbol,
            order.broker,
            order.side,
            quantity,
            price,
            self._terms.fee(instrument, working, quantity=quantity, price=price),
            working.reference if working.reference == working.reference else NAN,  # no number of its own in JSON
            match.is_ambiguous,
        )
        if self._margin and order.broker in self._margin:
            self._margin[order.broker].apply(instrument, quantity * working.sign, price, fill.fee)
        working.remaining -= quantity
        working.filled += quantity
        if not working.remaining:
            self._forget(book, working)
        yield fill
        if working.remaining or order.group:
            yield from self._after_fill(book, working, match.ts, quantity)

    def _after_fill(self, book: SymbolBook, working: WorkingOrder, ts: int, quantity: Decimal) -> Iterator[Event]:
        if working.remaining and working.filled + working.remaining < working.order.quantity:
            pass  # a reduced leg goes on with what is left of it
        elif not working.remaining and working.filled < working.order.quantity:
            yield OrderCancelled(ts, working.order.client_id, "reduced by its group")
        if working.remaining and working.is_immediate:
            yield self._drop(book, working, ts, NO_MORE_AT_ONCE)
        yield from self._reduce_group(book, working, ts, quantity)

    def _reduce_group(self, book: SymbolBook, working: WorkingOrder, ts: int, quantity: Decimal) -> Iterator[Event]:
        """One cancels (or, in part, reduces) the other: the legs together never trade more than the position."""
        for other in book.group(working):
            if other.is_stop is working.is_stop and working.is_stop is False:
                continue  # targets share the position among them
            other.remaining -= min(quantity, other.remaining)
            if not other.remaining:
                yield self._drop(book, other, ts, "one cancels other")

    # ---- orders ----------------------------------------------------------------------------------------------

    def _list(self, symbol: str) -> None:
        """From now on the option trades here, until its end. Others, and those that end on opening prices, do not."""
        if is_option(symbol) and not (contract := parse_option(symbol)).is_am_settled:
            self._instruments[symbol] = instrument_for(symbol)
            self._expiries.add(symbol, contract)
            self.is_timeless = False

    def _problem(self, order: Order) -> str:
        if order.symbol not in self._instruments:
            return f"the venue does not know {order.symbol!r}"
        if order.quantity <= 0:
            return f"a quantity above 0 was expected, found {order.quantity}"
        if order.client_id in self._symbol_of:
            return f"the order id {order.client_id!r} is in use"
        return missing_price(order)

    def _due_cancels(self, book: SymbolBook, ts: int) -> Iterator[Event]:
        for working in list(book.orders.values()):
            if 0 < working.cancel_ts <= ts:
                yield self._drop(book, working, working.cancel_ts, "cancelled")

    def _drop(self, book: SymbolBook, working: WorkingOrder, ts: int, reason: str) -> Event:
        self._forget(book, working)
        return OrderCancelled(ts, working.order.client_id, reason)

    def _book(self, symbol: str) -> SymbolBook:
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = SymbolBook(symbol, self._matching.get(symbol, AUTO))
        return book

    def _find(self, client_id: str) -> tuple[SymbolBook | None, WorkingOrder | None]:
        book = self._books.get(self._symbol_of.get(client_id, ""))
        return book, book.orders.get(client_id) if book else None

    def _forget(self, book: SymbolBook, working: WorkingOrder) -> None:
        self._symbol_of.pop(working.order.client_id, None)
        book.remove(working)
