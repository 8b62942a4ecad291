"""Fetches the chains that a book waits for and the quotes of the options it holds, as a source of its inbox."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence

from engine.core import Engine
from engine.errors import FortifiedError
from engine.instruments.options import parse_option
from engine.model.event import Event
from engine.options.atm import expiring_today
from engine.options.events import ChainReceived, ContractWanted
from engine.ports import ChainSource
from infra.cancelling import cancel
from trading.runtime.inbox import Delivery

logger = logging.getLogger(__name__)

LOOK_S = 0.05  # between two looks at what the engine waits for
QUOTES_S = 1.0  # between two questions for the quotes of what is held
QUOTES_WITHIN_S = 5.0  # an answer that takes longer is not waited for
BLIND_S = 15.0  # people are told when what is held has had no quote for so long
NO_SOURCE = 'no source of option chains is configured for this book: set "chains" in its execution policy'


class ContractSource:
    """One question for a chain at a time for each wish, each asked once; quotes of what is held once a second.

    `source` None answers every wish with the reason. `alert(what, text)` tells people.
    """

    def __init__(
        self,
        engine: Engine,
        source: ChainSource | None,
        *,
        alert: Callable[[str, str], Awaitable[None]],
        look_s: float = LOOK_S,
        quotes_s: float = QUOTES_S,
        blind_s: float = BLIND_S,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._engine = engine
        self._source = source
        self._alert = alert
        self._look_s = look_s
        self._quotes_s = quotes_s
        self._blind_s = blind_s
        self._now_ns = now_ns
        self._facts: asyncio.Queue[tuple[Event, ...]] = asyncio.Queue()
        self._asked: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: set[asyncio.Task[None]] = set()
        self._seen_s = time.monotonic()  # when what is held was quoted last
        self._is_told = False

    async def read(self) -> Delivery:
        """The next chain, or quotes; as a source of an inbox."""
        if not self._loops:
            self._loops = {asyncio.create_task(loop()) for loop in (self._ask_for_chains, self._ask_for_quotes)}
        fact = asyncio.create_task(self._facts.get())
        try:
            await asyncio.wait({fact, *self._loops}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not fact.done():
                await cancel(fact)
        if fact.done() and not fact.cancelled():
            return Delivery(events=fact.result(), cursors={})
        for loop in self._loops:
            if loop.done():
                loop.result()  # raises what ended it
        raise RuntimeError("the watch over options ended")  # it runs for ever: only an error ends it

    async def close(self) -> None:
        """Nothing is asked any more. Each loop is cancelled by itself: a group cancels its members once, and waits for
        ever for one that lost it (see `cancel`)."""
        for task in (*self._tasks, *self._loops):
            await cancel(task)
        if self._source is not None:
            await self._source.close()

    async def _ask_for_chains(self) -> None:
        while True:
            for wanted in self._engine.contracts.wanted:
                if wanted.wanted_id not in self._asked:
                    self._asked.add(wanted.wanted_id)
                    self._begin(self._fetch(wanted))
            await asyncio.sleep(self._look_s)

    async def _ask_for_quotes(self) -> None:
        while True:
            await self._quote(self._engine.contracts.held)
            await asyncio.sleep(self._quotes_s)

    async def _fetch(self, wanted: ContractWanted) -> None:
        self._facts.put_nowait((await self._answer(wanted),))

    async def _answer(self, wanted: ContractWanted) -> ChainReceived:
        """The chain, or why there is none."""
        reason = NO_SOURCE
        if self._source is not None:
            try:
                day = expiring_today(wanted.symbol, self._now_ns())
                left_s = max(wanted.deadline - self._now_ns(), 0) / 1e9
                chain = await asyncio.wait_for(self._source.chain(wanted.symbol, day), left_s)
                return ChainReceived(self._now_ns(), wanted.wanted_id, chain)
            except TimeoutError:
                reason = "the source of option chains did not answer in time"
            except FortifiedError as error:
                reason = error.detail
            except Exception as error:  # whatever broke on the way: nothing was learned, and nothing is bought
                logger.warning("%s: fetching the option chain broke", wanted.symbol, exc_info=True)
                reason = f"the option chain could not be fetched: {type(error).__name__}: {error}"
        return ChainReceived(self._now_ns(), wanted.wanted_id, reason=reason)

    async def _quote(self, held: Sequence[str]) -> None:
        """Quotes of what is held and has not ended; people are told when there are none for long."""
        symbols = [symbol for symbol in held if parse_option(symbol).last_trade > self._now_ns()]
        if not symbols or self._source is None:
            self._seen_s, self._is_told = time.monotonic(), False
            return
        problem = "nobody quotes them"
        try:
            quotes = await asyncio.wait_for(self._source.quotes(symbols), QUOTES_WITHIN_S)
        except Exception as error:  # noqa: BLE001 - whatever broke: the next question follows, and silence is told
            quotes, problem = [], f"{type(error).__name__}: {error}"
        if quotes:
            self._seen_s, self._is_told = time.monotonic(), False
            self._facts.put_nowait(tuple(quotes))
        elif time.monotonic() - self._seen_s > self._blind_s and not self._is_told:
            self._is_told = True
            names = ", ".join(symbols)
            text = f"{names}: no quote for {self._blind_s:g} s ({problem}); exits by price are not decided"
            await self._alert("no_quotes", text)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
