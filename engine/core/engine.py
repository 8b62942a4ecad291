"""`Engine.process`: one event in, everything that follows from it out."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from engine.core import account_checks, commands, day_orders, disruptions, persistence
from engine.core.answers import Answers
from engine.core.build import build, connect
from engine.core.config import EngineConfig, check_config
from engine.core.contracts import Contracts
from engine.core.desk import Desk
from engine.core.guards import Guards
from engine.core.holding import Holding
from engine.core.pursuit import Pursuit
from engine.core.sizer import Sizer
from engine.core.slots import Slot
from engine.core.streams import Stream, SymbolState
from engine.decision.correlation import Correlations
from engine.instruments.sessions import session_of
from engine.model.accounts import AccountChecked
from engine.model.commands import Command
from engine.model.event import Event
from engine.model.market import Bar, FeedGap, FeedStateChanged, PartialBar, Quote, Settled, Split, Tick, TimeAdvanced
from engine.model.orders import (
    OrderAccepted,
    OrderBecameUnknown,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
    StopMoved,
    StopMoveRefused,
)
from engine.model.positions import PositionChanged, TradeClosed
from engine.model.signals import SlotStateChanged, WarmupProgressed
from engine.options.events import ChainReceived
from engine.orders.lifecycle import OrderRecord
from engine.portfolio.equity import Accounts
from engine.portfolio.ledger import Ledger, position_changed
from engine.registry import Registry
from engine.risk.gate import RiskGate
from engine.risk.rules import Facts
from engine.strategy.base import Strategy, Wish

NOTHING: tuple[Event, ...] = ()
NAN = float("nan")
Held = Mapping[tuple[str, str, str], Holding]


class Engine:
    """Events in, events out: ledger and order states, indicators, exits, strategies, decision, risk, orders.

    It has no clock and no I/O. An event that was handled before changes nothing and puts nothing out; so a run can be
    continued from a snapshot by handling again what came after it.
    """

    def __init__(self, config: EngineConfig, *, strategies: Registry[type[Strategy]]) -> None:
        check_config(config)
        config = msgspec.structs.replace(config, instruments=dict(config.instruments))  # contracts are added to them
        self.config = config
        self.now = 0
        self.ledger = Ledger(config.instruments)
        self.gate = RiskGate(config.risk)
        self.accounts = Accounts(session_of(config.risk.calendar) if config.risk.has_days else None)
        self.keeps_accounts, self._marks = config.keeps_accounts, config.risk.needs_marks
        self.desk = Desk(config, ledger=self.ledger, gate=self.gate, facts=lambda each, ts: self.facts(each.symbol, ts))
        self.rolls = self.desk.rolls
        self.guards = Guards(config, self.desk, atr=Sizer(self).atr_of)
        parts = build(config, strategies, self.ledger)
        self.symbols, self.slots, self.holdings = parts.symbols, parts.slots, parts.holdings
        self.correlations = Correlations(config.correlation) if config.correlation is not None else None
        self.contracts = Contracts(self)
        self.guards.timers += [self.contracts.on_time, partial(day_orders.on_time, self)]
        if self.rolls.roots:
            self.guards.timers.append(partial(self.rolls.on_time, self))
            self.guards.next_deadline = 0  # with the first event the next roll is known
        self.pursuit = Pursuit(
            self.desk,
            self.guards,
            self.gate,
            size_of=Sizer(self).size_of,
            slots=self.slots.values,
            correlations=self.correlations,
            contracts=self.contracts,
        )
        self.answers = Answers(self.slots.values)
        self.handled: dict[str, None] = {}  # ids of commands, oldest first
        self.checks: dict[str, AccountChecked] = {}  # by broker: the last comparison, with what is still open of it
        self.external: dict[str, dict[str, Decimal]] = {}  # broker → symbol → what is known to be somebody else's
        updates = (OrderRejected, OrderFilled, OrderCancelled, OrderExpired, StopMoved, StopMoveRefused)
        self.handlers: dict[type[Event], Callable[[Any], Sequence[Event]]] = {
            Bar: self._on_bar,
            Tick: self._on_tick,
            PartialBar: self._on_partial,
            Quote: self.contracts.quoted,
            ChainReceived: self.contracts.received,
            TimeAdvanced: self._on_time,
            FeedGap: partial(disruptions.gap, self),
            Split: partial(disruptions.split, self),
            Settled: partial(disruptions.settle, self),
            FeedStateChanged: partial(disruptions.feed_state, self),
            AccountChecked: partial(account_checks.checked, self),
            **dict.fromkeys(updates, self._on_update),
            **dict.fromkeys((OrderSubmitted, OrderAccepted, OrderBecameUnknown), self._on_progress),
            **dict.fromkeys(Command.__subclasses__(), self._on_command),
        }

    def process(self, event: Event) -> Sequence[Event]:
        """Handle one event: market data, an order's report, a command, or time. Facts of other engines are ignored."""
        handler = self.handlers.get(type(event))
        return NOTHING if handler is None else handler(event)

    # ---- reading -----------------------------------------------------------------------------------------------

    @property
    def positions(self) -> list[PositionChanged]:
        """Every position that was ever opened, as of the last fill."""
        return [position_changed(each, self.now) for each in self.ledger if each.quantity or each.trades]

    @property
    def open_orders(self) -> list[OrderRecord]:
        """Orders that are not done, as copies."""
        return [persistence.copy_record(record) for record in self.desk.orders]

    def price_of(self, symbol: str) -> float:
        """The last price seen; nan before the first."""
        state = self.symbols.get(symbol)
        return state.price if state else NAN

    def slot_states(self) -> list[SlotStateChanged | WarmupProgressed]:
        """Where every slot stands now, with the reason; and how far those are that warm up."""
        found: list[SlotStateChanged | WarmupProgressed] = []
        for slot in self.slots.values():
            symbol = self.symbols[slot.config.symbol]
            found.append(SlotStateChanged(self.now, *slot.config.key, *self.pursuit.state_of(slot, symbol)))
            if not slot.is_warm:
                found += slot.progress_events(self.now, symbol.counts())
        return found

    # ---- history, snapshots ------------------------------------------------------------------------------------

    def warm(self, bar: Bar) -> None:
        """Show a bar of the past: indicators and strategies see it, nothing is decided. Repeated ones are ignored."""
        symbol = self.symbols.get(bar.symbol)
        stream = symbol.streams.get(bar.timeframe) if symbol else None
        if symbol is None or stream is None or not bar.is_complete or not stream.accept_history(bar):
            return
        symbol.price, symbol.price_ts = bar.close, bar.ts
        if self.correlations is not None and bar.timeframe == symbol.slots[0].config.timeframe:
            self.correlations.see(bar.symbol, bar.ts, bar.close)
        for slot in stream.slots:
            if self._is_warm(slot, symbol, None):
                self._ask(slot, slot.on_bar, bar, [])
        for slot in stream.others:
            if self._is_warm(slot, symbol, None):
                self._ask(slot, slot.on_other_bar, bar, [])

    def begin_rewarm(self, symbol: str) -> None:
        """Forget indicators and strategy state of the symbol; positions, orders and exits stay. `warm` comes next."""
        state = self.symbols.get(symbol)
        if state is None:
            return
        for stream in state.streams.values():
            stream.reset()
        for slot in state.slots:
            slot.make_strategy()
            slot.is_warm = False
            connect(slot, state)

    def snapshot(self) -> bytes:
        """The whole state; the configuration is not part of it."""
        return persistence.snapshot(self)

    def restore(self, data: bytes) -> None:
        """Continue from a snapshot of the same run; `SnapshotIncompatible` says what does not fit. Nothing is
        half-restored: a refused snapshot leaves a new engine as it was."""
        persistence.restore(self, data)

    # ---- market ------------------------------------------------------------------------------------------------

    def _on_bar(self, bar: Bar) -> Sequence[Event]:
        symbol = self.symbols.get(bar.symbol)
        stream = symbol.streams.get(bar.timeframe) if symbol is not None else None
        if symbol is None or stream is None or not bar.is_complete:
            return self.advance(bar.ts)
        ts = bar.ts
        if ts <= stream.last_ts and stream.repeats(bar):
            return NOTHING
        if ts > self.now:
            self.now = ts
        stream.append(bar)
        symbol.price, symbol.price_ts = bar.close, ts
        if self.correlations is not None and bar.timeframe == symbol.slots[0].config.timeframe:
            self.correlations.see(bar.symbol, ts, bar.close)
        out: list[Event] = []
        if stream.lost:
            disruptions.whole_again(self, stream, ts, out)
        guards = self.guards
        held = guards.open.get(bar.symbol)
        if held is not None:
            self._watch(held, bar.low, bar.high, bar.close, ts, out)
        if ts >= guards.next_deadline:
            guards.on_time(ts, out)
        self._ask_slots(stream, symbol, bar, out)
        if stream.others:
            self._ask_others(stream, symbol, bar, out)
        if self.pursuit.collected:
            self.pursuit.decide(symbol, ts, out)
        return out or NOTHING

    def _on_tick(self, tick: Tick) -> Sequence[Event]:
        symbol = self.symbols.get(tick.symbol)
        if symbol is None or symbol.repeats(tick.seq, tick.ts):
            return self.advance(tick.ts)
        return self.on_price(symbol, tick.symbol, tick.price, tick.price, tick.price, tick.ts)

    def _on_partial(self, event: PartialBar) -> Sequence[Event]:
        symbol = self.symbols.get(event.symbol)
        if symbol is None or symbol.repeats(event.seq, event.ts):
            return self.advance(event.ts)
        return self.on_price(symbol, event.symbol, event.low_since, event.high_since, event.close, event.ts)

    def on_price(
        self, symbol: SymbolState, name: str, low: float, high: float, price: float, ts: int
    ) -> Sequence[Event]:
        """The market of a symbol covered low…high and is at `price` now."""
        if ts > self.now:
            self.now = ts
        symbol.price, symbol.price_ts = price, ts
        held = self.guards.open.get(name)
        if held is None and not symbol.tick_slots:
            return self.advance(ts)
        out: list[Event] = []
        if held is not None:
            self._watch(held, low, high, price, ts, out)
        if ts >= self.guards.next_deadline:
            self.guards.on_time(ts, out)
        for slot in symbol.tick_slots:
            if slot.is_warm:
                slot.view.price, slot.view.ts = price, ts
                wish = self._call(slot, slot.on_tick, ts, out)
                if wish is not None and wish.target != slot.target:
                    self.pursuit.collect(slot, wish, ts, 0, slot.config.timeframe)
        if self.pursuit.collected:
            self.pursuit.decide(symbol, ts, out)
        return out or NOTHING

    def _watch(self, held: Held, low: float, high: float, price: float, ts: int, out: list[Event]) -> None:
        """Open positions of a symbol meet the range that the market covered."""
        alarmed: list[Holding] | None = None
        for holding in held.values():
            position = holding.position
            if low < position.low:
                position.low = low
            if high > position.high:
                position.high = high
            if self._marks:
                self.accounts.mark(holding.key, position, price, ts)
            if low <= holding.low_alarm or high >= holding.high_alarm:
                alarmed = [*(alarmed or ()), holding]
        if alarmed is not None:
            self.guards.now = self.now
            doubt = self.symbols[alarmed[0].symbol].doubt
            for holding in alarmed:
                self.guards.on_price(holding, low, high, ts, doubt or self.rolls.doubt(holding, ts), out)

    def _on_time(self, event: TimeAdvanced) -> Sequence[Event]:
        return self.advance(event.ts)

    def advance(self, ts: int) -> Sequence[Event]:
        """Nothing but time."""
        if ts > self.now:
            self.now = ts
        if ts < self.guards.next_deadline:
            return NOTHING
        out: list[Event] = []
        self.guards.on_time(ts, out)
        return out

    # ---- strategies --------------------------------------------------------------------------------------------

    def _is_warm(self, slot: Slot, symbol: SymbolState, out: list[Event] | None) -> bool:
        """Whether the slot has seen enough. With `out`, tell how far it is; without (history), say nothing."""
        if slot.is_warm:
            return True
        if slot.fault:
            return False
        counts = symbol.counts()
        slot.is_warm = all(counts[timeframe] >= need for timeframe, need in slot.need.items())
        if slot.is_warm and all(other.is_warm for other in symbol.slots):
            symbol.gap = ""
        if out is not None:
            self.pursuit.tell_progress(slot, symbol, counts, self.now, out)
        return slot.is_warm

    def _ask_slots(self, stream: Stream, symbol: SymbolState, bar: Bar, out: list[Event]) -> None:
        ts = bar.ts
        for slot in stream.slots:
            slot.bars += 1
            if not slot.is_warm and not self._is_warm(slot, symbol, out):
                continue
            view = slot.view
            view.bar, view.price, view.ts = bar, bar.close, ts
            try:
                wish = slot.on_bar(slot.context)
            except Exception as error:  # noqa: BLE001 - whatever a strategy raises disables that slot, and it alone
                self.pursuit.fault(slot, error, ts, out)
                continue
            if wish is not None and wish.target != slot.target:
                self.pursuit.collect(slot, wish, ts, ts, bar.timeframe)

    def _ask_others(self, stream: Stream, symbol: SymbolState, bar: Bar, out: list[Event]) -> None:
        for slot in stream.others:
            if self._is_warm(slot, symbol, out):
                wish = self._ask(slot, slot.on_other_bar, bar, out)
                if wish is not None and wish.target != slot.target:
                    self.pursuit.collect(slot, wish, bar.ts, bar.ts, bar.timeframe)

    def _ask(self, slot: Slot, handler: Callable[..., Wish | None], bar: Bar, out: list[Event]) -> Wish | None:
        view = slot.view
        view.bar, view.price, view.ts = bar, bar.close, bar.ts
        return self._call(slot, handler, bar.ts, out)

    def _call(self, slot: Slot, handler: Callable[..., Wish | None], ts: int, out: list[Event]) -> Wish | None:
        try:
            return handler(slot.context)
        except Exception as error:  # noqa: BLE001 - whatever a strategy raises disables that slot, and it alone
            self.pursuit.fault(slot, error, ts, out)
            return None

    # ---- orders and commands -----------------------------------------------------------------------------------

    def _on_progress(self, update: Event) -> Sequence[Event]:
        """The order goes on, and nothing follows from that."""
        if update.ts > self.now:
            self.now = update.ts
        self.desk.orders.apply(update)
        return NOTHING

    def _on_update(self, update: Event) -> Sequence[Event]:
        if update.ts > self.now:
            self.now = update.ts
        out: list[Event] = []
        moved = self.desk.apply(update, out)
        if moved is None:
            return NOTHING
        holding, record = moved
        if record.is_protective:
            self.guards.note(holding, record, update, out)
        elif not record.is_open and type(update) is not OrderFilled:
            self.guards.owe(holding, record, update)
        if holding.plan is not None:
            self.desk.advance(holding, update.ts, out)
        if self.keeps_accounts and type(update) is OrderFilled:
            self.account(holding, update, out)
        self.guards.settle(holding, update.ts, out)
        slot = self.slots[holding.slot_key]
        if slot.rules is not None:
            self.contracts.moved(slot, update.ts, out)
        if not record.is_protective or type(update) is OrderFilled:
            self.pursuit.follow_position(slot)
        if self.answers.open:
            self.answers.follow(update, out, slot)
        return out

    def account(self, holding: Holding, fill: OrderFilled, out: Sequence[Event]) -> None:
        """What the fill did to the accounts, marked at its own price."""
        self.accounts.settle(holding.key, holding.position, float(fill.price), fill.ts)
        for event in out:
            if type(event) is TradeClosed:
                self.accounts.closed(event)
                self.gate.note(event, self.config.instruments[event.symbol])

    def facts(self, name: str, ts: int) -> Facts:
        """What the rules of the gate may look at for an order in that symbol."""
        symbol = self.symbols[name]
        return Facts(
            ts,
            symbol.price,
            symbol.price_ts,
            self.config.instruments[name],
            self.ledger,
            self.accounts,
            self.desk.pending,
            self.price_of,
            self.config.instruments,
        )

    def _on_command(self, command: Command) -> Sequence[Event]:
        if command.command_id in self.handled:
            return NOTHING
        self.handled[command.command_id] = None
        if command.ts > self.now:
            self.now = command.ts
        return commands.handle(self, command)
