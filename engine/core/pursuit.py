"""From wishes to targets: one winner per symbol and instant, what forbids an entry, and what slots tell about it."""

from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec

from engine.core.contracts import Contracts
from engine.core.desk import Desk
from engine.core.guards import Guards
from engine.core.holding import ZERO, Holding, Plan
from engine.core.slots import Slot
from engine.core.streams import SymbolState
from engine.decision.arbiter import Claim, choose
from engine.decision.correlation import Correlations
from engine.model.event import Event
from engine.model.signals import Signal, SignalSuppressed, SlotStateChanged, StrategyFaulted
from engine.risk.gate import RiskGate
from engine.strategy.base import Wish


class Wanted(msgspec.Struct, frozen=True):
    """A wish of one slot, with when it was made and on which bar."""

    slot: Slot
    signal: Signal


class Pursuit:
    """Collects the wishes of one event, then follows those that may be followed."""

    def __init__(
        self,
        desk: Desk,
        guards: Guards,
        gate: RiskGate,
        *,
        size_of: Callable[[Holding], Decimal],
        slots: Callable[[], Iterable[Slot]],
        correlations: Correlations | None,
        contracts: Contracts,
    ) -> None:
        self._size_of = size_of
        self._slots = slots
        self._correlations = correlations
        self._contracts = contracts
        self._desk = desk
        self._guards = guards
        self._gate = gate
        self.collected: list[Wanted] = []

    def collect(self, slot: Slot, wish: Wish, ts: int, bar_ts: int, timeframe: str) -> None:
        """A wish to hold something else than now. One that was refused in this bar already is not told again."""
        if slot.refused == (wish.target, slot.bar_index(bar_ts)):
            return
        signal = Signal(
            ts,
            slot.config.strategy,
            slot.config.symbol,
            timeframe,
            wish.target,
            wish.reason,
            wish.confidence,
            wish.priority,
            bar_ts,
            dict(wish.evidence),
        )
        self.collected.append(Wanted(slot, signal))

    def decide(self, symbol: SymbolState, ts: int, out: list[Event]) -> None:
        """Follow what was collected: exits always, of the entries the winner."""
        wanted, self.collected = self.collected, []
        for want in wanted:
            out.append(want.signal)
        entries = [w for w in wanted if w.signal.target] if len(wanted) > 1 else wanted
        winner: Wanted | None = entries[0] if entries else None
        if len(entries) > 1:
            winner = entries[choose([_claim(w) for w in entries])]
        for want in wanted:
            if want.signal.target and want is not winner:
                self._refuse(
                    want, "arbiter", f"{winner.slot.config.strategy if winner else ''} won {_why(winner)}", out
                )
            elif want.signal.target and symbol.winner_ts == ts and symbol.winner != want.slot.config.strategy:
                self._refuse(want, "arbiter", f"{symbol.winner} decided at this instant already", out)
            else:
                self._follow(want, symbol, ts, out)

    def _follow(self, want: Wanted, symbol: SymbolState, ts: int, out: list[Event]) -> None:
        slot, signal = want.slot, want.signal
        if signal.target:
            refusal = self._refusal(slot, symbol, signal)
            if refusal is not None:
                self._refuse(want, *refusal, out)
                return
            slot.entry_bar = slot.bar_index(signal.bar_ts)
            symbol.winner, symbol.winner_ts = slot.config.strategy, ts
        self.steer(slot, signal.target, reason=signal.reason, ts=ts, bar_ts=signal.bar_ts, out=out)

    def steer(self, slot: Slot, target: int, *, reason: str, ts: int, bar_ts: int, out: list[Event]) -> None:
        """Set the slot's target at every broker it trades; sizes are worked out here, once per position."""
        if slot.rules is not None:
            self._contracts.steer(slot, target, reason=reason, ts=ts, bar_ts=bar_ts, out=out)
            self.follow_position(slot)
            return
        is_fixed = slot.config.sizing is None
        for holding in slot.holdings:
            quantity = target * (holding.unit if is_fixed else self._size_of(holding)) if target else ZERO
            if holding.guard is not None:
                holding.guard.owed = ""  # what is wished now replaces it
            if quantity or not holding.is_idle:
                self._desk.pursue(holding, Plan(quantity, reason, ts, bar_ts), ts, out)
                self._guards.settle(holding, ts, out)
        self.follow_position(slot)

    def follow_position(self, slot: Slot) -> None:
        """The slot's target is what its holdings are heading for: what was refused or closed is not wanted any more."""
        if slot.wanted is not None:
            slot.set_target(slot.wanted.target)
            return
        for holding in slot.holdings:
            direction = holding.direction
            if direction:
                break
        else:
            direction = 0
        if direction != slot.target:
            slot.set_target(direction)

    def _refuse(self, want: Wanted, rule: str, reason: str, out: list[Event]) -> None:
        """The entry is not followed; if it would have turned a position, that is still closed."""
        slot, signal = want.slot, want.signal
        slot.refused = (signal.target, slot.bar_index(signal.bar_ts))
        out.append(SignalSuppressed(signal.ts, signal, rule, reason))
        if slot.target * signal.target < 0:
            self.steer(slot, 0, reason=signal.reason, ts=signal.ts, bar_ts=signal.bar_ts, out=out)

    def entry_problem(self, slot: Slot, symbol: SymbolState, ts: int) -> tuple[str, str] | None:
        """What keeps the slot from entering now, whoever wants it: the rule and the reason."""
        if slot.is_stopped:
            return "stopped", "the slot was stopped"
        if not slot.config.trade_enabled:
            return "trade_enabled", f"trading of {slot.config.symbol} is switched off"
        if self._gate.halt_reason:
            return "kill_switch", f"the book is halted: {self._gate.halt_reason}"
        lost = _lost(slot, symbol)
        if lost:
            return "gapped", f"the data have a gap: {lost}"
        if symbol.doubt:
            return "stale_feed", symbol.doubt
        rolling = self._desk.rolls.entry_problem(slot.config.symbol, ts)
        return ("roll", rolling) if rolling else None

    def _refusal(self, slot: Slot, symbol: SymbolState, signal: Signal) -> tuple[str, str] | None:
        problem = self.entry_problem(slot, symbol, signal.ts)
        if problem is not None:
            return problem
        if self._gate.require_exits and slot.config.exits is None:
            return "exits", f"the ticker {slot.config.symbol} has no exits, and the book enters nothing without"
        if slot.entry_bar == slot.bar_index(signal.bar_ts):
            return "one_trade_per_bar", "the slot has entered in this bar already"
        is_sized = slot.config.sizing is not None and slot.rules is None  # an option is sized once it is chosen
        if is_sized and not any(self._size_of(holding) for holding in slot.holdings):
            return "sizing", "the size works out to nothing at every broker"
        return self._redundancy(slot, signal) if self._correlations is not None else None

    def _redundancy(self, slot: Slot, signal: Signal) -> tuple[str, str] | None:
        if self._correlations is None:
            return None
        held = [(other.config.symbol, other.target) for other in self._slots() if other is not slot and other.target]
        found = self._correlations.redundant(signal.symbol, signal.target, held)
        if found is None:
            return None
        return "correlation", f"{found[0]} is held and moves alike (correlation {found[1]:.2f})"

    # ---- what slots tell ---------------------------------------------------------------------------------------

    def fault(self, slot: Slot, error: Exception, ts: int, out: list[Event]) -> None:
        """Disable the slot; what it holds keeps its exits."""
        slot.fault = f"{type(error).__name__}: {error}"
        slot.is_warm = False
        out.append(StrategyFaulted(ts, slot.config.strategy, slot.config.symbol, slot.fault))

    def state_of(self, slot: Slot, symbol: SymbolState) -> tuple[str, str]:
        """The word for where the slot stands, and why."""
        if slot.fault:
            return "faulted", slot.fault
        if slot.is_stopped:
            return "stopped", "by command"
        lost = _lost(slot, symbol)
        if lost:
            return "gapped", lost
        if not slot.is_warm:
            return "warming", ""
        if self._gate.is_halted:
            return "halted", self._gate.halt_reason
        held_back = self.held_back(slot)
        if held_back:
            return "paused", held_back
        return "ready", "" if slot.config.trade_enabled else "trading is switched off"

    def held_back(self, slot: Slot) -> str:
        """Why the slot can enter nowhere for now; empty where one of its brokers takes its orders."""
        if not self._gate.holds:
            return ""
        holds = [self._gate.holds.get(holding.broker) for holding in slot.holdings]
        reasons = [hold.reason for hold in holds if hold is not None and hold.concerns(slot.config.symbol)]
        return reasons[0] if reasons and len(reasons) == len(holds) else ""

    def announce(self, slot: Slot, symbol: SymbolState, ts: int, out: list[Event]) -> None:
        """Tell the slot's state when it is another than the one told last."""
        state, reason = self.state_of(slot, symbol)
        if state != slot.announced:
            slot.announced = state
            out.append(SlotStateChanged(ts, slot.config.strategy, slot.config.symbol, state, reason))

    def tell_progress(self, slot: Slot, symbol: SymbolState, counts: dict[str, int], ts: int, out: list[Event]) -> None:
        """A slot that warms up tells so at the start, about every tenth of the way, and when it is ready."""
        have, need = slot.distance(counts)
        if slot.is_warm or have <= 1 or have % max(need // 10, 1) == 0:
            out.extend(slot.progress_events(ts, counts))
        self.announce(slot, symbol, ts, out)


def _lost(slot: Slot, symbol: SymbolState) -> str:
    """What was lost that the slot still misses: it must warm up again, then see a whole bar of all it reads."""
    return symbol.gap if symbol.gap and not slot.is_warm else symbol.lost(slot.need)


def _claim(want: Wanted) -> Claim:
    return Claim(want.slot.config.strategy, want.signal.priority, want.signal.confidence)


def _why(winner: Wanted | None) -> str:
    if winner is None:
        return ""
    return f"with priority {winner.signal.priority} and confidence {winner.signal.confidence:g}"
