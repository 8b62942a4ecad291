"""A chain as it is now: asked at a pace that its source allows, with what feeds stream of it laid over it."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, NamedTuple

import msgspec

from engine.errors import FortifiedError, NotFound
from engine.model.market import NAN
from engine.model.time import NS_PER_MS, NS_PER_S
from engine.options.atm import option_hours
from engine.options.chain import ChainEntry, OptionChain
from engine.options.rules import ContractRules
from engine.options.synthetic import MODEL
from engine.ports import ChainSource
from infra.orm import in_database
from infra.redis import keys
from infra.redis.client import AsyncRedis
from trading.options.board_view import FEED, STRIKES, Seen, Spot, board_row

logger = logging.getLogger(__name__)

Row = dict[str, Any]
Opened = Callable[[Callable[[str], float]], ChainSource | None]

KEPT_S = 600  # a chain that nobody renews
ANSWER_S = 15.0
_DRIFT = 20  # strikes: the money may have moved since the source told its price
INTEREST_S = 10.0  # an interest that is not renewed ends


class Pace(NamedTuple):
    """Seconds between two questions for a chain, and for the quotes of what is shown, where a chain costs too much to
    be asked for each time (and no feed streams them). `follows_feeds`: what feeds stream is of the same market."""

    chain_s: float
    quotes_s: float | None = None
    follows_feeds: bool = True


# Schwab lets 120 questions a minute through, the trader's among them, and a chain is one. At tastytrade a chain is the
# list of every contract there is, and its quotes are other questions.
PACES = {"schwab": Pace(5.0), "tastytrade": Pace(60.0, 3.0), MODEL: Pace(0.5, follows_feeds=False)}


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a source told last, and why it told nothing since."""

    chain: OptionChain | None = None
    problem: str = ""
    asked: int = 0


class ChainBoard:
    """The chain on `symbol` that expires today (while no session is open: at the next one's end) by one source.

    What a source told is kept in Redis with whose turn it is to ask: however many processes look, it is asked once.
    `source` is opened when it is asked for the first time; it is given where the underlying's price is seen.
    """

    def __init__(
        self,
        client: AsyncRedis,
        symbol: str,
        *,
        source: str,
        pace: Pace,
        opened: Opened,
        rules: ContractRules,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._client = client
        self._symbol = symbol
        self._name = source
        self._pace = pace
        self._opened = opened
        self._rules = rules
        self._now_ns = now_ns
        self._source: ChainSource | None = None
        self._spot = NAN

    @property
    def expiry(self) -> date:
        return option_hours(self._symbol).trading_day(self._now_ns())

    async def refresh(self) -> None:
        """Ask the source, where it is somebody's turn."""
        seen = await self._seen()
        self._spot = seen.spot.price
        if await self._turn("chain", self._pace.chain_s):
            await self._ask_for_chain(seen)
            return
        quotes_s = self._pace.quotes_s
        is_due = quotes_s is not None and seen.near and not seen.is_streamed
        if is_due and await self._turn("quotes", quotes_s or 0.0):
            await self._ask_for_quotes(seen)

    async def row(self) -> Row:
        """What is known now, as pages and the API show it; those who look at it are said to be interested."""
        seen = await self._seen()
        if seen.near and self._pace.follows_feeds:
            await self._be_interested(entry.contract.symbol for entry in seen.near)
        return board_row(self._symbol, self.expiry, seen, rules=self._rules, now=self._now_ns(), source=self._name)

    async def close(self) -> None:
        if self._source is not None:
            await self._source.close()

    # ---- asking ------------------------------------------------------------------------------------------------

    async def _turn(self, what: str, every_s: float) -> bool:
        key = keys.chain_turn(self._name, self._symbol, what)
        return bool(await self._client.set(key, "1", nx=True, px=int(every_s * 1000)))

    async def _ask_for_chain(self, seen: Seen) -> None:
        chain, problem = seen.chain, ""
        try:
            async with asyncio.timeout(ANSWER_S):
                chain = await (await self._open()).chain(self._symbol, self.expiry)
        except TimeoutError:
            problem = f"{self._name} did not answer within {ANSWER_S:g} s"
        except FortifiedError as error:
            problem = error.detail
        except Exception as error:  # whatever broke on the way: it is shown, and asked again
            logger.warning("%s: fetching the chain of %s broke", self._name, self._symbol, exc_info=True)
            problem = f"{type(error).__name__}: {error}"
        await self._keep(Told(chain, problem, self._now_ns()))

    async def _ask_for_quotes(self, seen: Seen) -> None:
        """A question that fails is not shown: the quotes grow old, which is."""
        near = [entry.contract.symbol for entry in seen.near]
        try:
            async with asyncio.timeout(ANSWER_S):
                quotes = await (await self._open()).quotes(near)
        except Exception as error:  # noqa: BLE001 - whatever broke: the next question follows
            logger.info("%s: no quotes of options on %s: %s", self._name, self._symbol, error)
            return
        if seen.chain is not None:
            await self._keep(Told(seen.chain.quoted(quotes), seen.problem, self._now_ns()))

    async def _keep(self, told: Told) -> None:
        await self._client.set(keys.chain(self._name, self._symbol), msgspec.json.encode(told), ex=KEPT_S)

    async def _open(self) -> ChainSource:
        if self._source is None:
            self._source = await in_database(self._opened)(lambda _: self._spot)
        if self._source is None:
            raise NotFound(f"{self._name}: there is no such source of option chains")
        return self._source

    async def _be_interested(self, symbols: Iterable[str]) -> None:
        now = self._now_ns() // NS_PER_MS
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.zremrangebyscore(keys.option_interest(), "-inf", now)
            pipe.zadd(keys.option_interest(), dict.fromkeys(symbols, now + int(INTEREST_S * 1000)))
            await pipe.execute()

    # ---- reading -----------------------------------------------------------------------------------------------

    async def _seen(self) -> Seen:
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.get(keys.chain(self._name, self._symbol))
            pipe.hgetall(keys.quote(self._symbol))
            text, quote = await pipe.execute()
        told = msgspec.json.decode(text, type=Told) if text is not None else Told()
        chain = told.chain if told.chain is not None and self._is_of_today(told.chain) else None
        spot = self._spot_of(quote, chain)
        streamed: list[ChainEntry] = []
        if chain is not None and spot.price == spot.price and self._pace.follows_feeds:
            near = [entry.contract.symbol for entry in chain.near(spot.price, STRIKES + _DRIFT)]
            found = await self._client.mget([keys.option_quote(symbol) for symbol in near]) if near else []
            streamed = [msgspec.json.decode(each, type=ChainEntry) for each in found if each is not None]
        return Seen.of(chain, streamed, spot=spot, problem=told.problem, asked=told.asked)

    def _is_of_today(self, chain: OptionChain) -> bool:
        return all(entry.contract.expiry == self.expiry for entry in chain.entries[:1])

    def _spot_of(self, quote: dict[str, str], chain: OptionChain | None) -> Spot:
        """The feed's price, which is what strategies see; where there is none or it is old, the source's own."""
        price, at = float(quote.get("last") or NAN), int(quote.get("ts") or 0)
        fed = Spot(price, at, FEED)
        if chain is None or chain.spot != chain.spot:
            return fed
        return fed if price == price and chain.ts - at < 60 * NS_PER_S else Spot(chain.spot, chain.ts, self._name)
