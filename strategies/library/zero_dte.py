"""Options that expire today: a cross of two averages on the index buys the call or the put at the money."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.instruments.catalog import instrument_for
from engine.instruments.sessions import Session, session_of
from engine.model.time import NS_PER_MINUTE
from engine.options.rules import ContractRules
from engine.strategy.base import Wish
from engine.strategy.context import Context
from engine.strategy.decision import Decision
from strategies.library.ema import EmaCrossover, TrendLine, follow_cross
from strategies.library.registration import STRATEGIES


@STRATEGIES.register("zero_dte", aliases=("zeroday", "spx_0dte"))
class ZeroDte(EmaCrossover):
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
    reasons = {1: "call_on_cross_above", -1: "put_on_cross_below", 0: "cut_off"}

    class Params(msgspec.Struct, frozen=True):
        period_1: Annotated[int, Meta(ge=1, le=500, description="bars in line 1")] = 9
        period_2: Annotated[int, Meta(ge=1, le=500, description="bars in line 2")] = 21
        trend_line_1: Annotated[TrendLine, Meta(description="the kind of average of line 1")] = TrendLine.EMA
        trend_line_2: Annotated[TrendLine, Meta(description="the kind of average of line 2")] = TrendLine.EMA
        close_before_minutes: Annotated[
            float, Meta(ge=1, le=240, description="flat that long before the session's close, also on half days")
        ] = 15.0
        last_entry_minutes: Annotated[
            float, Meta(ge=1, le=390, description="no entry in that many last minutes of the session")
        ] = 30.0
        chain_wait_s: Annotated[
            float, Meta(ge=1, le=300, description="a wish that is no order after that many seconds is given up")
        ] = 20.0
        chain_max_age_s: Annotated[
            float, Meta(ge=1, le=300, description="seconds that the newest quote of a chain may be old")
        ] = 30.0

    @classmethod
    def check(cls, params: Any) -> tuple[str, str] | None:
        """What is bought has some time to live."""
        if params.last_entry_minutes < params.close_before_minutes:
            return "last_entry_minutes", (
                f"last_entry_minutes: at least close_before_minutes ({params.close_before_minutes:g}) was expected, "
                f"found {params.last_entry_minutes:g}"
            )
        return super().check(params)

    @classmethod
    def contracts(cls, params: Any) -> ContractRules:
        """It trades options on its symbol, and the exit engine closes them whether or not a bar comes."""
        return ContractRules(params.chain_wait_s, params.chain_max_age_s, params.close_before_minutes * 60.0)

    def on_bar(self, ctx: Context) -> Wish | None:
        wish = super().on_bar(ctx)
        # A bar that closes with the bell still belongs to the session that ends there.
        session = session_of(instrument_for(ctx.symbol).calendar)(ctx.ts - 1)
        if session.open < ctx.ts and _minutes_left(session, ctx.ts) <= self.params.close_before_minutes:
            return Wish(0, self.reasons[0], evidence={"price": ctx.price}) if ctx.position else None
        if wish is None or not self._may_enter(session, ctx.ts):
            return None
        return wish

    def _may_enter(self, session: Session, ts: int) -> bool:
        return session.open < ts and _minutes_left(session, ts) > self.params.last_entry_minutes

    def evidence(self, ctx: Context, values: dict[str, float]) -> Mapping[str, float]:
        """Both lines, and the index the strike is chosen by."""
        return {**super().evidence(ctx, values), "spot": ctx.price}


def _minutes_left(session: Session, ts: int) -> float:
    return (session.close - ts) / NS_PER_MINUTE
