"""Slots that trade options: a wish asks for a chain, the chain gives a contract, and the contract is bought."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from engine.core.holding import NEVER, ZERO, Holding, Plan
from engine.core.sizer import Sizer
from engine.core.streams import SymbolState
from engine.core.wanted import Wanted
from engine.exits.deadlines import deadline
from engine.instruments.catalog import instrument_for
from engine.instruments.options import is_option, parse_option, underlying_of
from engine.model.event import Event
from engine.model.market import Quote, TimeAdvanced
from engine.model.time import NS_PER_S
from engine.options.atm import AtmChoice, NoContract, choose_atm, expiring_today
from engine.options.chain import OptionChain
from engine.options.events import ChainReceived, ContractChosen, ContractRefused, ContractWanted
from engine.options.rules import ContractRules

if TYPE_CHECKING:
    from engine.core.engine import Engine
    from engine.core.slots import Slot

KEEP_ENDED_NS = 86_400 * NS_PER_S  # a contract that ended is remembered so long: its last fills may come late


class Contracts:
    """The options of an engine. One contract at a time for a slot: another is bought when the one before is gone."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._size_of = Sizer(engine).size_of

    # ---- wishes ------------------------------------------------------------------------------------------------

    def steer(self, slot: "Slot", target: int, *, reason: str, ts: int, bar_ts: int, out: list[Event]) -> None:
        """From now on the slot should hold a call (+1), a put (−1) or nothing (0)."""
        wanted = slot.wanted
        if wanted is not None and wanted.target == target:
            return
        self.give_up(slot, ts, "replaced", f"{reason} came before it could be bought", out)
        closing = [
            self._close(holding, reason, ts, bar_ts, out) for holding in slot.holdings if _must_go(holding, target)
        ]
        rules = slot.rules
        if target and rules is not None and not any(holding.direction == target for holding in slot.holdings):
            wait_ns = int(rules.wait_s * NS_PER_S)
            slot.wanted = Wanted(self._name(slot), target, reason, ts, bar_ts, ts + wait_ns)
            slot.wanted.parent = next((name for name in closing if name), "")
            self._ask(slot, slot.wanted, ts, out)

    def give_up(self, slot: "Slot", ts: int, rule: str, reason: str, out: list[Event]) -> None:
        """Nothing is bought any more for the wish that waits, if one does."""
        wanted, slot.wanted = slot.wanted, None
        if wanted is not None:
            strategy, symbol = slot.config.key
            out.append(ContractRefused(ts, wanted.wanted_id, strategy, symbol, wanted.target, rule, reason))
            self._engine.pursuit.follow_position(slot)

    def moved(self, slot: "Slot", ts: int, out: list[Event]) -> None:
        """An order of the slot moved: what waited for it may go on."""
        if slot.wanted is not None and not slot.wanted.is_asked:
            self._ask(slot, slot.wanted, ts, out)

    def on_time(self, ts: int, out: list[Event]) -> int:
        """Give up what has waited too long; the next moment at which something will have."""
        due = NEVER
        for slot in self._engine.slots.values():
            wanted = slot.wanted
            if wanted is None:
                continue
            if ts >= wanted.deadline:
                self.give_up(slot, ts, "too_late", self._too_late(slot, wanted), out)
                self._engine.answers.follow(TimeAdvanced(ts), out, slot)
            else:
                due = min(due, wanted.deadline)
        return due

    def _too_late(self, slot: "Slot", wanted: Wanted) -> str:
        """What the wish has waited for in vain."""
        seconds = (wanted.deadline - wanted.ts) / NS_PER_S
        if not wanted.is_asked:
            return f"what was held could not be closed within {seconds:g} s"
        return self._engine.pursuit.held_back(slot) or f"no chain of options came within {seconds:g} s"

    @property
    def are_traded(self) -> bool:
        """Whether any slot trades options."""
        return any(slot.rules is not None for slot in self._engine.slots.values())

    @property
    def wanted(self) -> list[ContractWanted]:
        """What waits for a chain now; while its accounts take no entries, a slot's wish waits for them."""
        return [
            self._question(slot, slot.wanted, self._engine.now)
            for slot in self._engine.slots.values()
            if slot.wanted is not None and slot.wanted.is_asked and not self._engine.pursuit.held_back(slot)
        ]

    @property
    def held(self) -> list[str]:
        """Contracts that are held or have an order out: their quotes are needed."""
        holdings = self._engine.holdings.values()
        return sorted({h.symbol for h in holdings if h.is_contract and not h.is_idle})

    def held_on(self, underlying: str) -> list[str]:
        """Those of them on one underlying."""
        return [symbol for symbol in self.held if underlying_of(symbol) == underlying]

    # ---- chains ------------------------------------------------------------------------------------------------

    def received(self, event: ChainReceived) -> Sequence[Event]:
        """Choose from the chain and buy, or say why not. One that nobody waits for any more changes nothing."""
        out = list(self._engine.advance(event.ts))
        for slot in self._engine.slots.values():
            wanted = slot.wanted
            if wanted is not None and wanted.wanted_id == event.wanted_id and wanted.is_asked:
                self._receive(slot, wanted, event, out)
                self._engine.pursuit.follow_position(slot)
                self._engine.answers.follow(event, out, slot)
        return out

    def _receive(self, slot: "Slot", wanted: Wanted, event: ChainReceived, out: list[Event]) -> None:
        chain, spot = event.chain, self._engine.price_of(slot.config.symbol)
        problem = self._problem(slot, event, spot)
        if problem is not None or chain is None:
            self.give_up(slot, event.ts, *(problem or ("no_chain", "no chain of options came")), out)
            return
        try:
            choice = choose_atm(chain, spot=spot, target=wanted.target)
        except NoContract as error:
            self.give_up(slot, event.ts, "no_contract", error.detail, out)
            return
        if not choice.entry.ask > 0:
            self.give_up(slot, event.ts, "no_offer", f"nobody offers {choice.contract.symbol}", out)
            return
        sizes = self._sizes(slot, choice, event.ts)
        if not any(sizes.values()):
            self.give_up(slot, event.ts, "sizing", "the size works out to nothing at every broker", out)
            return
        slot.wanted = None
        out.append(_chosen(slot, wanted, choice, chain, event.ts))
        for broker, quantity in sizes.items():
            holding = self.hold(slot.config.strategy, choice.contract.symbol, broker)
            plan = Plan(quantity, wanted.reason, wanted.ts, wanted.bar_ts, waits_for=wanted.parent)
            self._engine.desk.pursue(holding, plan, event.ts, out)
            self._engine.guards.settle(holding, event.ts, out)

    def _problem(self, slot: "Slot", event: ChainReceived, spot: float) -> tuple[str, str] | None:
        """Why nothing may be chosen now, as rule and sentence."""
        engine, rules = self._engine, slot.rules or ContractRules()
        symbol = engine.symbols[slot.config.symbol]
        closed = self._closed(slot, event.ts)
        if closed is not None:
            return closed
        if event.reason or event.chain is None:
            return "no_chain", event.reason or "no chain of options came"
        if not event.chain.entries:
            return "no_chain", f"the chain of {slot.config.symbol} is empty ({event.chain.source or 'no source named'})"
        too_old = rules.too_old(event.chain, event.ts)
        if too_old:
            return "stale_chain", too_old
        if symbol.doubt or symbol.gap:
            return "stale_feed", symbol.doubt or f"the data have a gap: {symbol.gap}"
        return ("no_price", f"{slot.config.symbol} has no price yet") if spot != spot else None

    def _sizes(self, slot: "Slot", choice: AtmChoice, ts: int) -> dict[str, Decimal]:
        """What each broker buys of the contract, at what it is offered for now."""
        engine, symbol = self._engine, choice.contract.symbol
        self._forget_ended(slot, ts)
        holdings = [self.hold(slot.config.strategy, symbol, broker) for broker in slot.config.quantities]
        state = engine.symbols[symbol]
        state.price, state.price_ts = choice.entry.ask, ts
        return {holding.broker: self._size_of(holding) for holding in holdings if holding.unit}

    # ---- what is held ------------------------------------------------------------------------------------------

    def quoted(self, quote: Quote) -> Sequence[Event]:
        """A quote of a contract: what is held is worth what somebody bids for it. Without a bid no price is known."""
        engine = self._engine
        state = engine.symbols.get(quote.symbol)
        if state is None or not state.is_contract or quote.bid != quote.bid:
            return engine.advance(quote.ts)
        return engine.on_price(state, quote.symbol, quote.bid, quote.bid, quote.bid, quote.ts)

    def can_hold(self, strategy: str, symbol: str, broker: str) -> bool:
        """Whether a slot trades that option at that broker."""
        slot = self._slot(strategy, symbol)
        return slot is not None and broker in slot.config.quantities

    def hold(self, strategy: str, symbol: str, broker: str) -> Holding:
        """The slot's holding of that contract, made where there is none; `can_hold` says whether there may be one."""
        engine, key = self._engine, (strategy, symbol, broker)
        found = engine.holdings.get(key)
        slot = self._slot(strategy, symbol)
        if found is not None or slot is None:
            return found or engine.holdings[key]
        engine.config.instruments.setdefault(symbol, instrument_for(symbol))
        if symbol not in engine.symbols:
            engine.symbols[symbol] = SymbolState(is_contract=True)
        contract = parse_option(symbol)
        holding = Holding(
            strategy=strategy,
            symbol=symbol,
            broker=broker,
            unit=slot.config.quantities.get(broker, Decimal(0)),
            exits=slot.rules.exits(slot.config.exits) if slot.rules is not None else None,
            position=engine.ledger.position(*key),
            underlying=slot.config.symbol,
            bias=1 if contract.right == "C" else -1,
        )
        engine.holdings[key] = holding
        slot.holdings.append(holding)
        return holding

    def hold_all(self, keys: Iterable[tuple[str, str, str]]) -> None:
        """Those of `keys` that are options of a slot (from a snapshot, or from earlier runs)."""
        for key in keys:
            if key not in self._engine.holdings and self.can_hold(*key):
                self.hold(*key)

    def _slot(self, strategy: str, symbol: str) -> "Slot | None":
        if not is_option(symbol):
            return None
        slot = self._engine.slots.get((strategy, underlying_of(symbol)))
        return slot if slot is not None and slot.rules is not None else None

    def _forget_ended(self, slot: "Slot", ts: int) -> None:
        """Contracts that ended days ago and are not held need no memory."""
        engine = self._engine
        for holding in list(slot.holdings):
            is_over = holding.is_contract and parse_option(holding.symbol).last_trade + KEEP_ENDED_NS < ts
            if is_over and holding.is_idle:
                slot.holdings.remove(holding)
                del engine.holdings[holding.key]
                engine.ledger.forget(holding.key)

    # ---- orders ------------------------------------------------------------------------------------------------

    def _close(self, holding: Holding, reason: str, ts: int, bar_ts: int, out: list[Event]) -> str:
        """Close it; the name of the order that does, where one was sent at once."""
        engine = self._engine
        if holding.guard is not None:
            holding.guard.owed = ""  # what is wished now replaces it
        engine.desk.pursue(holding, Plan(ZERO, reason, ts, bar_ts), ts, out)
        engine.guards.settle(holding, ts, out)
        return next((name for name, record in holding.working.items() if record.order.side.sign < 0), "")

    def _ask(self, slot: "Slot", wanted: Wanted, ts: int, out: list[Event]) -> None:
        """Ask for the chain as soon as nothing is held; refuse what could not be held for a moment."""
        engine = self._engine
        engine.guards.next_deadline = min(engine.guards.next_deadline, wanted.deadline)
        if not all(holding.is_idle for holding in slot.holdings):
            return
        problem = self._closed(slot, ts)
        if problem is not None:
            self.give_up(slot, ts, *problem, out)
            return
        wanted.is_asked = True
        out.append(self._question(slot, wanted, ts))

    def _closed(self, slot: "Slot", ts: int) -> tuple[str, str] | None:
        """Why nothing may be bought for the slot at that moment, whatever the market does; as rule and sentence."""
        config = slot.config
        if slot.is_stopped or not config.trade_enabled:
            return "trade_enabled", f"trading of {config.symbol} is switched off"
        try:
            expiring_today(config.symbol, ts)
        except NoContract as error:
            return "no_session", error.detail
        exits = (slot.rules or ContractRules()).exits(config.exits)
        ends = deadline(exits, self._engine.config.instruments[config.symbol], ts)
        if ends is not None and ends[0] <= ts:
            return "cut_off", "what is bought now would have to be closed at once"
        return None

    def _question(self, slot: "Slot", wanted: Wanted, ts: int) -> ContractWanted:
        strategy, symbol = slot.config.key
        return ContractWanted(ts, wanted.wanted_id, strategy, symbol, wanted.target, wanted.deadline, wanted.reason)

    def _name(self, slot: "Slot") -> str:
        """The next name of a wish of that slot; the desk's counters make it, so a restart goes on with them."""
        return self._engine.desk.next_id(slot.config.strategy, f"{slot.config.symbol}wish")


def _must_go(holding: Holding, target: int) -> bool:
    return not holding.is_idle and holding.direction != target


def _chosen(slot: "Slot", wanted: Wanted, choice: AtmChoice, chain: OptionChain, ts: int) -> ContractChosen:
    strategy, symbol = slot.config.key
    return ContractChosen(
        ts, wanted.wanted_id, strategy, symbol, wanted.target, choice.contract.symbol, choice.spot, choice.reason,
        chain, choice.entry.bid, choice.entry.ask, wanted.reason,
    )  # fmt: skip
