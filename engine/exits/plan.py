"""The levels that guard one position, worked out once from its entry."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

import msgspec

from engine.errors import InvalidInput
from engine.exits.config import BreakEven, Distance, DistanceKind, ExitConfig
from engine.instruments.instrument import AssetClass, Instrument
from engine.instruments.options import parse_option

ZERO = Decimal(0)
FRACTION = DistanceKind.FRACTION


class Tier(msgspec.Struct, frozen=True):
    """One profit target of a position: its price and the quantity it closes."""

    price: Decimal
    quantity: Decimal


class ExitPlan(msgspec.Struct, frozen=True):
    """The levels of one position. `sign` is +1 for a long position. None and empty mean: not used."""

    sign: int
    entry: Decimal
    quantity: Decimal
    stop: Decimal | None = None
    trail: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    break_even_at: Decimal | None = None
    break_even_stop: Decimal | None = None


class Levels(msgspec.Struct, frozen=True):
    """Prices at which a person wants a position closed; they stand in place of the configured stop and targets."""

    stop: Decimal | None = None
    target: Decimal | None = None

    def over(self, before: "Levels | None") -> "Levels":
        """These, and of those before what is not said here."""
        if before is None:
            return self
        return Levels(
            before.stop if self.stop is None else self.stop, before.target if self.target is None else self.target
        )


def check_exits(config: ExitConfig) -> None:
    """Refuse a configuration that guards nothing, or whose parts contradict each other."""
    guards = (config.stop, config.trailing, config.targets, config.max_hold_s, config.before_close_s, config.cut_off)
    if all(guard is None or guard == () for guard in guards):
        raise InvalidInput("exits: at least one exit was expected; for none at all leave exits out", field="exits")
    if sum(target.share for target in config.targets) > 1 + 1e-9:
        raise InvalidInput("targets: shares that add up to at most 1 were expected", field="targets")
    if config.break_even is not None and config.stop is None:
        raise InvalidInput("break_even: it moves a stop, and no stop is set", field="break_even")


def kind_of(config: ExitConfig | None) -> str:
    """The names of what guards a position, for people; "none" where nothing does."""
    if config is None:
        return "none"
    used = [
        ("stop", config.stop is not None),
        ("trailing", config.trailing is not None),
        ("targets", bool(config.targets)),
        ("break_even", config.break_even is not None),
        ("max_hold", config.max_hold_s is not None),
        ("before_close", config.before_close_s is not None),
        ("cut_off", config.cut_off is not None),
    ]
    return "+".join(name for name, is_used in used if is_used)


def uses_atr(config: ExitConfig | None) -> bool:
    """Whether any distance is measured in average true ranges."""
    return config is not None and any(d.kind is DistanceKind.ATR for d in _distances(config))


def plan_exits(config: ExitConfig, *, instrument: Instrument, signed: Decimal, entry: Decimal, atr: float) -> ExitPlan:
    """The levels for a position of `signed` quantity at `entry`. Stops and targets lie on the price grid, rounded
    away from the entry for targets and stops alike, so that rounding never makes a stop tighter than asked."""
    sign, base = (1 if signed > 0 else -1), float(entry)
    quantity, break_even = abs(signed), config.break_even

    def level(distance: Distance, direction: int) -> Decimal:
        away = ROUND_CEILING if direction > 0 else ROUND_FLOOR
        price = instrument.price(base + direction * size_of(distance, instrument, base, atr), rounding=away)
        return on_venue_grid(price, instrument, away)

    return ExitPlan(
        sign,
        entry,
        quantity,
        level(config.stop, -sign) if config.stop else None,
        _trail(config.trailing, instrument, base, atr) if config.trailing else None,
        _tiers(config, instrument, quantity, [level(t.distance, sign) for t in config.targets])
        if config.targets
        else (),
        level(break_even.after, sign) if break_even else None,
        _break_even_stop(break_even, instrument, base, sign, atr) if break_even else None,
    )


def on_venue_grid(price: Decimal, instrument: Instrument, rounding: str) -> Decimal:
    """What the venue takes there: options on an index have a coarser grid from 3.00 on."""
    if instrument.asset_class is not AssetClass.OPTION:
        return price
    step = parse_option(instrument.symbol).tick_size(price)
    return (price / step).to_integral_value(rounding=rounding) * step


def with_levels(plan: ExitPlan, levels: Levels) -> ExitPlan:
    """The plan with a person's prices in it. A stop that a person set is not moved to the entry price later."""
    stop, target = levels.stop, levels.target
    if stop is not None:
        plan = msgspec.structs.replace(plan, stop=stop, break_even_at=None, break_even_stop=stop)
    if target is not None:
        plan = msgspec.structs.replace(plan, tiers=(Tier(target, plan.quantity),))
    return plan


def size_of(distance: Distance, instrument: Instrument, entry: float, atr: float) -> float:
    """The distance as an observed price difference."""
    kind = distance.kind
    if kind is FRACTION:
        return distance.value * entry
    if kind is DistanceKind.POINTS:
        return distance.value
    if kind is DistanceKind.TICKS:
        return distance.value * float(instrument.tick_size)
    if atr != atr:
        raise InvalidInput("exits: a distance in ATR needs an average true range that is warm", field="exits")
    return distance.value * atr


def share_out(config: ExitConfig, instrument: Instrument, quantity: Decimal) -> list[Decimal]:
    """What each target closes: its share rounded down to the size grid; when the shares add up to 1 the last takes the
    remainder."""
    step = instrument.quantity_step
    parts = [int(float(quantity / step) * target.share + 1e-9) * step for target in config.targets]
    if abs(sum(target.share for target in config.targets) - 1) < 1e-9:
        parts[-1] = quantity - sum(parts[:-1], ZERO)
    return parts


def _tiers(config: ExitConfig, instrument: Instrument, quantity: Decimal, prices: list[Decimal]) -> tuple[Tier, ...]:
    parts = share_out(config, instrument, quantity)
    return tuple(Tier(price, part) for price, part in zip(prices, parts, strict=True) if part > 0)


def _trail(distance: Distance, instrument: Instrument, entry: float, atr: float) -> Decimal:
    trail = instrument.price(size_of(distance, instrument, entry, atr), rounding=ROUND_CEILING)
    return max(trail, instrument.tick_size)


def _break_even_stop(break_even: BreakEven, instrument: Instrument, entry: float, sign: int, atr: float) -> Decimal:
    shift = size_of(break_even.offset, instrument, entry, atr) if break_even.offset else 0.0
    return on_venue_grid(instrument.price(entry + sign * shift), instrument, ROUND_HALF_EVEN)


def _distances(config: ExitConfig) -> list[Distance]:
    break_even = config.break_even
    found = [config.stop, config.trailing, *(target.distance for target in config.targets)]
    if break_even:
        found += [break_even.after, break_even.offset]
    return [distance for distance in found if distance is not None]
