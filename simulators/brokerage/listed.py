"""What can be traded at a simulated venue: our symbol, the market's, and the prices at any moment."""

import math
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from engine.errors import Conflict, InvalidInput, NotFound
from engine.instruments.catalog import instrument_for, normalize_symbol
from engine.instruments.futures import ROOTS, active_contract, parse_contract
from engine.instruments.instrument import ON_MARGIN, AssetClass, Instrument
from engine.instruments.options import OptionContract, parse_option
from engine.model.time import NS_PER_DAY, NS_PER_MINUTE, to_datetime
from simulators.dxlink.slow import Option, find_option
from simulators.market import Market, SymbolMarket


class Touch(NamedTuple):
    """The market at one moment: the last price and both sides of the quote."""

    ts: int
    price: Decimal
    bid: Decimal
    ask: Decimal


class Listed:
    """One tradable thing. `symbol` is ours: "SPY", "/NQZ26", "SPXW  261120C06000000"."""

    def __init__(
        self, symbol: str, instrument: Instrument, source: SymbolMarket, *, option: Option | None = None
    ) -> None:
        self.symbol = symbol
        self.instrument = instrument
        self.contract: OptionContract | None = parse_option(symbol) if option else None
        self._source = source  # an option's underlying
        self._option = option

    @property
    def underlying(self) -> str:
        """The product that it belongs to: "/NQ", "SPX", the stock itself."""
        if self.contract is not None:
            return self.contract.underlying
        return self.symbol

    def is_open(self, ts: int, *, extended: bool = False) -> bool:
        """Whether it trades at `ts`, in regular hours or, where asked for, outside them."""
        if self.has_expired(ts):
            return False
        is_open, regular = self._source.sessions.masks(ts // NS_PER_DAY)
        mask = is_open if extended or self.instrument.asset_class in ON_MARGIN else regular
        return bool(mask[ts % NS_PER_DAY // NS_PER_MINUTE])

    def has_expired(self, ts: int) -> bool:
        return self.contract is not None and ts >= self.contract.last_trade

    def settlement(self, ts: int) -> Decimal:
        """What an expired option is worth a unit at its underlying's price at `ts`."""
        spot = self._touch_of(self._source, ts)
        if self.contract is None or spot is None:
            raise Conflict(f"{self.symbol} is no option, or its underlying has no price")
        value = spot.price - self.contract.strike
        return max(value if self.contract.right == "C" else -value, Decimal(0))

    def touch(self, ts: int) -> Touch | None:
        """The last quote at or before `ts`; None where there never was one, or nobody bids."""
        if self._option is None:
            return self._touch_of(self._source, ts)
        quote = self._option.quote(ts)
        bid, ask = Decimal(repr(quote["bidPrice"])), Decimal(repr(quote["askPrice"]))
        return Touch(ts, (bid + ask) / 2, bid, ask)

    def touches(self, start: int, end: int) -> Iterator[Touch]:
        """Every print with start < ts ≤ end with its quote, oldest first; an option's quote once, as of `end`."""
        if self._option is not None:
            quote = self.touch(end)
            if quote is not None:
                yield quote
            return
        price = self._price
        for prints, first, last in self._source.slices(start, end):
            for row in range(first, last):
                yield Touch(
                    int(prints.ts[row]), price(int(prints.price[row])), price(int(prints.bid[row])),
                    price(int(prints.ask[row])),
                )  # fmt: skip

    def _touch_of(self, market: SymbolMarket, ts: int) -> Touch | None:
        found = market.last(ts)
        if found is None:
            return None
        prints, row, _ = found
        price = partial(decimal_price, market)
        return Touch(
            int(prints.ts[row]), price(int(prints.price[row])), price(int(prints.bid[row])), price(int(prints.ask[row]))
        )

    def _price(self, ticks: int) -> Decimal:
        return decimal_price(self._source, ticks)


class Exchange:
    """Finds what is listed, in any spelling, once."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._known: dict[str, Listed] = {}

    def find(self, symbol: str, ts: int) -> Listed:
        """`NotFound` for what this market does not have; a futures root is the contract that is active at `ts`."""
        name = self._name(symbol, ts)
        if name not in self._known:
            self._known[name] = self._listed(name)
        return self._known[name]

    def _name(self, symbol: str, ts: int) -> str:
        try:
            name = normalize_symbol(symbol)
        except InvalidInput as error:
            raise NotFound(error.detail, field="symbol") from error
        if not name.startswith("/"):
            return name
        day = to_datetime(ts).date()
        is_root = name.removeprefix("/") in ROOTS
        return (active_contract(name, day) if is_root else parse_contract(name, as_of=day)).symbol

    def _listed(self, name: str) -> Listed:
        instrument = instrument_for(name)
        if instrument.asset_class is AssetClass.OPTION:
            option = find_option(self.market, parse_option(name).streamer)
            if option is not None:
                return Listed(name, instrument, option.underlying, option=option)
        elif instrument.asset_class is not AssetClass.INDEX:
            dxfeed = parse_contract(name).streamer if name.startswith("/") else name.replace(".", "/")
            market = self.market.find(dxfeed)
            if market is not None:
                return Listed(name, instrument, market)
        raise NotFound(f"symbol: {name} cannot be traded here", field="symbol")


def decimal_price(market: SymbolMarket, ticks: int) -> Decimal:
    """A price of the market in ticks as money, with the decimals of its grid."""
    places = math.ceil(math.log10(market.listing.ticks_per_point)) if market.listing.ticks_per_point > 1 else 0
    places = 2 if market.listing.ticks_per_point == 4 else places
    return (Decimal(ticks) / market.listing.ticks_per_point).quantize(Decimal(1).scaleb(-places))
