"""What is left when trading costs more: the same run with its fees and its slippage several times over."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from backtest.stored import StoredRun
from engine.instruments.instrument import Instrument
from engine.model.orders import Order
from engine.venue.fees import Fees
from engine.venue.fills import Touch
from engine.venue.slippage import FixedSlippage, NoSlippage, Slippage

FACTORS = (0, 1, 2, 3)


class ScaledSlippage:
    """`factor` times the distance of another model."""

    def __init__(self, model: Slippage, factor: float) -> None:
        self._model, self._factor = model, factor

    def distance(self, *, instrument: Instrument, quantity: float, volume: float, touch: Touch) -> float:
        found = self._model.distance(instrument=instrument, quantity=quantity, volume=volume, touch=touch)
        return self._factor * found


class ScaledFees:
    """`factor` times the fees of another schedule."""

    def __init__(self, model: Fees, factor: int) -> None:
        self._model, self._factor = model, Decimal(factor)

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal:
        found = self._model.fee(instrument=instrument, order=order, quantity=quantity, price=price, before=before)
        return self._factor * found


def stressed(run: StoredRun, *, factors: Sequence[int] = FACTORS) -> dict[str, Any]:
    """A row for each factor. Where the run has no slippage of its own, one tick is what is multiplied: `assumed`."""
    assumed = isinstance(run.slippage, NoSlippage)
    slippage: Slippage = FixedSlippage(1.0) if assumed else run.slippage
    rows = []
    for factor in factors:
        again = run.again()
        again.set_costs(ScaledFees(run.fees, factor), ScaledSlippage(slippage, factor))
        again.play()
        stats = again.result(timing=None)["stats"]
        rows.append({"factor": factor, **{name: stats[name] for name in ("trades", "net_pnl", "fees", "max_drawdown")}})
    return {"assumed": "one tick of slippage" if assumed else "", "rows": rows, "survives": _survives(rows)}


def _survives(rows: Sequence[dict[str, Any]]) -> float | None:
    """The factor at which nothing is left, between the rows on a straight line; None where something is left at every
    one, 0 where nothing is left even without costs."""
    before: tuple[float, float] | None = None
    for row in rows:
        factor, net = float(row["factor"]), float(row["net_pnl"])
        if net <= 0:
            if before is None:
                return 0.0
            return before[0] + (factor - before[0]) * before[1] / (before[1] - net)
        before = (factor, net)
    return None
