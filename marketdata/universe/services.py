"""The universe as the settings want it: a mode, its filters, its limits."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from engine.errors import InvalidInput
from engine.instruments.catalog import normalize_symbol
from marketdata.models import UNIVERSE_MODES
from marketdata.universe.assets import Asset, AssetFile, AssetSource, BuiltIn, Cached
from marketdata.universe.filters import reason_against

MODES = UNIVERSE_MODES
LARGE_FROM, MID_FROM = 10e9, 2e9  # dollars of market value


class Excluded(NamedTuple):
    symbol: str
    reason: str


class Universe(NamedTuple):
    """`chosen` in order; the first `streamed` of them go over the WebSocket, the rest is polled. `note` says what a
    reader should know about the list itself."""

    mode: str
    source: str
    chosen: list[Asset]
    excluded: list[Excluded]
    streamed: int
    note: str

    @property
    def polled(self) -> list[Asset]:
        return self.chosen[self.streamed :]


def choose(
    mode: str | None = None, *, symbols: Sequence[str] | None = None, source: AssetSource | None = None
) -> Universe:
    """The symbols of `mode` (default: `SYMBOL_MODE`), at most `MAX_SYMBOLS`; `symbols` overrules `SYMBOLS`."""
    wanted = mode or settings.SYMBOL_MODE
    if wanted not in MODES:
        raise InvalidInput(f"mode: expected one of {', '.join(MODES)}; found {wanted!r}", field="mode")
    if wanted == "custom":
        names = settings.SYMBOLS if symbols is None else symbols
        if not names:
            raise InvalidInput("SYMBOLS: the mode custom needs at least one symbol, found none", field="SYMBOLS")
        found = [Asset(symbol=normalize_symbol(each)) for each in names]
        return _limited(wanted, "SYMBOLS", list({each.symbol: each for each in found}.values()), [], "")
    assets = source or default_source()
    chosen: list[Asset] = []
    excluded: list[Excluded] = []
    for asset in assets.assets():
        if not _is_in(wanted, asset):
            continue
        reason = reason_against(asset)
        if reason is None:
            chosen.append(asset)
        else:
            excluded.append(Excluded(asset.symbol, reason))
    return _limited(wanted, assets.name, chosen, excluded, _note(wanted, assets))


def default_source() -> AssetSource:
    """`SYMBOL_FILE`, read once a day, or the names that come with the product."""
    if not settings.SYMBOL_FILE:
        return BuiltIn()
    return Cached(AssetFile(settings.SYMBOL_FILE), Path(settings.VAR_DIR) / "universe")


def tier_of(asset: Asset) -> str:
    """By market value where it is known, else as the source says; empty for funds and where nothing is known."""
    if asset.market_value is None:
        return asset.tier
    if asset.market_value >= LARGE_FROM:
        return "large"
    return "mid" if asset.market_value >= MID_FROM else "small"


def _is_in(mode: str, asset: Asset) -> bool:
    if mode == "all":
        return True
    if mode == "popular":
        return asset.is_popular
    if mode == "large" and asset.market_value is None:
        return asset.tier == "large"
    return tier_of(asset) == mode


def _note(mode: str, source: AssetSource) -> str:
    if isinstance(source, BuiltIn) and mode == "all":
        return (
            f"These are the names that come with the product (as of {source.as_of}), not every US share: "
            "set SYMBOL_FILE to a list of assets for that."
        )
    return f"Tiers as of {source.as_of}." if isinstance(source, BuiltIn) else ""


def _limited(mode: str, source: str, chosen: list[Asset], excluded: list[Excluded], note: str) -> Universe:
    most, streamed = settings.MAX_SYMBOLS, settings.MAX_WEBSOCKET_SYMBOLS
    over = [Excluded(asset.symbol, f"it is beyond MAX_SYMBOLS={most}") for asset in chosen[most:]]
    kept = chosen[:most]
    return Universe(mode, source, kept, excluded + over, min(streamed, len(kept)), note)
