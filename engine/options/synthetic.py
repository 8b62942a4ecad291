"""Option prices of a model, for runs without quotes of options: rehearsals, and simulations that ask for it."""

import math
from collections.abc import Iterable
from decimal import Decimal
from statistics import NormalDist

from engine.errors import InvalidInput
from engine.instruments.options import INDEX_ROOTS, OptionContract, parse_option
from engine.model.market import NAN, Quote
from engine.model.time import NS_PER_DAY, NS_PER_S
from engine.options.atm import expiring_today
from engine.options.chain import ChainEntry, OptionChain

_NORMAL = NormalDist()
_YEAR_NS = 365.25 * NS_PER_DAY
_LAST_NS = 60 * NS_PER_S  # the last minute is held, so that no division is by zero
_ROOTS = {"SPX": "SPXW", "NDX": "NDXP", "RUT": "RUTW"}


MODEL = "synthetic"
CHAINS = "Prices of options by a model: synthetic, or synthetic:VOLATILITY (0.2 is twenty percent a year)."


class SyntheticChains:
    """Chains that Black and Scholes price with one volatility (a year's, as a fraction) and no interest.

    Bid and ask lie on the grid, one step apart around the price; what is worth less than a step has no bid. The prices
    say nothing about what an option traded at: that is for the one who configures them to know.
    """

    def __init__(self, *, volatility: float = 0.15, strikes: int = 20, step: float = 5.0) -> None:
        if not 0 < volatility <= 5:
            raise InvalidInput(f"volatility: a fraction above 0 was expected, found {volatility:g}", field="volatility")
        self._volatility = volatility
        self._strikes = strikes
        self._step = step

    def chain(self, underlying: str, *, spot: float, ts: int) -> OptionChain:
        """Today's contracts around `spot` as of `ts`; `NoContract` where no session is open."""
        if underlying not in INDEX_ROOTS.values():
            raise InvalidInput(f"underlying: an index was expected, found {underlying!r}", field="underlying")
        day = expiring_today(underlying, ts)
        centre = round(spot / self._step)
        contracts = [
            OptionContract(_ROOTS.get(underlying, underlying), day, right, Decimal(repr((centre + n) * self._step)))
            for n in range(-self._strikes, self._strikes + 1)
            for right in "CP"
        ]
        entries = tuple(ChainEntry(each, *self._touch(each, spot, ts)) for each in contracts)
        return OptionChain(underlying, ts, entries, f"model: volatility {self._volatility:g}")

    def quotes(self, symbols: Iterable[str], *, spot: float, ts: int) -> list[Quote]:
        """Those options at `ts`; what has ended is not quoted."""
        contracts = {symbol: parse_option(symbol) for symbol in symbols}
        return [
            Quote(ts, symbol, *self._touch(contract, spot, ts))
            for symbol, contract in contracts.items()
            if contract.last_trade > ts
        ]

    def _touch(self, contract: OptionContract, spot: float, ts: int) -> tuple[float, float]:
        value = self._value(contract, spot, ts)
        tick = contract.tick_size(Decimal(repr(value)))
        bid = int(value / float(tick)) * tick
        return (float(bid) if bid else NAN), float(bid + tick)

    def _value(self, contract: OptionContract, spot: float, ts: int) -> float:
        strike = float(contract.strike)
        years = max(contract.last_trade - ts, _LAST_NS) / _YEAR_NS
        spread = self._volatility * math.sqrt(years)
        above = math.log(spot / strike) / spread + spread / 2
        call = spot * _NORMAL.cdf(above) - strike * _NORMAL.cdf(above - spread)
        return max(call if contract.right == "C" else call - spot + strike, 0.0)


def parse_chains(text: str) -> SyntheticChains:
    """ "synthetic", or with a volatility "synthetic:0.2"."""
    name, separator, volatility = text.partition(":")
    if name != MODEL:
        raise InvalidInput(f"chains: {MODEL} or {MODEL}:VOLATILITY was expected, found {text!r}", field="chains")
    if not separator:
        return SyntheticChains()
    try:
        return SyntheticChains(volatility=float(volatility))
    except ValueError as error:
        raise InvalidInput(f"chains: {MODEL}:0.15 was expected, found {text!r}", field="chains") from error
