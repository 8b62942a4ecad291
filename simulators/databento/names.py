"""What Databento calls the simulated market's symbols, and what each kind of its symbols resolves to."""

import re
import zlib
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from engine.errors import InvalidInput
from engine.instruments.futures import ROOTS, Contract, active_contract, parse_contract
from simulators.listing import FUTURES
from simulators.market import Market, SymbolMarket

GLBX = "GLBX.MDP3"
DATASETS: dict[str, int] = {GLBX: 1, "XNAS.ITCH": 2, "DBEQ.BASIC": 39, "EQUS.MINI": 95}  # and their publishers
SCHEMAS = (
    "trades",
    "tbbo",
    "mbp-1",
    "ohlcv-1s",
    "ohlcv-1m",
    "ohlcv-1h",
    "ohlcv-1d",
    "definition",
    "statistics",
    "status",
)
STYPES = ("raw_symbol", "continuous", "parent", "instrument_id")
_CONTINUOUS = re.compile(r"(?P<root>[A-Z0-9]+)\.(?P<rule>[cnv])\.(?P<rank>[0-9])")


class Instrument(NamedTuple):
    """One instrument: `asked` is the symbol that somebody asked for, `raw` the exchange's own."""

    asked: str
    raw: str
    id: int
    market: SymbolMarket


class Names:
    """One dataset's instruments on one UTC day: the number of an instrument is good for a day."""

    def __init__(self, market: Market, dataset: str, day: date) -> None:
        self._market = market
        self._dataset = dataset
        self._day = day

    def resolve(self, symbol: str, stype: str) -> list[Instrument]:
        """What `symbol` means; empty where it means nothing here."""
        return [found for raw in self._raws(symbol, stype) if (found := self._instrument(symbol, raw)) is not None]

    def everything(self) -> list[Instrument]:
        """All that the dataset lists: ALL_SYMBOLS."""
        raws = (self._raw_of(name) for name in self._market.listings)
        return [found for raw in raws if raw and (found := self._instrument(raw, raw)) is not None]

    def _raws(self, symbol: str, stype: str) -> Iterator[str]:
        if stype == "raw_symbol":
            yield symbol
        elif stype == "instrument_id":
            yield from (each.raw for each in self.everything() if str(each.id) == symbol)
        elif stype == "continuous":
            match = _CONTINUOUS.fullmatch(symbol)
            if match and match["root"] in ROOTS:
                yield self._ranked(match["root"], match["rule"], int(match["rank"])).databento
        elif stype == "parent":
            root, _, kind = symbol.partition(".")
            if root in ROOTS and kind == "FUT":
                yield from (self._ranked(root, "v", rank).databento for rank in range(2))

    def _ranked(self, root: str, rule: str, rank: int) -> Contract:
        contract = active_contract(root, self._day)
        if rule == "c":  # the calendar's front month is held until it expires
            contract = active_contract(root, self._day, days_before=-1)
        for _ in range(rank):
            contract = contract.following
        return contract

    def _instrument(self, asked: str, raw: str) -> Instrument | None:
        name = self._market_name(raw)
        market = self._market.find(name) if name else None
        if market is None:
            return None
        number = zlib.crc32(f"{self._dataset}/{raw}/{self._day}".encode()) % 9_000_000 + 1_000
        return Instrument(asked, raw, number, market)

    def _market_name(self, raw: str) -> str | None:
        if self._dataset != GLBX:
            return raw if raw.isalpha() else None
        try:
            contract = parse_contract(raw, as_of=self._day)
        except InvalidInput:
            return None
        return contract.streamer if contract.root in FUTURES and not raw.startswith("/") else None

    def _raw_of(self, name: str) -> str | None:
        if self._dataset != GLBX:
            return None if name.startswith("/") else name
        return parse_contract(name, as_of=self._day).databento if name.startswith("/") else None
