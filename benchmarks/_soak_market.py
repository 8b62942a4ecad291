"""A DXLink venue that does nothing but send: TimeAndSale and Trade of many symbols at a steady rate, by the clock.

The simulator computes a market; this one only counts, so that the product has the machine. Arguments: the port, the
number of symbols, prints a second in all.
"""

import asyncio
import json
import sys
import time
from typing import Any

import msgspec
import uvloop
from websockets.asyncio.server import ServerConnection, serve

TURN_S = 0.005  # frames of fifty prints
_encode = msgspec.json.Encoder().encode


class Venue:
    """Every client gets every print."""

    def __init__(self, symbols: int, rate: float) -> None:
        self.names = [f"SYM{number:03d}" for number in range(1, symbols + 1)]
        self.rate = rate
        self.prices = [10_000 + 37 * number for number in range(symbols)]
        self.volumes = [0.0] * symbols
        self.sent = 0

    async def serve(self, socket: ServerConnection) -> None:
        fields: dict[str, list[str]] = {}
        channels: dict[int, list[str]] = {}
        sender: asyncio.Task[None] | None = None
        try:
            async for raw in socket:
                message = json.loads(raw)
                kind, channel = message["type"], message["channel"]
                if kind == "SETUP":
                    await _say(socket, {"type": "SETUP", "channel": 0, "version": "soak", "keepaliveTimeout": 60})
                    await _say(socket, {"type": "AUTH_STATE", "channel": 0, "state": "AUTHORIZED"})
                elif kind == "CHANNEL_REQUEST":
                    await _say(socket, {"type": "CHANNEL_OPENED", "channel": channel, "service": "FEED"})
                elif kind == "FEED_SETUP":
                    channels[channel] = list(message["acceptEventFields"])
                    fields.update(message["acceptEventFields"])
                    config = {"type": "FEED_CONFIG", "channel": channel, "dataFormat": "COMPACT"}
                    await _say(socket, {**config, "eventFields": message["acceptEventFields"]})
                elif kind == "FEED_SUBSCRIPTION":
                    if "TimeAndSale" in channels.get(channel, ()) and sender is None:
                        sender = asyncio.create_task(self._send(socket, channel, fields["TimeAndSale"]))
                    await self._no_history(socket, message)
        finally:
            if sender is not None:
                sender.cancel()

    async def _no_history(self, socket: ServerConnection, message: dict[str, Any]) -> None:
        """An empty snapshot for every candle that is asked for."""
        for wanted in message.get("add", ()):
            if wanted["type"] == "Candle":
                row = [wanted["symbol"], 14, 0, 0, 0, 0, *["NaN"] * 6]
                await _say(socket, {"type": "FEED_DATA", "channel": message["channel"], "data": ["Candle", row]})

    async def _send(self, socket: ServerConnection, channel: int, fields: list[str]) -> None:
        begun, made = time.monotonic(), 0
        while True:
            await asyncio.sleep(TURN_S)
            due = int((time.monotonic() - begun) * self.rate)
            if due > made:
                await socket.send(self._frame(channel, fields, made, due), text=True)
                self.sent += due - made
                made = due

    def _frame(self, channel: int, fields: list[str], first: int, last: int) -> bytes:
        """COMPACT TimeAndSale of prints number `first` up to `last`, stamped with the moment."""
        now = time.time_ns()
        values: list[Any] = []
        for number in range(first, last):
            at = number % len(self.names)
            self.prices[at] += (number * 7_919 >> 4) % 3 - 1
            price = self.prices[at] / 100
            known = {
                "eventSymbol": self.names[at], "time": now // 1_000_000, "timeNanoPart": now % 1_000_000,
                "index": number, "price": price, "size": float(1 + number % 9), "bidPrice": (self.prices[at] - 1) / 100,
                "askPrice": (self.prices[at] + 1) / 100, "validTick": True, "type": "NEW",
            }  # fmt: skip
            values += [known.get(name) for name in fields]
        return _encode({"type": "FEED_DATA", "channel": channel, "data": ["TimeAndSale", values]})


async def _say(socket: ServerConnection, document: dict[str, Any]) -> None:
    await socket.send(_encode(document), text=True)


async def main(port: int, symbols: int, rate: float) -> None:
    venue = Venue(symbols, rate)
    async with serve(venue.serve, "127.0.0.1", port, compression=None, ping_interval=None, max_size=1 << 20):
        print("ready", flush=True)
        await asyncio.Future()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
