"""The simulated market as DBN records, made with the vendor's own encoder."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import databento_dbn
import numpy as np

from engine.instruments.futures import parse_contract
from engine.model.time import NS_PER_DAY, NS_PER_MINUTE, NS_PER_MS, to_datetime
from simulators.candles import Candle, CandleSpec
from simulators.databento.names import DATASETS, Instrument
from simulators.market import SymbolMarket
from simulators.tape import MINUTE, SECOND, Print, candles, last_print, prints

dbn: Any = databento_dbn  # its stubs call the members of its enumerations plain text

SCALE = 1_000_000_000  # prices are fixed point
RECEIVED_NS = 180_000  # from the exchange's clock to the vendor's
SPECS: dict[str, tuple[CandleSpec, Any]] = {
    "ohlcv-1s": (SECOND, dbn.RType.OHLCV_1S),
    "ohlcv-1m": (MINUTE, dbn.RType.OHLCV_1M),
    "ohlcv-1h": (CandleSpec(1, "h"), dbn.RType.OHLCV_1H),
    "ohlcv-1d": (CandleSpec(1, "d"), dbn.RType.OHLCV_1D),
}
PRINT_SCHEMAS = ("trades", "tbbo", "mbp-1")
_LAST = dbn.F_LAST


def metadata(
    dataset: str,
    *,
    start: int,
    end: int | None = None,
    schema: str | None = None,
    stype_in: str | None = None,
    symbols: Iterable[str] = (),
    not_found: Iterable[str] = (),
    mappings: Iterable["Mapping"] = (),
) -> bytes:
    """The header of a stream; a live one has no schema and no symbols."""
    return bytes(
        dbn.Metadata(
            dataset,
            start,
            dbn.SType.from_str(stype_in) if stype_in else None,
            dbn.SType.INSTRUMENT_ID,
            dbn.Schema.from_str(schema) if schema else None,
            list(symbols),
            [],
            list(not_found),
            list(mappings),
            end,
        ).encode()
    )


class Interval:
    """Days on which a symbol had one number."""

    def __init__(self, day: date, symbol: str) -> None:
        self.start_date = day
        self.end_date = day + timedelta(days=1)
        self.symbol = symbol


class Mapping:
    """One symbol's numbers, day by day."""

    def __init__(self, raw_symbol: str, intervals: list[Interval]) -> None:
        self.raw_symbol = raw_symbol
        self.intervals = intervals


def mapping(found: Instrument, dataset: str, *, stype_in: str, now: int) -> bytes:
    """SymbolMappingMsg: from what was asked for to the exchange's symbol and today's number."""
    midnight = now - now % NS_PER_DAY
    return bytes(
        dbn.SymbolMappingMsg(
            DATASETS[dataset], found.id, now, dbn.SType.from_str(stype_in), found.asked, dbn.SType.RAW_SYMBOL,
            found.raw, midnight, midnight + NS_PER_DAY,
        )
    )  # fmt: skip


def system(text: str, code: Any, *, now: int) -> bytes:
    return bytes(dbn.SystemMsg(now, text, code))


def error(text: str, code: Any, *, now: int) -> bytes:
    return bytes(dbn.ErrorMsg(now, text, True, code))


def of_prints(found: Instrument, dataset: str, schema: str, rows: Iterable[Print]) -> list[bytes]:
    """One print is one record; under mbp-1 the change of the book follows it, and ends the event."""
    out: list[bytes] = []
    for each in rows:
        if schema == "trades":
            out.append(_trade(found, dataset, each))
        else:
            out.append(_top(found, dataset, each, dbn.Action.TRADE, flags=0))
        if schema == "mbp-1":
            out.append(_top(found, dataset, each, dbn.Action.MODIFY, flags=_LAST))
    return out


def _common(found: Instrument, dataset: str, each: Print) -> tuple[Any, ...]:
    return DATASETS[dataset], found.id, each.ts, round(each.price * SCALE), each.size


def _rest(each: Print) -> dict[str, Any]:
    # The exchange numbers its packets, not the prints of one symbol: the numbers rise, with holes.
    return {"ts_in_delta": 18_000, "sequence": (each.ordinal * 3 + 11) % 2**32}


def _trade(found: Instrument, dataset: str, each: Print) -> bytes:
    side = dbn.Side.BID if each.price >= each.ask else dbn.Side.ASK
    return bytes(
        dbn.TradeMsg(
            *_common(found, dataset, each), dbn.Action.TRADE, side, 0, each.ts + RECEIVED_NS, flags=0, **_rest(each)
        )
    )


def _top(found: Instrument, dataset: str, each: Print, action: Any, *, flags: int) -> bytes:
    side = dbn.Side.BID if each.price >= each.ask else dbn.Side.ASK
    levels: Any = dbn.BidAskPair(round(each.bid * SCALE), round(each.ask * SCALE), each.bid_size, each.ask_size, 1, 1)
    return bytes(
        dbn.MBP1Msg(
            *_common(found, dataset, each), action, side, 0, each.ts + RECEIVED_NS, flags=flags, levels=levels,
            **_rest(each),
        )
    )  # fmt: skip


def of_candles(found: Instrument, dataset: str, schema: str, rows: Iterable[Candle]) -> list[bytes]:
    """Stamped with their beginning; a period without a print has none."""
    kind = SPECS[schema][1]
    unit = SCALE // found.market.listing.ticks_per_point
    return [
        bytes(
            dbn.OHLCVMsg(
                int(kind.value), DATASETS[dataset], found.id, each.time * NS_PER_MS, each.open * unit, each.high * unit,
                each.low * unit, each.close * unit, int(each.volume),
            )
        )
        for each in rows
    ]  # fmt: skip


def definition(found: Instrument, dataset: str, *, now: int) -> bytes:
    """What the instrument is."""
    listing = found.market.listing
    tick = SCALE // listing.ticks_per_point
    rest: dict[str, Any] = {}
    if listing.symbol.startswith("/"):
        contract = parse_contract(listing.symbol, as_of=to_datetime(now).date())
        rest = {
            "expiration": _noon(contract.expiry),
            "unit_of_measure_qty": int(contract.product.multiplier * SCALE),
            "maturity_year": contract.year,
            "maturity_month": contract.month,
            "exchange": contract.product.mic,
        }
    return bytes(
        dbn.InstrumentDefMsg(
            DATASETS[dataset], found.id, now, now, tick, SCALE, found.raw, found.raw[:3], "FUT" if rest else "STK",
            dbn.InstrumentClass.FUTURE if rest else dbn.InstrumentClass.STOCK, dbn.SecurityUpdateAction.ADD,
            currency="USD", **rest,
        )
    )  # fmt: skip


def statistics(found: Instrument, dataset: str, *, now: int) -> list[bytes]:
    """The day's high and low so far, and yesterday's settlement and open interest."""
    market = found.market
    start = market.sessions.day_start(market.sessions.trading_day(now))
    unit = SCALE // market.listing.ticks_per_point
    before = last_print(market, start)
    high, low = _range(market, start, now)
    kinds: list[tuple[Any, int, int]] = [(dbn.StatType.OPEN_INTEREST, dbn.UNDEF_PRICE, 2_000_000)]
    if high:
        kinds.append((dbn.StatType.TRADING_SESSION_HIGH_PRICE, high * unit, 0))
        kinds.append((dbn.StatType.TRADING_SESSION_LOW_PRICE, low * unit, 0))
    if before is not None:
        kinds.append((dbn.StatType.SETTLEMENT_PRICE, round(before.price * SCALE), 0))
    return [
        bytes(dbn.StatMsg(DATASETS[dataset], found.id, now, now + RECEIVED_NS, start, price, quantity, kind))
        for kind, price, quantity in kinds
    ]


def _range(market: SymbolMarket, start: int, end: int) -> tuple[int, int]:
    """Highest and lowest price, in ticks, of the whole minutes in [start, end); zeros where nothing was printed."""
    highs, lows = [], []
    for number in range(start // NS_PER_DAY, end // NS_PER_DAY + 1):
        path = market.day(number)
        first, last = (min(max(each - number * NS_PER_DAY, 0), NS_PER_DAY) // NS_PER_MINUTE for each in (start, end))
        traded = np.flatnonzero(path.trade_count[first:last] > 0) + first
        if len(traded):
            highs.append(int(path.high[traded].max()))
            lows.append(int(path.low[traded].min()))
    return max(highs, default=0), min(lows, default=0)


def status(found: Instrument, dataset: str, *, now: int) -> bytes:
    """Whether it trades."""
    is_open = found.market.sessions.is_open(now)
    return bytes(
        dbn.StatusMsg(
            DATASETS[dataset], found.id, now, now + RECEIVED_NS,
            dbn.StatusAction.TRADING if is_open else dbn.StatusAction.CLOSE,
            is_trading=dbn.TriState.YES if is_open else dbn.TriState.NO,
        )
    )  # fmt: skip


def history(found: Instrument, dataset: str, schema: str, *, start: int, end: int, now: int) -> list[tuple[int, bytes]]:
    """Records of one instrument with start ≤ their time < end, each with its time."""
    if schema in PRINT_SCHEMAS:
        rows = list(prints(found.market, start=start - 1, end=end - 1))
        step = 2 if schema == "mbp-1" else 1
        made = of_prints(found, dataset, schema, rows)
        return [(rows[at // step].ts, record) for at, record in enumerate(made)]
    if schema in SPECS:
        bars = candles(found.market, SPECS[schema][0], start=start, end=end - 1, now=now)
        return [
            (bar.time * NS_PER_MS, record)
            for bar, record in zip(bars, of_candles(found, dataset, schema, bars), strict=True)
        ]
    if schema == "definition":
        return [(start, definition(found, dataset, now=start))]
    if schema == "statistics":
        return [(start, record) for record in statistics(found, dataset, now=start)]
    return [(start, status(found, dataset, now=start))]


def _noon(day: date) -> int:
    return (day.toordinal() - date(1970, 1, 1).toordinal()) * NS_PER_DAY + 14 * 3_600 * SCALE
