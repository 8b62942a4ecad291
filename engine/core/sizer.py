"""What sizes and exit distances are worked out from: the present state of the engine."""

from decimal import Decimal
from typing import TYPE_CHECKING

from engine.core.holding import Holding
from engine.decision.sizing import Basis, size, sizing_specs

if TYPE_CHECKING:
    from engine.core.engine import Engine

NAN = float("nan")
PERCENT = 100.0  # the rate of change is in percent


class Sizer:
    """Reads an engine; changes nothing."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    def size_of(self, holding: Holding) -> Decimal:
        """What one unit of target is for that holding, now."""
        engine = self._engine
        config = engine.slots[holding.slot_key].config
        if config.sizing is None:
            return holding.unit
        account = engine.accounts["strategy", holding.strategy]
        broker = engine.accounts["broker", holding.broker]
        specs = sizing_specs(config.sizing)
        measured = self._read(holding, specs[0]) if specs else NAN
        basis = Basis(
            unit=holding.unit,
            equity=float(engine.config.capital.get(holding.broker, Decimal(0))) + broker.equity,
            price=engine.price_of(holding.symbol),
            atr=measured,
            volatility=measured / PERCENT,
            wins=account.wins,
            losses=account.losses,
            average_win=account.won / account.wins if account.wins else 0.0,
            average_loss=account.lost / account.losses if account.losses else 0.0,
        )
        return size(config.sizing, basis, engine.config.instruments[holding.symbol])

    def atr_of(self, holding: Holding) -> float:
        """The average true range that the holding's exits are measured in; nan where none of them is."""
        exits = holding.exits
        slot = self._engine.slots[holding.slot_key]
        spec = f"atr({exits.atr_period})" if exits is not None else ""
        return self._read(holding, spec) if spec in slot.exit_specs else NAN

    def _read(self, holding: Holding, spec: str) -> float:
        config = self._engine.slots[holding.slot_key].config
        return self._engine.symbols[holding.underlying].streams[config.timeframe].frame[spec]
