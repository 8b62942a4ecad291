"""A fingerprint for people: coverage, overlap, gaps and seeds, as tables."""

from collections.abc import Iterator

from rich.table import Table

from discovery.fingerprint.found import Fingerprint, StrategyProfile
from discovery.shown import show_tables, table

MARK = "–"


def show_fingerprint(found: Fingerprint) -> None:
    """To standard output."""
    show_tables((_overview(found), _coverage(found), _overlap(found), _gaps(found), _seeds(found)), told(found))


def told(found: Fingerprint) -> list[str]:
    """What is to be said of the whole."""
    moves, days = found.moves, f"{found.days} days ({found.first_day} to {found.last_day})"
    seen = f"Gaps and seeds are of the first {found.seed_days} days, until {found.seed_until}"
    return [
        f"{moves.count:,} moves that turn by {found.spec.move_atr:g} ATR, in {found.bars:,} bars of {days}.",
        "They are known with hindsight: for comparing, never for trading.",
        f"{seen}; {found.considered:,} combinations and rules were looked at.",
        "Seeds are candidates: the miner judges them on later days.",
    ]


def percent(part: float, whole: float) -> str:
    """A share for people; a dash where there is nothing to share."""
    return f"{round(100 * part / whole)} %" if whole else MARK


def _overview(found: Fingerprint) -> Table:
    return table(
        f"what each strategy catches of {found.symbol}, {found.timeframe}",
        ("strategy", "run by"),
        ("trades", "P&L", "in market", "caught", "against", "missed", "points caught", "given back"),
        (_line(profile) for profile in found.profiles),
    )


def _line(profile: StrategyProfile) -> tuple[object, ...]:
    cells = (profile.rows[0].long, profile.rows[0].short)
    moves, points = sum(each.moves for each in cells), sum(each.points for each in cells)
    shares = (percent(sum(getattr(each, name) for each in cells), moves) for name in ("caught", "against", "missed"))
    back = percent(sum(each.given_back for each in cells), sum(each.open_profit for each in cells))
    return (
        profile.name, profile.how, profile.trades, profile.net_pnl, percent(profile.in_market, 1.0), *shares,
        percent(sum(each.caught_points for each in cells), points), back,
    )  # fmt: skip


def _coverage(found: Fingerprint) -> Table:
    def rows() -> Iterator[tuple[object, ...]]:
        for at, state in enumerate(found.states, start=1):
            shares = []
            for profile in found.profiles:
                cells = (profile.rows[at].long, profile.rows[at].short)
                shares.append(percent(sum(c.caught_points for c in cells), sum(c.points for c in cells)))
            yield (state.key, state.bars, state.moves_up, state.moves_down, *shares)

    return table(
        "share of the points of moves that was caught, by state",
        ("state",),
        ("bars", "moves up", "moves down", *(profile.name for profile in found.profiles)),
        rows(),
    )


def _overlap(found: Fingerprint) -> Table:
    return table(
        "overlap",
        ("strategy", "beside"),
        ("time", "direction", "coincidence", "correlation", "moves"),
        ((o.one, o.other, o.time, o.direction, o.coincidence, o.correlation, o.moves) for o in found.overlaps),
    )


def _gaps(found: Fingerprint) -> Table:
    return table(
        "gaps: where moves begin that nobody catches",
        ("#", "side", "where"),
        ("missed", "of moves", "points", "lift"),
        (
            (number, gap.side, " and ".join(gap.states), gap.missed, gap.moves, gap.points, gap.lift)
            for number, gap in enumerate(found.gaps, start=1)
        ),
    )


def _seeds(found: Fingerprint) -> Table:
    return table(
        "seeds for the miner",
        ("gap", "rule"),
        ("signals", "early", "moves met", "of missed", "lift"),
        (
            (seed.gap + 1, seed.text, seed.signals, seed.early, seed.moves, seed.missed, seed.lift)
            for seed in found.seeds
        ),
    )
