"""Lists of assets: one small port, the names that come with the product, exported files, a daily cache."""

import csv
import json
import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from engine.errors import InvalidInput, NotFound

NAMES = Path(__file__).parent / "names.toml"
DAY_S = 24 * 3600.0
_TRUE = {"", "1", "true", "yes", "y", "active", "t"}


class Asset(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one symbol. Price and market value in dollars, None where the source gives none; `tier` large,
    mid, small or empty; `is_popular` where people ask for it by name."""

    symbol: str
    name: str = ""
    exchange: str = ""
    asset_class: str = "us_equity"
    is_active: bool = True
    is_tradable: bool = True
    price: float | None = None
    market_value: float | None = None
    tier: str = ""
    is_popular: bool = False


class AssetSource(Protocol):
    """Where a list comes from; `assets` may take long and may fail with one of our errors."""

    name: str

    def assets(self) -> list[Asset]: ...


class BuiltIn:
    """The dated file beside this module. Popular are the large ones, the funds and the other well-known names."""

    name = "built-in"

    def assets(self) -> list[Asset]:
        with NAMES.open("rb") as file:
            document = tomllib.load(file)
        tiers = {"large": "large", "mid": "mid", "small": "small", "funds": "", "well_known": ""}
        return [
            Asset(
                symbol=symbol, name=name, exchange=exchange, tier=tier,
                is_popular=group in ("large", "funds", "well_known"),
            )
            for group, tier in tiers.items()
            for symbol, (name, exchange) in document[group].items()
        ]  # fmt: skip

    @property
    def as_of(self) -> str:
        with NAMES.open("rb") as file:
            return str(tomllib.load(file)["as_of"])


class AssetFile:
    """A CSV with a column `symbol` and any of `name exchange asset_class status tradable price market_value tier`, or
    a JSON list of such objects. Alpaca's /v2/assets answer is one: its `class` is our asset class."""

    def __init__(self, path: str | Path) -> None:
        self.name = f"file:{Path(path).name}"
        self._path = Path(path)

    def assets(self) -> list[Asset]:
        known = {each.symbol: each for each in BuiltIn().assets()}
        return [self._asset(row, known) for row in self._rows()]

    def _rows(self) -> list[dict[str, Any]]:
        if not self._path.is_file():
            raise NotFound(f"SYMBOL_FILE: {self._path} does not exist", field="SYMBOL_FILE")
        text = self._path.read_text()
        if self._path.suffix.lower() != ".json":
            return list(csv.DictReader(text.splitlines()))
        try:
            found = json.loads(text)
        except ValueError as error:
            raise InvalidInput(f"SYMBOL_FILE: {self._path.name} is no JSON: {error}", field="SYMBOL_FILE") from error
        if not isinstance(found, list):
            raise InvalidInput(f"SYMBOL_FILE: a list was expected in {self._path.name}", field="SYMBOL_FILE")
        return found

    def _asset(self, row: Mapping[str, Any], known: Mapping[str, Asset]) -> Asset:
        symbol = str(row.get("symbol") or "").strip().upper()
        if not symbol:
            raise InvalidInput(f"SYMBOL_FILE: every row of {self._path.name} needs a symbol", field="SYMBOL_FILE")
        ours = known.get(symbol)
        return Asset(
            symbol=symbol,
            name=str(row.get("name") or ""),
            exchange=str(row.get("exchange") or "").upper(),
            asset_class=str(row.get("asset_class") or row.get("class") or "us_equity"),
            is_active=_is_true(row.get("status")),
            is_tradable=_is_true(row.get("tradable")),
            price=_number(row.get("price")),
            market_value=_number(row.get("market_value") or row.get("market_cap")),
            tier=str(row.get("tier") or (ours.tier if ours else "")),
            is_popular=ours.is_popular if ours else False,
        )


class Cached:
    """Another source, asked once in 24 hours. What was fetched is a file, so that every process knows it."""

    def __init__(self, source: AssetSource, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        self.name = source.name
        self._source = source
        self._path = folder / f"{source.name.replace(':', '-').replace('/', '-')}.json"
        self._now = now

    def assets(self) -> list[Asset]:
        """From the cache, or fetched where that is older than a day or cannot be read."""
        if self.age_s < DAY_S:
            try:
                return msgspec.json.decode(self._path.read_bytes(), type=list[Asset])
            except (msgspec.DecodeError, OSError):
                return self.fetch()
        return self.fetch()

    def fetch(self) -> list[Asset]:
        """Ask the source now."""
        found = self._source.assets()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".part")
        draft.write_bytes(msgspec.json.encode(found))
        draft.replace(self._path)
        return found

    @property
    def age_s(self) -> float:
        """Seconds since the list was fetched; infinite where it never was."""
        try:
            return self._now() - self._path.stat().st_mtime
        except OSError:
            return float("inf")


def _is_true(value: Any) -> bool:
    return value is None or str(value).strip().lower() in _TRUE


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
