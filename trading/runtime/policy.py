"""What a book with real accounts does when something is not as it should be, as people set it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.core.config import RollPolicy
from engine.instruments.futures import rolls_in_use
from engine.model.accounts import Policy


def _s(description: str) -> Meta:
    return Meta(gt=0, description=description)


class ExecutionPolicy(msgspec.Struct, frozen=True):
    """Seconds and choices of one book; what is not set keeps the value that is right for most."""

    exits: Annotated[
        Literal["venue", "stop", "engine"],
        Meta(
            description="where stops and targets wait; venue: at the broker, as far as it can, stop: one stop there, "
            "engine: all are watched here"
        ),
    ] = "venue"
    stop_rejected: Annotated[
        Literal["hold", "flatten"],
        Meta(
            description="after a stop was refused; hold: the engine watches its level, flatten: it closes at the market"
        ),
    ] = "hold"
    allow_short: Annotated[bool, Meta(description="shares may be sold short, where a strategy wishes it")] = True
    sessions: Annotated[
        Literal["exchange", "always"],
        Meta(description="exchange: an order for now needs an open one, always: a rehearsal whose market never closes"),
    ] = "exchange"
    roll: Annotated[
        Literal["close", "hold"],
        Meta(description="close: futures are closed before their contract rolls, hold: they stay in it until an exit"),
    ] = "close"
    roll_close_s: Annotated[
        float, _s("so long before the last session under the old contract ends; no entries from then on")
    ] = 900.0
    chains: Annotated[
        str,
        Meta(description="where option chains come from: an account, or on paper synthetic or synthetic:VOLATILITY"),
    ] = ""
    external_trades: Annotated[
        Policy,
        Meta(
            description="of what somebody else trades in the account; pause: no entries in the symbol until a person "
            "decides, adopt: it becomes ours, ignore: it stays somebody else's"
        ),
    ] = Policy.PAUSE
    external_trades_by_symbol: Annotated[dict[str, Policy], Meta(description="the same by symbol")] = {}
    cash_differences: Annotated[
        Policy,
        Meta(description="of money that moved without a trade; ignore: our books follow, pause: a person decides"),
    ] = Policy.IGNORE
    cash_tolerance: Annotated[float, _s("dollars: fees and interest that a venue books later do not count at once")] = (
        5.0
    )
    stale_entry_s: Annotated[float, _s("an entry that waited longer for its turn is not sent any more")] = 30.0
    retry_s: Annotated[
        float, _s("what certainly did not happen (a pause asked for, nobody reached) is tried again so long")
    ] = 10.0
    answer_s: Annotated[float, _s("without an answer by then, what became of an order is unknown")] = 15.0
    never_came_after_s: Annotated[
        float, _s("an order that the venue does not know so long after it was sent never came")
    ] = 15.0
    confirm_cancel_s: Annotated[float, _s("a cancel that is not confirmed by then is asked about")] = 2.0
    poll_s: Annotated[float, _s("how often is asked while the account stream is down")] = 3.0
    check_every_s: Annotated[float, _s("between two comparisons of an account with our books")] = 30.0
    recheck_s: Annotated[float, _s("a difference must be the same three times, so long apart")] = 1.0
    look_back_s: Annotated[float, _s("how far back a start asks for orders and executions")] = 86_400.0

    def rolls(self, *, is_real: bool) -> RollPolicy:
        """What happens to futures that roll, by the rules of this process. A simulated venue has prices of the active
        contract only: what is held on paper is always closed before."""
        keeps = self.roll == "hold" and is_real
        return RollPolicy(rolls_in_use(), None if keeps else self.roll_close_s)

    def of(self, symbol: str) -> Policy:
        """What to do about somebody else's trade in `symbol`."""
        return self.external_trades_by_symbol.get(symbol, self.external_trades)
