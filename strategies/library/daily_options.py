"""What strategies share that buy options which expire today: entries inside the session, flat before its close."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from engine.instruments.catalog import instrument_for
from engine.instruments.sessions import Session, session_of
from engine.model.time import NS_PER_MINUTE
from engine.options.rules import ContractRules
from engine.strategy.base import Wish
from engine.strategy.context import Context
from engine.strategy.decision import StepStrategy

CUT_OFF = "cut_off"
CloseBefore = Annotated[
    float, Meta(ge=1, le=240, description="flat that long before the session's close, also on half days")
]
LastEntry = Annotated[float, Meta(ge=1, le=390, description="no entry in that many last minutes of the session")]
ChainWait = Annotated[
    float, Meta(ge=1, le=300, description="a wish that is no order after that many seconds is given up")
]
ChainAge = Annotated[float, Meta(ge=1, le=300, description="seconds that the newest quote of a chain may be old")]


class DailyOptions(StepStrategy):
    """+1 is a call, −1 a put on the symbol. `Params` has `close_before_minutes`, `last_entry_minutes`, `chain_wait_s`
    and `chain_max_age_s`; where one is left, inside the session or not, the step decides."""

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
            return Wish(0, CUT_OFF, evidence={"price": ctx.price}) if ctx.position else None
        if wish is None or (wish.target and not self._may_enter(session, ctx.ts)):
            return None
        return wish

    def evidence(self, ctx: Context, values: dict[str, float]) -> Mapping[str, float]:
        """With the index that the strike is chosen by."""
        return {**super().evidence(ctx, values), "spot": ctx.price}

    def _may_enter(self, session: Session, ts: int) -> bool:
        return session.open < ts and _minutes_left(session, ts) > self.params.last_entry_minutes


def _minutes_left(session: Session, ts: int) -> float:
    return (session.close - ts) / NS_PER_MINUTE
