"""Options that expire today: a cross of two averages on the index buys the call or the put at the money."""

from typing import Annotated

import msgspec
from msgspec import Meta

from engine.strategy.decision import Decision
from strategies.library.daily_options import CUT_OFF, ChainAge, ChainWait, CloseBefore, DailyOptions, LastEntry
from strategies.library.ema import EmaCrossover, TrendLine, follow_cross
from strategies.library.registration import STRATEGIES


@STRATEGIES.register("zero_dte", aliases=("zeroday", "spx_0dte"))
class ZeroDte(DailyOptions, EmaCrossover):
    """Options that expire today: a cross of two averages on the index buys the call or put at the money.

    On the bars of the index: +1 means a call, where line 1 crosses above line 2; −1 a put, where it crosses below.

    The contract is today's PM-settled one with the strike nearest to the price (`engine.options.atm.choose_atm`), from
    a chain that is fetched for that entry. A wish that has found no chain after `chain_wait_s`, or one whose newest
    quote is older than `chain_max_age_s`, buys nothing. To turn a call into a put, the call is sold first.
    Entries are made in the regular session only, and none in its last `last_entry_minutes`. At
    `close_before_minutes` before the session's close (13:00 on half days) the wish is flat, and the exit engine closes
    what is held at that moment without waiting for a bar. A person's signal overrides it at any time; the next
    cross is followed again.
    """

    decision = Decision(follow_cross)
    reasons = {1: "call_on_cross_above", -1: "put_on_cross_below", 0: CUT_OFF}

    class Params(msgspec.Struct, frozen=True):
        period_1: Annotated[int, Meta(ge=1, le=500, description="bars in line 1")] = 9
        period_2: Annotated[int, Meta(ge=1, le=500, description="bars in line 2")] = 21
        trend_line_1: Annotated[TrendLine, Meta(description="the kind of average of line 1")] = TrendLine.EMA
        trend_line_2: Annotated[TrendLine, Meta(description="the kind of average of line 2")] = TrendLine.EMA
        close_before_minutes: CloseBefore = 15.0
        last_entry_minutes: LastEntry = 30.0
        chain_wait_s: ChainWait = 20.0
        chain_max_age_s: ChainAge = 30.0
