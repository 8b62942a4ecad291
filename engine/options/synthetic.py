"""Option prices of a model, for runs without quotes of options: rehearsals, and simulations that ask for it."""

import math
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from statistics import NormalDist

from engine.errors import InvalidInput
from engine.instruments.options import OptionContract, parse_option
from engine.model.market import NAN, Quote
from engine.model.time import NS_PER_DAY, NS_PER_S
from engine.options.atm import expiring_today
from engine.options.chain import ChainEntry, Greeks, OptionChain

_NORMAL = NormalDist()
_YEAR_NS = 365.25 * NS_PER_DAY
_COARSE_FROM = 1000.0  # strikes of what is worth so much are five points apart
_LAST_NS = 60 * NS_PER_S  # the last minute is held, so that no division is by zero
_ROOTS = {"SPX": "SPXW", "NDX": "NDXP", "RUT": "RUTW"}


MODEL = "synthetic"
CHAINS = "Prices of options by a model: synthetic, or synthetic:VOLATILITY (0.2 is twenty percent a year)."


class SyntheticChains:
    """Chains that Black and Scholes price with one volatility (a year's, as a fraction) and no interest. Strikes are a
    `step` of points apart: 5 where the underlying is worth thousands, else 1, where none is given.

    Bid and ask lie on the grid, one step apart around the price; what is worth less than a step has no bid. The prices
    say nothing about what an option traded at: that is for the one who configures them to know.
    """

    def __init__(self, *, volatility: float = 0.15, strikes: int = 20, step: float = 0.0) -> None:
        if not 0 < volatility <= 5:
            raise InvalidInput(f"volatility: a fraction above 0 was expected, found {volatility:g}", field="volatility")
        self._volatility = volatility
        self._strikes = strikes
        self._step = step

    def chain(self, underlying: str, *, spot: float, ts: int, expiry: date | None = None) -> OptionChain:
        """The contracts around `spot` that expire on `expiry`, as of `ts`. Without one today's: `NoContract` where no
        session is open."""
        if underlying.startswith("/"):
            raise InvalidInput(
                f"underlying: an index or a stock was expected, found {underlying!r}", field="underlying"
            )
        day = expiry or expiring_today(underlying, ts)
        step = self._step or (5.0 if spot >= _COARSE_FROM else 1.0)
        centre = round(spot / step)
        contracts = [
            OptionContract(_ROOTS.get(underlying, underlying), day, right, Decimal(repr((centre + n) * step)))
            for n in range(-self._strikes, self._strikes + 1)
            for right in "CP"
        ]
        entries = tuple(
            ChainEntry(each, *self._touch(each, spot, ts), ts=ts, greeks=self._greeks(each, spot, ts))
            for each in contracts
        )
        return OptionChain(underlying, ts, entries, f"model: volatility {self._volatility:g}", spot)

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
        above, spread, _ = self._moneyness(contract, spot, ts)
        call = spot * _NORMAL.cdf(above) - strike * _NORMAL.cdf(above - spread)
        return max(call if contract.right == "C" else call - spot + strike, 0.0)

    def _moneyness(self, contract: OptionContract, spot: float, ts: int) -> tuple[float, float, float]:
        """d₁, σ√t, and t in years."""
        years = max(contract.last_trade - ts, _LAST_NS) / _YEAR_NS
        spread = self._volatility * math.sqrt(years)
        return math.log(spot / float(contract.strike)) / spread + spread / 2, spread, years

    def _greeks(self, contract: OptionContract, spot: float, ts: int) -> Greeks:
        """Φ(d₁), φ(d₁)/(Sσ√t), −Sφ(d₁)σ/(2√t) a day, Sφ(d₁)√t a percent; a put's delta is one less."""
        above, spread, years = self._moneyness(contract, spot, ts)
        density = _NORMAL.pdf(above)
        return Greeks(
            delta=round(_NORMAL.cdf(above) - (contract.right == "P"), 4),
            gamma=round(density / (spot * spread), 6),
            theta=round(-spot * density * self._volatility / (2 * math.sqrt(years) * 365.25), 4),
            vega=round(spot * density * math.sqrt(years) / 100, 4),
            volatility=self._volatility,
        )


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
