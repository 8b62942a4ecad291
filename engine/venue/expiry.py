"""Contracts that end: when, and what they are worth then."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from engine.errors import InvalidInput
from engine.instruments.options import OptionContract

NEVER = 1 << 62


class Expiries:
    """Options by symbol, and the next moment one of them ends.

    Settled in cash at the intrinsic value of the underlying's last price, which is how index options end; options on
    shares are treated alike, their delivery is not simulated.
    """

    def __init__(self, contracts: Mapping[str, OptionContract] | None = None) -> None:
        self._left: dict[str, tuple[int, OptionContract]] = {}
        self.next_ts = NEVER
        for symbol, contract in (contracts or {}).items():
            self.add(symbol, contract)

    def add(self, symbol: str, contract: OptionContract) -> None:
        """One more that will end."""
        if contract.is_am_settled:
            raise InvalidInput(f"options: {symbol} settles on opening prices, which are not simulated", field="options")
        self._left[symbol] = (contract.last_trade, contract)
        self.next_ts = min(self.next_ts, contract.last_trade)

    def due(self, ts: int) -> list[tuple[str, OptionContract]]:
        """Those that end at or before `ts`, each once."""
        ended = [(symbol, contract) for symbol, (end, contract) in self._left.items() if end <= ts]
        for symbol, _ in ended:
            del self._left[symbol]
        self._refresh()
        return ended

    def left(self) -> list[str]:
        """The contracts that have not ended."""
        return list(self._left)

    def keep(self, symbols: Iterable[str]) -> None:
        """Only these have not ended (from a snapshot)."""
        wanted = set(symbols)
        self._left = {symbol: entry for symbol, entry in self._left.items() if symbol in wanted}
        self._refresh()

    def _refresh(self) -> None:
        self.next_ts = min((end for end, _ in self._left.values()), default=NEVER)


def intrinsic(contract: OptionContract, spot: Decimal) -> Decimal:
    """What the option is worth at its end, per unit."""
    gain = spot - contract.strike if contract.right == "C" else contract.strike - spot
    return max(gain, Decimal(0))
