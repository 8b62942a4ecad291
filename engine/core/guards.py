"""Keeps every open position guarded: arms its exits, moves them, and fires those the engine holds itself."""

from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from engine.core import venue_stops
from engine.core.config import EngineConfig, ExitPlacement, VenueExits
from engine.core.desk import Desk
from engine.core.holding import INF, NEVER, Guard, Holding, Plan
from engine.core.levels import alarms, armed, fitting, stop_reason, take_tier, waits_at_venue
from engine.core.rolls import ROLL
from engine.exits.config import ExitConfig
from engine.exits.deadlines import RETRY_NS, deadlines, due_again
from engine.exits.freshness import stale_reason
from engine.exits.plan import ExitPlan, Levels, plan_exits, with_levels
from engine.model.enums import OrderIntent, OrderType, Side, TimeInForce
from engine.model.event import Event
from engine.model.orders import Order, OrderFilled, OrderRejected, StopMoved, StopMoveRefused
from engine.orders.lifecycle import OrderRecord

ZERO = Decimal(0)
NAN = float("nan")
EXIT, REVERSAL = OrderIntent.EXIT, OrderIntent.REVERSAL
PLAIN = VenueExits()


class Guards:
    """The exits of all holdings. `atr` gives a holding's average true range now, nan where there is none."""

    def __init__(self, config: EngineConfig, desk: Desk, *, atr: Callable[[Holding], float]) -> None:
        self._config = config
        self._desk = desk
        self._atr = atr
        self._held_at = {b for b, placement in config.exit_placement.items() if placement is ExitPlacement.HELD}
        self._split_at = {b for b, placement in config.exit_placement.items() if placement is ExitPlacement.SPLIT}
        self._venues = config.venue_exits
        self.next_deadline = NEVER
        self.now = 0
        self.open: dict[str, dict[tuple[str, str, str], Holding]] = {}  # symbol → holdings with a position
        self.timers: list[Callable[[int, list[Event]], int]] = []  # others that wait for a time; each tells its next

    # ---- after an order moved --------------------------------------------------------------------------------

    def settle(self, holding: Holding, ts: int, out: list[Event]) -> None:
        """Bring the guard in line with the position, after anything changed."""
        signed = holding.position.quantity
        if not signed:
            self._release(holding, ts, out)
            return
        guard = holding.guard
        if guard is None:
            self.watch(holding)
        if holding.plan is not None or self._is_closing(holding):
            return
        if guard is not None and guard.is_firing:
            self._retry(holding, guard, ts)  # the exit order failed, and nothing is on its way
        if guard is None or (guard.sign > 0) is not (holding.position.held > 0):
            self._arm(holding, ts, out)
        elif guard.is_rearming or guard.covered != abs(signed):
            self._rearm(holding, ts, out)
        elif guard.plan is not None and not holding.protective and waits_at_venue(guard, guard.plan):
            self._arm(holding, ts, out)  # its orders were withdrawn for a plan that came to nothing

    def _retry(self, holding: Holding, guard: Guard, ts: int) -> None:
        guard.is_firing, guard.not_before = False, max(guard.not_before, ts + RETRY_NS)
        self.next_deadline = min(self.next_deadline, max(guard.deadline, guard.not_before))
        self._set_alarms(holding)

    def owe(self, holding: Holding, record: OrderRecord, failed: Event) -> None:
        """An exit failed that nobody took back: it is tried again, until it works or something else is wished."""
        guard = holding.guard
        if guard is None or record.is_cancelling or record.order.intent not in (EXIT, REVERSAL):
            return
        guard.owed = record.order.reason or "exit"
        guard.not_before = due_again(failed, self._config.instruments[holding.symbol])
        self.next_deadline = min(self.next_deadline, guard.not_before)

    def watch(self, holding: Holding) -> None:
        """The holding has a position: prices and deadlines concern it."""
        self.open.setdefault(holding.priced_by, {})[holding.key] = holding

    def unwatch(self, holding: Holding) -> None:
        """Neither prices nor deadlines concern it any more."""
        held = self.open.get(holding.priced_by)
        if held is not None and held.pop(holding.key, None) is not None and not held:
            del self.open[holding.priced_by]

    def note(self, holding: Holding, record: OrderRecord, update: Event, out: list[Event]) -> None:
        """A protective order moved: count what it covered, and hold the exits here when the venue refuses them."""
        guard = holding.guard
        if guard is None or not record.is_protective:
            return
        if type(update) is OrderFilled:
            guard.covered -= update.quantity
            if record.order.type is OrderType.LIMIT:
                take_tier(guard, update.quantity)
        elif type(update) is StopMoved:
            guard.stop = update.stop_price  # also where somebody else moved it
            if guard.plan is not None:
                record.order = replace(record.order, reason=venue_stops.reason_of(guard, guard.plan))
            out.append(armed(holding, update.ts, "the stop was moved"))
        elif type(update) is StopMoveRefused:
            guard.is_rearming = True
            self._desk.withdraw(holding.protective.values(), update.ts, f"it cannot be moved: {update.reason}", out)
        elif venue_stops.lost_target(update, record, holding, guard, self._venues.get(holding.broker, PLAIN)):
            guard.is_split = True
            self._set_alarms(holding)
            out.append(armed(holding, update.ts, "the target is watched here, the stop waits at the venue"))
        elif type(update) is OrderRejected and not guard.is_held:
            guard.is_held = True
            self._desk.withdraw(holding.protective.values(), update.ts, "a leg was rejected", out)
            self._set_alarms(holding)
            out.append(armed(holding, update.ts, f"held by the engine: the venue refused ({update.reason})"))
            if self._config.flatten_on_refused_stop and record.order.type is not OrderType.LIMIT:
                self._fire(holding, guard, ZERO, "stop_refused", update.ts, out)

    def rebase(self, holding: Holding, ratio: float, ts: int, out: list[Event]) -> None:
        """The position was split: its exits are worked out anew from its new entry price."""
        guard = holding.guard
        if guard is not None:
            guard.extreme /= ratio
            if holding.levels is not None:
                holding.levels = self._split_levels(holding, holding.levels, ratio)
            guard.covered, guard.is_rearming = ZERO, True
            self.settle(holding, ts, out)

    def set_levels(self, holding: Holding, levels: Levels, ts: int, out: list[Event]) -> None:
        """A person gives the position other exits: they are worked out anew, the old ones are withdrawn first."""
        holding.levels = levels.over(holding.levels)
        guard = holding.guard
        if guard is not None:
            guard.covered, guard.is_rearming = ZERO, True
        self.settle(holding, ts, out)

    def _split_levels(self, holding: Holding, levels: Levels, ratio: float) -> Levels:
        price = self._config.instruments[holding.symbol].price
        stop, target = (
            None if level is None else price(float(level) / ratio) for level in (levels.stop, levels.target)
        )
        return Levels(stop, target)

    def _is_closing(self, holding: Holding) -> bool:
        """Whether an order is on its way that makes the position smaller; one that waits for a price may never."""
        if not holding.working:
            return False
        is_long = holding.position.held > 0
        for record in holding.working.values():  # most often one: a generator costs more
            if (record.order.side.sign < 0) is is_long and record.order.type is OrderType.MARKET:
                return True
        return False

    def _release(self, holding: Holding, ts: int, out: list[Event]) -> None:
        self.unwatch(holding)
        holding.priced_by = holding.symbol
        if holding.protective:
            self._desk.withdraw(holding.protective.values(), ts, "the position is closed", out)
        if holding.working:
            closing = [record for record in holding.waiting() if record.order.intent is EXIT]
            self._desk.withdraw(closing, ts, "the position is closed", out)
        holding.levels = None
        if holding.guard is not None:
            holding.disarm()

    def _rearm(self, holding: Holding, ts: int, out: list[Event]) -> None:
        if holding.protective:
            self._desk.withdraw(holding.protective.values(), ts, "the position changed its size", out)
        else:
            self._arm(holding, ts, out)

    # ---- arming ----------------------------------------------------------------------------------------------

    def _arm(self, holding: Holding, ts: int, out: list[Event]) -> None:
        position, before, exits = holding.position, holding.guard, holding.exits
        sign, quantity = (1 if position.held > 0 else -1), abs(position.quantity)
        if exits is None and holding.levels is None:
            holding.guard = Guard(None, sign, quantity, is_held=False, opened_ts=ts)
            self.set_deadline(holding, holding.guard, ts)
            out.append(armed(holding, ts, "no exits are configured"))
            return
        if before is not None and before.sign == sign:
            opened_ts, moved, extreme = before.opened_ts, before.moved_to_entry, before.extreme
        else:
            before, opened_ts, moved, extreme = None, ts, False, float(position.average_price)
        if holding.uses_atr and (atr := self._atr(holding)) != atr:
            self._wait_for_atr(holding, opened_ts, ts, out)
            return
        keeps = before is not None and before.plan is not None and quantity <= before.covered
        plan = before.plan if before is not None and before.plan is not None and keeps else self._plan(holding, exits)
        tiers = fitting(before.tiers, quantity) if before is not None and keeps else list(plan.tiers)
        venue = self._venues.get(holding.broker, PLAIN)
        is_pair = venue_stops.is_pair(plan, tiers, quantity, holding.symbol, venue)
        parent = position.lots[0].order
        guard = holding.guard = Guard(
            plan,
            sign,
            quantity,
            is_held=holding.broker in self._held_at or (before is not None and before.is_held),
            opened_ts=opened_ts,
            parent=parent,
            group=f"{parent}x",
            stop=before.stop if before is not None and keeps else plan.break_even_stop if moved else plan.stop,
            extreme=extreme,
            tiers=tiers,
            tiers_done=before.tiers_done if before is not None and keeps else 0,
            moved_to_entry=moved,
            not_before=before.not_before if before is not None else 0,
            owed=before.owed if before is not None else "",
            is_split=holding.broker in self._split_at and not is_pair,
        )
        if guard.is_split and guard.stop is None and plan.trail is not None and not venue.trails:
            guard.stop = venue_stops.trail_level(guard, plan, plan.trail, self._config.instruments[holding.symbol])
        self.set_deadline(holding, guard, ts)
        if not guard.is_held:
            self._place(holding, guard, plan, ts, out)
        self._set_alarms(holding)
        out.append(armed(holding, ts, "armed"))

    def _wait_for_atr(self, holding: Holding, opened_ts: int, ts: int, out: list[Event]) -> None:
        """Levels in average true ranges need one that is warm: until then every price asks again."""
        before, position = holding.guard, holding.position
        sign = 1 if position.quantity > 0 else -1
        guard = holding.guard = Guard(
            None, sign, abs(position.quantity), is_held=False, opened_ts=opened_ts, is_pending=True
        )  # fmt: skip
        self.set_deadline(holding, guard, ts)
        holding.low_alarm, holding.high_alarm = INF, INF
        if before is None or not before.is_pending:
            out.append(armed(holding, ts, "not armed yet: the average true range is not warm"))

    def _plan(self, holding: Holding, exits: ExitConfig | None) -> ExitPlan:
        signed, entry = holding.position.quantity, holding.position.average_price
        if exits is None:
            plan = ExitPlan(1 if signed > 0 else -1, entry, abs(signed))
        else:
            plan = plan_exits(
                exits,
                instrument=self._config.instruments[holding.symbol],
                signed=signed,
                entry=entry,
                atr=self._atr(holding) if holding.uses_atr else NAN,
            )
        return plan if holding.levels is None else with_levels(plan, holding.levels)

    def _place(self, holding: Holding, guard: Guard, plan: ExitPlan, ts: int, out: list[Event]) -> None:
        if guard.stop is not None:
            reason = venue_stops.reason_of(guard, plan)
            self._leg(holding, guard, guard.covered, ts, out, type=OrderType.STOP, stop_price=guard.stop, reason=reason)
        if plan.trail is not None and not (guard.is_split and guard.stop is not None):
            level = self._config.instruments[holding.symbol].price(guard.extreme) - plan.sign * plan.trail
            self._leg(
                holding, guard, guard.covered, ts, out,
                type=OrderType.TRAILING_STOP, trail=plan.trail, stop_price=level, reason="trailing",
            )  # fmt: skip
        for number, tier in enumerate(() if guard.is_split else guard.tiers, start=guard.tiers_done + 1):
            self._leg(
                holding, guard, tier.quantity, ts, out,
                type=OrderType.LIMIT, limit_price=tier.price, reason=f"target_{number}",
            )  # fmt: skip

    def _leg(
        self,
        holding: Holding,
        guard: Guard,
        quantity: Decimal,
        ts: int,
        out: list[Event],
        *,
        type: OrderType,
        reason: str,
        stop_price: Decimal | None = None,
        limit_price: Decimal | None = None,
        trail: Decimal | None = None,
    ) -> None:
        order = Order(
            self._desk.next_id(holding.strategy, holding.symbol),
            holding.strategy,
            holding.symbol,
            holding.broker,
            Side.SELL if holding.position.held > 0 else Side.BUY,
            quantity,
            type,
            limit_price,
            stop_price,
            trail,
            TimeInForce.GTC,
            OrderIntent.EXIT,
            reason,
            signal_ts=ts,
            group=guard.group,
            parent=guard.parent,
        )
        self._desk.submit(holding, order, ts, out, is_protective=True)

    def set_deadline(self, holding: Holding, guard: Guard, ts: int) -> None:
        """When the position must be closed whatever its price: by its exits, or before its contract rolls."""
        found = [(NEVER, ""), (self._desk.rolls.deadline(holding, ts), ROLL)]
        if holding.exits is not None and holding.exits.goes_by_time:
            found += deadlines(holding.exits, self._config.instruments[holding.symbol], guard.opened_ts)
        guard.deadline, guard.deadline_reason = min(found)
        self.next_deadline = min(self.next_deadline, guard.deadline)

    def _set_alarms(self, holding: Holding) -> None:
        holding.low_alarm, holding.high_alarm = alarms(holding.guard)

    # ---- watching --------------------------------------------------------------------------------------------

    def on_price(self, holding: Holding, low: float, high: float, ts: int, doubt: str, out: list[Event]) -> None:
        """The market covered low…high, and an alarm of the holding lies in it. The worse is taken first.

        `doubt` says why the symbol's data are not to be trusted; with it, or with an old price, nothing is decided.
        """
        guard = holding.guard
        if guard is not None and guard.is_pending:
            self._arm(holding, ts, out)
            return
        if guard is None or guard.plan is None or guard.is_firing or ts < guard.not_before:
            return
        if self._is_stale(holding, guard, ts, doubt, out):
            return
        worst, best = (low, high) if guard.plan.sign > 0 else (high, low)
        if guard.is_held or guard.is_split:
            reason = stop_reason(guard, guard.plan, worst)
            if reason:
                self._fire(holding, guard, ZERO, reason, ts, out)
                return
            self._reach_tiers(holding, guard, guard.plan, best, ts, out)
        if guard.plan.sign * (best - guard.extreme) > 0:
            guard.extreme = best
        self._break_even(holding, guard, guard.plan, best, ts, out)
        if guard.is_split and self._venues.get(holding.broker, PLAIN).moves:
            instrument = self._config.instruments[holding.symbol]
            venue_stops.follow_trail(holding, guard, instrument=instrument, desk=self._desk, ts=ts, out=out)
        self._set_alarms(holding)

    def _is_stale(self, holding: Holding, guard: Guard, ts: int, doubt: str, out: list[Event]) -> bool:
        reason = stale_reason(holding.exits, now=self.now, price_ts=ts, doubt=doubt)
        if reason and not guard.is_waiting:
            out.append(armed(holding, ts, f"not decided: {reason}"))
        guard.is_waiting = bool(reason)
        return guard.is_waiting

    def _reach_tiers(
        self, holding: Holding, guard: Guard, plan: ExitPlan, best: float, ts: int, out: list[Event]
    ) -> None:
        closed = ZERO
        while guard.tiers and plan.sign * (best - float(guard.tiers[0].price)) >= 0:
            closed += guard.tiers.pop(0).quantity
            guard.tiers_done += 1
        if closed:
            left = holding.position.quantity - plan.sign * closed
            guard.covered = abs(left)
            self._fire(holding, guard, left, f"target_{guard.tiers_done}", ts, out)

    def _break_even(
        self, holding: Holding, guard: Guard, plan: ExitPlan, best: float, ts: int, out: list[Event]
    ) -> None:
        at = plan.break_even_at
        if at is None or guard.moved_to_entry or plan.sign * (best - float(at)) < 0:
            return
        guard.moved_to_entry = True
        if venue_stops.is_past_break_even(guard, plan):
            return  # the trail has carried it further
        guard.stop = plan.break_even_stop
        if not guard.is_held:
            reason = "the stop moves to the entry price"
            if guard.stop is not None and self._venues.get(holding.broker, PLAIN).moves:
                venue_stops.move_stops(holding, guard.stop, desk=self._desk, ts=ts, reason=reason, out=out)
                return  # the venue says when it has
            guard.is_rearming = True
            self._desk.withdraw(holding.protective.values(), ts, reason, out)
        out.append(armed(holding, ts, "break_even"))

    def _fire(self, holding: Holding, guard: Guard, left: Decimal, reason: str, ts: int, out: list[Event]) -> None:
        guard.is_firing = not left
        self._desk.pursue(holding, Plan(left, reason, ts, 0), ts, out)
        self._set_alarms(holding)

    # ---- time ------------------------------------------------------------------------------------------------

    def on_time(self, ts: int, out: list[Event]) -> None:
        """Close what has reached its deadline; others whose time it is follow."""
        self.next_deadline = NEVER
        for holding in [holding for held in self.open.values() for holding in held.values()]:
            guard = holding.guard
            if guard is None or guard.is_firing:
                continue
            due = guard.not_before if guard.owed else max(guard.deadline, guard.not_before)
            if guard.deadline_reason == ROLL and ts >= guard.deadline:
                due = max(due, self._desk.rolls.deadline(holding, ts))  # not while the exchange is closed
            if ts >= due:
                self._fire(holding, guard, ZERO, guard.owed or guard.deadline_reason, ts, out)
            else:
                self.next_deadline = min(self.next_deadline, due)
        for timer in self.timers:
            self.next_deadline = min(self.next_deadline, timer(ts, out))
