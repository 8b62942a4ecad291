"""Options over DXLink, on a channel of their own: their quotes and greeks make no bars and gaps in them stop nobody."""

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from engine.instruments.options import parse_option
from engine.model.market import NAN, Quote, Tick
from engine.options.chain import ChainEntry, Greeks
from marketdata.feeds.dxlink import messages
from marketdata.feeds.dxlink.messages import Channel, Subscription
from marketdata.feeds.dxlink.translate import FIELDS, Translator
from marketdata.feeds.errors import FeedProtocolError
from marketdata.feeds.facts import SymbolFacts

logger = logging.getLogger(__name__)

CONTRACTS = 7  # the channel
_KINDS = ("Quote", "Greeks", "Trade")
_AGGREGATION_S = 0.5
_GREEKS = ("delta", "gamma", "theta", "vega", "volatility")


class DXLinkContracts:
    """The feed's `ContractLines`; `say` sends frames where there is a connection."""

    def __init__(self, say: Callable[[Iterable[bytes]], Awaitable[None]]) -> None:
        self._say = say
        self._translator = Translator(prints="trade", volume_check="never")
        self._entries: dict[str, ChainEntry] = {}
        self._changed: set[str] = set()

    @property
    def channel(self) -> Channel:
        return Channel(CONTRACTS, {kind: list(FIELDS[kind]) for kind in _KINDS}, _AGGREGATION_S)

    async def follow(self, symbols: Collection[str]) -> None:
        """Exactly these from now on, through every reconnect."""
        gone = self._entries.keys() - set(symbols)
        added = [symbol for symbol in symbols if symbol not in self._entries]
        for symbol in gone:
            self._translator.remove(self._entries.pop(symbol).contract.streamer)
        self._changed -= gone
        if gone:
            await self._say(messages.unsubscribe(CONTRACTS, _subscriptions(gone)))
        for symbol in added:
            self._entries[symbol] = ChainEntry(parse_option(symbol))
        if added:
            await self._say(self.subscriptions(added))

    def subscriptions(self, symbols: Iterable[str] | None = None) -> list[bytes]:
        """What to say for `symbols`; after a reconnect for all."""
        wanted = list(self._entries if symbols is None else symbols)
        for symbol in wanted:
            venue_name = self._entries[symbol].contract.streamer
            self._translator.add(venue_name, symbol)
            self._translator.symbols[venue_name].awaited.clear()  # the last known trade is what is asked for here
        return list(messages.subscribe(CONTRACTS, _subscriptions(wanted)))

    def configure(self, event_fields: Mapping[str, Sequence[str]]) -> None:
        """FEED_CONFIG of the channel."""
        self._translator.configure(event_fields)

    def received(self, data: Any, received_at: int) -> None:
        """One FEED_DATA of the channel. One that cannot be read is left out: the next quote says it all."""
        try:
            events = self._translator.translate(data, received_at)
        except FeedProtocolError as error:
            logger.warning("options: %s", error.detail)
            return
        for event in events:
            if isinstance(event, Quote | Tick | SymbolFacts) and event.symbol in self._entries:
                self._entries[event.symbol] = _with(self._entries[event.symbol], event)
                self._changed.add(event.symbol)

    def take(self) -> list[ChainEntry]:
        """The newest of each that changed since the last call."""
        changed, self._changed = self._changed, set()
        return [self._entries[symbol] for symbol in sorted(changed)]

    def quoted(self) -> list[ChainEntry]:
        """The newest of each that has a quote."""
        return [entry for entry in self._entries.values() if entry.ts]


def _with(entry: ChainEntry, event: Quote | Tick | SymbolFacts) -> ChainEntry:
    """A quote's time is when it came: the venue leaves an option's own times at 0."""
    contract, last, ts, greeks = entry.contract, entry.last, entry.ts, entry.greeks
    bid, ask = entry.bid, entry.ask
    if isinstance(event, Quote):
        bid, ask, ts = _side(event.bid), _side(event.ask), event.ts_recv
    elif isinstance(event, Tick):
        last = event.price
    else:
        told = {name: value for name in _GREEKS if isinstance(value := event.values.get(name), float)}
        greeks = Greeks(**told)
    return ChainEntry(contract, bid, ask, last, ts, greeks)


def _side(price: float) -> float:
    """A side that nobody quotes comes as 0 or not at all."""
    return price if price > 0 else NAN


def _subscriptions(symbols: Iterable[str]) -> list[Subscription]:
    return [Subscription(kind, parse_option(symbol).streamer) for symbol in symbols for kind in _KINDS]
