"""How much a result depends on where its data begin: the same run, begun later."""

from collections.abc import Sequence
from typing import Any

from backtest.stored import StoredRun
from engine.model.positions import TradeClosed
from engine.model.time import iso

STARTS = (0.1, 0.25, 0.5)  # of the time that the data cover


def begun_later(run: StoredRun, *, starts: Sequence[float] = STARTS) -> list[dict[str, Any]]:
    """A row for each start: of the trades that the whole run entered once the later one was warm, how many both have
    (same times, sides and prices), and from which moment on all are the same. None where neither traded.

    An average that remembers everything agrees from the first day on; a strategy whose state never fades does not.
    """
    first, last = run.curve.ts[0], run.curve.ts[-1]
    rows = []
    for share in starts:
        begin = int(first + share * (last - first))
        later = run.again(start=begin)
        later.play()
        ready = min((trade.entry_ts for trade in later.outcome.trades), default=None)
        rows.append({"start": iso(begin), **compared(run.outcome.trades, later.outcome.trades, ready)})
    return rows


def compared(whole: Sequence[TradeClosed], later: Sequence[TradeClosed], ready: int | None) -> dict[str, Any]:
    """How alike two lists of trades are from the first entry of the later one on."""
    if ready is None:
        return {"trades": 0, "same": 0, "share": None, "same_from": None}
    mine = {_key(trade) for trade in whole if trade.entry_ts >= ready}
    theirs = {_key(trade) for trade in later}
    both, either = mine & theirs, mine | theirs
    last_other = max((key[0] for key in either - both), default=None)
    settled = min((key[0] for key in both if last_other is None or key[0] > last_other), default=None)
    return {
        "trades": len(either),
        "same": len(both),
        "share": len(both) / len(either) if either else None,
        "same_from": None if settled is None else iso(settled),
    }


def _key(trade: TradeClosed) -> tuple[Any, ...]:
    return (
        trade.entry_ts, trade.exit_ts, trade.strategy, trade.symbol, trade.side.value, trade.entry_price,
        trade.exit_price,
    )  # fmt: skip
