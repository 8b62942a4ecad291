"""What one strategy catches and where: of the moves that begin in a state, and of the points that move within it."""

import msgspec
import numpy as np

from discovery.fingerprint.held import Catch, Entries, Held
from discovery.fingerprint.moves import Floats, Ints, Moves
from discovery.mining.truths import Bools
from engine.rules.rule import Side

SIDES: tuple[tuple[Side, int], ...] = (("long", 1), ("short", -1))


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy in one state, on one side. Moves are those that begin there: each is caught, against or missed.

    Points are those that moves make in bars which begin there: `caught_points`, `against_points` and `missed_points`
    add up to `points`. `trades` are those that were decided there, with their `pnl`; `given_back` is what they did not
    keep, before fees, of `open_profit`, the sum of the best that each had. Of the `bars` that begin there, something
    was held on that side on `bars_held`.
    """

    moves: int
    caught: int
    against: int
    missed: int
    points: float
    caught_points: float
    against_points: float
    missed_points: float
    trades: int
    pnl: float
    open_profit: float
    given_back: float
    bars: int
    bars_held: int


class Outcomes(msgspec.Struct, frozen=True):
    """Of each move whether it was caught, or held against; neither is missed."""

    caught: Bools
    against: Bools


def outcomes(moves: Moves, found: Catch, *, least: float) -> Outcomes:
    """By the share of each move: caught first, then against."""
    caught = found.caught >= least * moves.size
    return Outcomes(caught, (found.against >= least * moves.size) & ~caught)


class Coverage:
    """One strategy over all bars; `cell` looks at one state of it."""

    def __init__(self, moves: Moves, going: Ints, moved: Floats, kept: tuple[Entries, Held, Outcomes]) -> None:
        self._moves, self._going, self._moved = moves, going, moved
        self._rows, self._held, self._outcomes = kept

    def cell(self, at: Bools, before: Bools, sign: int) -> Cell:
        """`at` has the state at the close of each bar, `before` that at the close of the one before it."""
        moves, rows = self._moves, self._rows
        mine = at[moves.begin] & (moves.sign == sign)
        caught, against = (int((mine & each).sum()) for each in (self._outcomes.caught, self._outcomes.against))
        inside = before & (self._going == sign)
        along, other = (self._held.long, self._held.short) if sign > 0 else (self._held.short, self._held.long)
        points, had, lost = (sign * float(column[inside].sum()) for column in (self._moved, along, other))
        decided = before[np.minimum(rows.entry, len(before) - 1)] & (rows.sign == sign)
        return Cell(
            moves=int(mine.sum()),
            caught=caught,
            against=against,
            missed=int(mine.sum()) - caught - against,
            points=points,
            caught_points=had,
            against_points=lost,
            missed_points=points - had - lost,
            trades=int(decided.sum()),
            pnl=float(rows.pnl[decided].sum()),
            open_profit=float(rows.best[decided].sum()),
            given_back=float((rows.best - rows.kept)[decided].sum()),
            bars=int(before.sum()),
            bars_held=int((before & (self._held.position * sign > 0)).sum()),
        )
