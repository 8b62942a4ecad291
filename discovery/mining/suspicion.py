"""Too good to be true: signs that a rule knows the future, or that a handful of trades made it."""

import msgspec
import numpy as np

from discovery.mining.market import Trades
from engine.analytics.returns import DAYS

ENOUGH = 20  # trades before their shares say anything
SUSPICIOUS = 0.7


class Sign(msgspec.Struct, frozen=True):
    """One reason, and how much it weighs: the chance that something is wrong, if it were the only one."""

    weight: float
    reason: str


class Suspicion(msgspec.Struct, frozen=True):
    """`score` from 0 to 1: 1 − Π (1 − weight) of its signs."""

    score: float
    signs: tuple[Sign, ...]

    @property
    def is_high(self) -> bool:
        return self.score >= SUSPICIOUS


def suspicion(trades: Trades, ratio: float, *, late: Trades, tested: float | None) -> Suspicion:
    """Of trades where the rule was searched, whose days have that Sharpe ratio. `late` are those of entering one bar
    later; `tested` is the ratio of days that it was not searched in (None: unknown)."""
    signs: list[Sign] = []
    if len(trades) >= ENOUGH:
        signs += [*_of_shares(trades), *_of_delay(trades, late)]
    if ratio > 0.6:
        signs.append(Sign(min(0.6, ratio / 2.0), f"a Sharpe ratio of {ratio * DAYS**0.5:.1f} a year"))
    if ratio > 0.3 and tested is not None and tested < 0.0:
        signs.append(Sign(0.5, "it loses on days that it was not searched in"))
    left = np.prod([1.0 - sign.weight for sign in signs]) if signs else 1.0
    return Suspicion(round(float(1.0 - left), 4), tuple(signs))


def _of_shares(trades: Trades) -> list[Sign]:
    won, lost = trades.pnl[trades.pnl > 0], -trades.pnl[trades.pnl < 0].sum()
    signs = []
    rate = len(won) / len(trades)
    if rate >= 0.85:
        signs.append(Sign(0.5, f"{rate:.0%} of {len(trades)} trades won"))
    if len(won) and won.sum() > 6.0 * lost:
        signs.append(Sign(0.4, "what was won is more than six times what was lost"))
    few = max(1, len(trades) // 20)
    earned = trades.pnl.sum()
    if earned > 0 and np.sort(trades.pnl)[-few:].sum() > 0.8 * earned:
        signs.append(Sign(0.4, f"{few} of {len(trades)} trades made more than four fifths of the profit"))
    return signs


def _of_delay(trades: Trades, late: Trades) -> list[Sign]:
    """A real edge outlives one bar; a leak of the next bar does not."""
    mean = trades.pnl.mean()
    kept = late.pnl.mean() / mean if len(late) and mean > 0 else 1.0
    if kept >= 0.25:
        return []
    return [Sign(0.6, f"entered one bar later it keeps {max(kept, 0.0):.0%} of the profit")]
