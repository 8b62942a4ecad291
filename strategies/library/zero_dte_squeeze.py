"""Volatility with options that expire today: the price leaves a squeeze, and the side it leaves to is bought."""

from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from engine.strategy.decision import NO_OPINION, Decision
from strategies.library.daily_options import ChainAge, ChainWait, CloseBefore, DailyOptions, LastEntry
from strategies.library.fields import Lookback
from strategies.library.registration import STRATEGIES


class SqueezeState(NamedTuple):
    wish: float
    rule: int
    side: float  # the last wish
    squeezed: int  # bars that it has lasted
    before: float  # the close of the last bar


def leave_squeeze(
    s: SqueezeState,
    close: float,
    band: float,
    channel: float,
    mean: float,
    stood: int = 6,
) -> SqueezeState:
    """In on the bar that ends a squeeze which has lasted, to the side that it goes to; out over the mean."""
    squeezed = s.squeezed + 1 if band < channel else 0
    ends = squeezed == 0 and s.squeezed >= stood
    up = ends and close > mean and close > s.before
    down = ends and close < mean and close < s.before
    wish = NO_OPINION
    rule = 0
    if up or down:
        wish = 1.0 if up else -1.0
        rule = 1 if up else -1
    elif s.side * (close - mean) < 0.0:
        wish = 0.0
    return SqueezeState(wish, rule, wish if wish == wish else s.side, squeezed, close)


@STRATEGIES.register("zero_dte_squeeze", aliases=("volatility_options",))
class ZeroDteSqueeze(DailyOptions):
    """Volatility with options that expire today: what follows a squeeze is bought, a call or a put at the money.

    A squeeze lasts while the Bollinger bands (`deviations` standard deviations) lie inside the Keltner channel (`atrs`
    average true ranges), both around the mean of `bars` closes. On the first bar after one that has lasted at least
    `stood` bars: a call where the close is above the mean and above the close before, a put where it is below both.

    Left where the close crosses the mean (`mean_crossed`). How the contract is chosen, when nothing is entered and
    when all is closed before the bell is as with `zero_dte`. Only single options: the position is a call or a put.
    """

    decision = Decision(leave_squeeze, SqueezeState(NO_OPINION, 0, 0.0, 0, 0.0))
    reasons = {1: "call_out_of_squeeze", -1: "put_out_of_squeeze", 0: "mean_crossed"}

    class Params(msgspec.Struct, frozen=True):
        bars: Annotated[Lookback, Meta(description="bars of both bands")] = 20
        deviations: Annotated[float, Meta(gt=0, le=20, description="standard deviations of the Bollinger bands")] = 2.0
        atrs: Annotated[float, Meta(gt=0, le=20, description="average true ranges of the Keltner channel")] = 1.5
        stood: Annotated[int, Meta(ge=1, le=1_000, description="bars that the squeeze has lasted")] = 6
        close_before_minutes: CloseBefore = 15.0
        last_entry_minutes: LastEntry = 30.0
        chain_wait_s: ChainWait = 20.0
        chain_max_age_s: ChainAge = 30.0

    def values(self) -> tuple[str, ...]:
        p: Any = self.params
        return (
            "close",
            f"bollinger(close,{p.bars},{p.deviations!r}).upper",
            f"keltner(close,{p.bars},{p.atrs!r}).upper",
            f"sma(close,{p.bars})",
        )
