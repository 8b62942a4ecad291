"""A market that costs little: prints of many symbols by the clock, straight into the product's publisher.

No venue and no socket: so that the machine is left to the book. Arguments: Redis' address, a folder for the recording,
the number of symbols, prints a second in all.
"""

import asyncio
import random
import sys
import time
from pathlib import Path

import uvloop

from benchmarks.book import pairs
from benchmarks.pipeline import names
from engine.model.market import Tick
from infra.redis.client import async_client
from marketdata.publisher import Publisher
from marketdata.recording.recorder import Recorder

TURN_S = 0.005
SWING = 0.01  # at most, from one print to the next of a symbol; 0.07 in a bar of 144


class Market:
    """Every symbol's price wanders away from 100, by a seed."""

    def __init__(self, symbols: int) -> None:
        self.names = names(symbols)
        self.prices = [100.0] * symbols
        self.random = random.Random(1)

    def prints(self, first: int, last: int) -> list[Tick]:
        """Prints number `first` up to `last`, of the symbols in turn, stamped with the moment."""
        now, found = time.time_ns(), []
        for number in range(first, last):
            at = number % len(self.names)
            self.prices[at] += SWING * self.random.uniform(-1.0, 1.0)
            shown = round(self.prices[at], 2)
            found.append(
                Tick(now, self.names[at], shown, 1.0 + number % 9, shown - 0.01, shown + 0.01, ts_recv=now)
            )  # fmt: skip
        return found


async def main(url: str, folder: Path, symbols: int, rate: float) -> None:
    market, recorder = Market(symbols), Recorder(folder)
    recorder.open(published=None)
    publisher = Publisher(async_client(url), feed="bench", recorder=recorder)
    await publisher.carry(pairs(symbols))
    print("ready", flush=True)
    begun, made = time.monotonic(), 0
    while True:
        await asyncio.sleep(TURN_S)
        due = int((time.monotonic() - begun) * rate)
        publisher.ingest(market.prints(made, due))
        publisher.advance(time.time_ns(), ts_recv=time.time_ns())
        await publisher.flush()
        made = due


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
