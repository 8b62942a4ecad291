"""The feed's hot path on one core: DXLink frames decoded, translated, and made into bars of two timeframes."""

import gc
import importlib.util
import math
import random
import time
from collections.abc import Callable
from typing import Any

import msgspec

from engine.bars.expand import Expander
from marketdata.feeds.dxlink.messages import decoder
from marketdata.feeds.dxlink.translate import Translator

Row = dict[str, Any]

FRAME_EVENTS = 50
FRAMES = 2_000
SYMBOLS = ("SPY", "QQQ", "IBM", "AAPL", "TSLA")
TIMEFRAMES = ("1", "144t")
ROUNDS = 5
TARGET_RATIO_TO_SDK = 10.0

# Every field of a Trade, in the order in which the SDK asks for them and insists on.
TRADE_FIELDS = (
    "eventSymbol", "eventTime", "price", "dayVolume", "dayTurnover", "tickDirection", "extendedTradingHours", "time",
    "timeNanoPart", "sequence", "exchangeCode", "change", "size", "dayId",
)  # fmt: skip


def run() -> list[Row]:
    """All rows, measured in one process on the same frames; the best of several rounds each."""
    fields = _sdk_fields() or list(TRADE_FIELDS)
    frames = make_frames(fields)
    events = FRAMES * FRAME_EVENTS
    ours = events / _best(lambda: _decode_and_aggregate(frames, fields))
    limit = events / _best(lambda: _decode_only(frames))
    rows = [
        _row("events_per_s", ours, "events/s"),
        _row("ratio_to_limit", ours / limit, "of msgspec decoding alone"),
    ]
    if _sdk_fields() is None:
        reason = "the tastytrade package is not installed here"
        return [*rows, {**_row("ratio_to_sdk", None, "×", TARGET_RATIO_TO_SDK), "reason": reason}]
    sdk = events / _best(lambda: _sdk(frames))
    return [
        *rows,
        _row("sdk_events_per_s", sdk, "events/s"),
        _row("ratio_to_sdk", ours / sdk, "×", TARGET_RATIO_TO_SDK),
    ]


def make_frames(fields: list[str], *, seed: int = 1) -> list[bytes]:
    """COMPACT FEED_DATA frames of Trades: a random walk, about 20 prints a second and symbol."""
    rng = random.Random(seed)
    prices = dict.fromkeys(SYMBOLS, 500.0)
    now_ms, volume, frames = 1_763_735_400_000, 1_000_000.0, []
    for _ in range(FRAMES):
        values: list[Any] = []
        for _ in range(FRAME_EVENTS):
            now_ms += rng.randint(0, 20)
            symbol = rng.choice(SYMBOLS)
            prices[symbol] = round(prices[symbol] + rng.choice((-0.01, 0.0, 0.01)), 2)
            size = float(rng.randint(1, 400))
            volume += size
            known = {
                "eventSymbol": symbol, "eventTime": 0, "price": prices[symbol], "dayVolume": volume,
                "dayTurnover": volume * 500.0, "tickDirection": "ZERO_UP", "extendedTradingHours": False,
                "time": now_ms, "timeNanoPart": rng.randint(0, 999_999), "sequence": rng.randint(0, 4_000_000),
                "exchangeCode": "Q", "change": 0.01, "size": size, "dayId": 20_413,
            }  # fmt: skip
            values += [known[name] for name in fields]
        frames.append(msgspec.json.encode({"type": "FEED_DATA", "channel": 15, "data": ["Trade", values]}))
    return frames


def _decode_and_aggregate(frames: list[bytes], fields: list[str]) -> None:
    """What the feed does between the socket and Redis."""
    translator = Translator(prints="trade")
    translator.configure({"Trade": fields})
    expanders = {symbol: Expander(symbol, TIMEFRAMES) for symbol in SYMBOLS}
    on_tick = {symbol: expander.on_tick for symbol, expander in expanders.items()}
    for symbol in SYMBOLS:
        translator.add(symbol, symbol)
    decode, translate = decoder.decode, translator.translate
    bars: list[Any] = []
    for frame in frames:
        for tick in translate(decode(frame).data, 1):
            made = on_tick[tick.symbol](tick)  # type: ignore[union-attr,arg-type]
            if made:
                bars += made
    if not bars:
        raise AssertionError("no bar came of the frames: this measured nothing")


def _decode_only(frames: list[bytes]) -> None:
    decode = msgspec.json.Decoder().decode
    for frame in frames:
        decode(frame)


def _sdk(frames: list[bytes]) -> None:
    """The same frames through the SDK's own code between its socket and its queues; no aggregation, no await."""
    import json  # what its WebSocket client decodes with

    from tastytrade import DXLinkStreamer
    from tastytrade.dxfeed import Trade

    streamer = DXLinkStreamer(None)  # type: ignore[arg-type]  # a session is only needed to connect
    for frame in frames:
        message = json.loads(frame)
        streamer._map_message(message["data"], message["channel"])
    received = 0
    while streamer.get_event_nowait(Trade) is not None:
        received += 1
    if received != len(frames) * FRAME_EVENTS:
        raise AssertionError(f"the SDK gave {received} events of {len(frames) * FRAME_EVENTS}")


def _sdk_fields() -> list[str] | None:
    if importlib.util.find_spec("tastytrade") is None:
        return None
    from tastytrade.dxfeed import Trade

    return list(Trade.model_json_schema()["properties"])


def _best(work: Callable[[], None]) -> float:
    """Seconds of the fastest round: what the code costs when nobody else wants the core."""
    best = math.inf
    for _ in range(ROUNDS):
        gc.collect()
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best


def _row(name: str, value: float | None, unit: str, target: float | None = None) -> Row:
    met = None if target is None or value is None else value >= target
    rounded = None if value is None else float(f"{value:.4g}")
    return {"name": name, "value": rounded, "unit": unit, "target": target, "met": met}
