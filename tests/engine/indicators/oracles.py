"""Independent implementations that the indicators are compared with, and how large the difference is."""

import json
from collections.abc import Callable
from functools import cache, partial
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import talib

from engine.indicators.table import compute
from tests.engine.indicators.sample_bars import Columns, sample_columns

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
PLATFORM_BARS = SHARED / "futures_bars_1m_ES_NQ_YM_2026-02.parquet"
GOLDEN = SHARED / "golden_thinkscript.json"
LENGTH = 3000


Reference = Callable[[Columns], Any]  # one value a bar


class Oracle(NamedTuple):
    """`spec` must equal `reference` from its first value on, or from bar `after` on where the seeds differ."""

    indicator: str
    spec: str
    label: str
    reference: Reference
    after: int = 0
    data: Callable[[], Columns] = lambda: sample_columns(LENGTH, dead=False)


class Measured(NamedTuple):
    difference: float
    compared: int
    missing: int  # bars from `after` on where one has a value and the other has none


def measure(oracle: Oracle) -> Measured:
    """The largest difference, relative to values above 1."""
    columns = oracle.data()
    ours = compute(columns, [oracle.spec])[oracle.spec][oracle.after :]
    theirs = np.asarray(oracle.reference(columns), dtype=float)[oracle.after :]
    both = ~np.isnan(ours) & ~np.isnan(theirs)
    differences = np.abs(ours - theirs)[both] / np.maximum(1.0, np.abs(theirs[both]))
    missing = int(np.sum(np.isnan(ours) & ~np.isnan(theirs)))
    return Measured(float(differences.max()), int(both.sum()), missing)


def ta(name: str, inputs: str, *args: float, output: int = 0) -> Reference:
    """A TA-Lib function of the columns named by their first letters (`hlc`, `v`)."""
    names = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}

    def reference(columns: Columns) -> Any:
        found = getattr(talib, name)(*(columns[names[letter]] for letter in inputs), *args)
        return found[output] if isinstance(found, tuple) else found

    return reference


def frame(formula: Callable[[pd.DataFrame], Any]) -> Reference:
    """A formula in pandas."""
    return lambda columns: formula(pd.DataFrame(columns)).to_numpy()


def typical(d: pd.DataFrame) -> pd.Series:
    return (d.high + d.low + d.close) / 3.0


def day(d: pd.DataFrame) -> pd.Series:
    return (d.ts - 1) // 86_400_000_000_000


def anchored_vwap(d: pd.DataFrame) -> pd.Series:
    return (typical(d) * d.volume).groupby(day(d)).cumsum() / d.volume.groupby(day(d)).cumsum()


def anchored_deviation(d: pd.DataFrame) -> Any:
    mean_of_squares = (typical(d) ** 2 * d.volume).groupby(day(d)).cumsum() / d.volume.groupby(day(d)).cumsum()
    return np.sqrt((mean_of_squares - anchored_vwap(d) ** 2).clip(lower=0.0))


def true_ranges(d: pd.DataFrame) -> Any:
    before = d.close.shift()
    return d.high.where(d.high > before, before) - d.low.where(d.low < before, before)


def choppiness(d: pd.DataFrame) -> Any:
    reach = d.high.rolling(14).max() - d.low.rolling(14).min()
    return 100.0 * np.log10(true_ranges(d).rolling(14).sum() / reach) / np.log10(14)


def up_moves(d: pd.DataFrame) -> pd.Series:
    up, down = d.high.diff(), -d.low.diff()
    return up.where((up > down) & (up > 0.0), 0.0).where(up.notna())


def since_rise(d: pd.DataFrame) -> pd.Series:
    above = (d.close > d.close.ewm(span=9, adjust=False).mean()).astype(float)
    rise = (above.diff() > 0.0).where(d.index >= 9, False)
    return d.groupby(rise.cumsum()).cumcount().where(rise.cumsum() > 0)


def share_below(d: pd.DataFrame) -> pd.Series:
    return d.close.rolling(101).apply(lambda w: 100.0 * (w[:-1] <= w[-1]).mean(), raw=True)


def days_by_calendar(d: pd.DataFrame) -> pd.Series:
    """New York's days that have a bar after 10:00, counted from the first; earlier bars are of the day before."""
    late = pd.to_datetime(d.ts, utc=True).dt.tz_convert("America/New_York") - pd.Timedelta(minutes=600, microseconds=1)
    return late.dt.date.rank(method="dense").astype(float) - 1.0


def learned_by_descent(columns: Columns, *, output: str) -> Any:
    """A logistic regression whose weights take one step with every outcome that becomes known."""
    close = pd.Series(columns["close"])
    ranks = [each.rolling(21).apply(lambda w: 100.0 * (w[:-1] <= w[-1]).mean(), raw=True) for each in (
        close, pd.Series(talib.ROC(columns["close"], 5)),
    )]  # fmt: skip
    flow = talib.MFI(columns["high"], columns["low"], columns["close"], columns["volume"], 20)
    seen = np.array([talib.RSI(columns["close"], 20), *ranks, flow]).T / 50.0 - 1.0
    seen = np.hstack([np.ones((len(seen), 1)), seen])
    weights, found, steps = np.zeros(5), np.full(len(seen), np.nan), 0
    for at in range(5, len(seen)):
        then = seen[at - 5]
        if np.isnan(then).any():
            continue
        if (change := close[at] - close[at - 5]) != 0.0:
            error = (change > 0.0) - 1.0 / (1.0 + np.exp(-(weights @ then)))
            weights = weights + 0.05 * (error * then - 0.001 * weights)
        steps += 1
        if steps >= 100:
            chance = 1.0 / (1.0 + np.exp(-(weights @ seen[at])))
            found[at] = {"value": chance, "level": weights[0], "money": weights[4]}[output]
    return found


def regime(d: pd.DataFrame) -> pd.Series:
    ratio = d.volume.rolling(5).mean() / d.volume.rolling(50).mean()
    return pd.Series(np.select([ratio >= 1.1, ratio <= 0.9], [1.0, -1.0], 0.0)).where(ratio.notna())


def ewm(span: int) -> Callable[[pd.DataFrame], pd.Series]:
    return lambda d: d.close.ewm(span=span, adjust=False).mean()


@cache
def platform_bars(symbol: str) -> Columns:
    """One contract of the file with another platform's columns."""
    table = pd.read_parquet(PLATFORM_BARS)
    rows = table[table.symbol == symbol].sort_values("ts_utc")
    return {name: rows[name].to_numpy(float) for name in rows.columns if rows[name].dtype.kind == "f"}


@cache
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_text())
    return found


def golden_columns() -> Columns:
    return {name: np.array(golden()["bars"][name[0]]) for name in ("high", "low", "close")}


def golden_values(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def golden_ema(period: int, _: Columns) -> Any:
    return golden()["ema"][f"e{period}"]


def golden_zigzag(method: str, output: str, _: Columns) -> np.ndarray:
    return golden_values(golden()[method][output])


def platform_sessions(symbol: str) -> np.ndarray:
    """The trading day of each row of `platform_bars`, as a number."""
    table = pd.read_parquet(PLATFORM_BARS)
    days: np.ndarray = pd.factorize(table[table.symbol == symbol].sort_values("ts_utc").session_date)[0]
    return days.astype(float)


SETTLED = 1000  # bars after which another seed (TA-Lib: of period − 1 values, or of SMAs) no longer matters


def risen(d: pd.DataFrame) -> Any:
    return d.close > d.close.shift(5)


def runs(d: pd.DataFrame) -> Any:
    """Moves counted within stretches of one sign."""
    sign = np.sign(d.close.diff()).fillna(0.0)
    return sign.groupby((sign != sign.shift()).cumsum()).cumsum()


def followed(d: pd.DataFrame) -> Any:
    """A rising bar two to four bars before a falling one."""
    before = (d.close > d.open).astype(float).shift(2).rolling(3, min_periods=1).max() > 0
    return ((d.open > d.close) & before) * 1.0


ORACLES = [
    Oracle("sma", "sma(close,20)", "TA-Lib SMA", ta("SMA", "c", 20)),
    Oracle("ema", "ema(close,20,seed=sma)", "TA-Lib EMA", ta("EMA", "c", 20)),
    Oracle("ema", "ema(close,20)", "pandas ewm(adjust=False)", frame(ewm(20)), 19),
    Oracle("wma", "wma(close,9)", "TA-Lib WMA", ta("WMA", "c", 9)),
    Oracle("wilder", "wilder(close,14)", "TA-Lib RMA", ta("RMA", "c", 14)),
    Oracle("hma", "hma(close,16)", "TA-Lib HMA", ta("HMA", "c", 16)),
    Oracle("hma", "hma(close,9,rounding=down)", "TA-Lib HMA", ta("HMA", "c", 9)),
    Oracle(
        "hull_raw",
        "hull_raw(close,16,8)",
        "TA-Lib 2·WMA − WMA",
        lambda c: 2 * talib.WMA(c["close"], 8) - talib.WMA(c["close"], 16),
    ),
    Oracle("dema", "dema(close,10,seed=sma)", "TA-Lib DEMA", ta("DEMA", "c", 10)),
    Oracle("tema", "tema(close,10,seed=sma)", "TA-Lib TEMA", ta("TEMA", "c", 10)),
    Oracle(
        "tema",
        "tema(close,10,seed=sma,displace=-3)",
        "TA-Lib TEMA, shifted",
        lambda c: pd.Series(talib.TEMA(c["close"], 10)).shift(3).to_numpy(),
    ),
    Oracle("triple_ema", "triple_ema(9,14,21).slow", "pandas ewm(adjust=False)", frame(ewm(21)), 20),
    Oracle("vwma", "vwma(20)", "TA-Lib VWMA", ta("VWMA", "cv", 20)),
    Oracle("sum", "sum(close,30)", "TA-Lib SUM", ta("SUM", "c", 30)),
    Oracle("delay", "delay(close,5)", "pandas shift", frame(lambda d: d.close.shift(5))),
    Oracle("product", "product(close,volume)", "pandas", frame(lambda d: d.close * d.volume)),
    Oracle("highest", "highest(high,14)", "TA-Lib MAX", ta("MAX", "h", 14)),
    Oracle("lowest", "lowest(low,14)", "TA-Lib MIN", ta("MIN", "l", 14)),
    Oracle("stdev", "stdev(close,20)", "pandas rolling std", frame(lambda d: d.close.rolling(20).std(ddof=0))),
    Oracle("stdev", "stdev(close,20)", "TA-Lib STDDEV", ta("STDDEV", "c", 20)),
    Oracle("true_range", "true_range()", "TA-Lib TRANGE", ta("TRANGE", "hlc")),
    Oracle("atr", "atr(14)", "TA-Lib ATR", ta("ATR", "hlc", 14)),
    Oracle("atr", "atr(14,average=sma)", "pandas", frame(lambda d: true_ranges(d).rolling(14).mean())),
    *(
        Oracle("bollinger", f"bollinger(20,2).{name}", "TA-Lib BBANDS", ta("BBANDS", "c", 20, 2.0, 2.0, output=i))
        for i, name in enumerate(("upper", "middle", "lower"))
    ),
    *(
        Oracle(
            "keltner",
            f"keltner(hlc3,20,2,10,average=ema,range_average=wilder).{name}",
            "TA-Lib KC, after 1000 bars (EMA seeded otherwise)",
            ta("KC", "hlc", 20, 10, 2.0, output=i),
            SETTLED,
        )
        for i, name in enumerate(("upper", "middle", "lower"))
    ),
    *(
        Oracle("donchian", f"donchian(20).{name}", "TA-Lib DONCHIAN", ta("DONCHIAN", "hl", 20, output=i))
        for i, name in enumerate(("upper", "middle", "lower"))
    ),
    Oracle("choppiness", "choppiness(14)", "pandas", frame(choppiness)),
    Oracle("gain", "gain(close)", "pandas", frame(lambda d: d.close.diff().clip(lower=0.0))),
    Oracle("loss", "loss(close)", "pandas", frame(lambda d: (-d.close.diff()).clip(lower=0.0))),
    Oracle("rsi", "rsi(close,14)", "TA-Lib RSI", ta("RSI", "c", 14)),
    Oracle(
        "macd_line",
        "macd_line(close,12,26)",
        "pandas ewm(adjust=False)",
        frame(lambda d: ewm(12)(d) - ewm(26)(d)),
        25,
    ),
    *(
        Oracle(
            "macd",
            f"macd(12,26,9,seed=sma).{name}",
            "TA-Lib MACD, after 1000 bars (seeded otherwise)",
            ta("MACD", "c", 12, 26, 9, output=i),
            SETTLED,
        )
        for i, name in enumerate(("value", "signal", "histogram"))
    ),
    Oracle("fast_k", "fast_k(close,high,low,5)", "TA-Lib STOCHF", ta("STOCHF", "hlc", 5, 1, 0)),
    *(
        Oracle("stochastic", f"stochastic(5,3,3).{name}", "TA-Lib STOCH", ta("STOCH", "hlc", 5, 3, 0, 3, 0, output=i))
        for i, name in enumerate("kd")
    ),
    *(
        Oracle(
            "stoch_rsi", f"stoch_rsi(14,5,1,3).{name}", "TA-Lib STOCHRSI", ta("STOCHRSI", "c", 14, 5, 3, 0, output=i)
        )
        for i, name in enumerate("kd")
    ),
    Oracle("cci", "cci(14)", "TA-Lib CCI", ta("CCI", "hlc", 14)),
    Oracle(
        "money_flow",
        "money_flow().into",
        "pandas",
        frame(lambda d: (typical(d) * d.volume).where(typical(d).diff() > 0.0, 0.0)),
        1,
    ),
    Oracle("mfi", "mfi(14)", "TA-Lib MFI", ta("MFI", "hlcv", 14)),
    Oracle("williams_r", "williams_r(14)", "TA-Lib WILLR", ta("WILLR", "hlc", 14)),
    Oracle("roc", "roc(10)", "TA-Lib ROC", ta("ROC", "c", 10)),
    Oracle("momentum", "momentum(10)", "TA-Lib MOM", ta("MOM", "c", 10)),
    Oracle("directional_movement", "directional_movement().plus", "pandas", frame(up_moves)),
    *(
        Oracle(
            "dmi", f"dmi(14).{name}", f"TA-Lib {ref}, after 1000 bars (seeded otherwise)", ta(ref, "hlc", 14), SETTLED
        )
        for name, ref in (("plus", "PLUS_DI"), ("minus", "MINUS_DI"), ("dx", "DX"))
    ),
    Oracle("adx", "adx(14).value", "TA-Lib ADX, after 1000 bars (seeded otherwise)", ta("ADX", "hlc", 14), SETTLED),
    *(
        Oracle(
            "supertrend",
            f"supertrend(10,3).{name}",
            "TA-Lib SUPERTREND",
            ta("SUPERTREND", "hlc", 10, 3.0, output=i),
            10,
        )
        for i, name in enumerate(("line", "direction"))
    ),
    *(
        Oracle("heikin_ashi", f"heikin_ashi().{name}", "TA-Lib HA", ta("HA", "ohlc", output=i))
        for i, name in enumerate(("open", "high", "low", "close"))
    ),
    Oracle(
        "obv",
        "obv()",
        "TA-Lib OBV, less the volume of the first bar",
        lambda c: talib.OBV(c["close"], c["volume"]) - c["volume"][0],
    ),
    Oracle("session_vwap", "session_vwap().value", "pandas cumulative sums", frame(anchored_vwap)),
    Oracle("day_from", "day_from(600)", "pandas, by the calendar of New York", frame(days_by_calendar)),
    Oracle("session_vwap", "session_vwap().deviation", "pandas cumulative sums", frame(anchored_deviation)),
    Oracle(
        "rolling_vwap",
        "rolling_vwap(20)",
        "pandas rolling sums",
        frame(lambda d: (typical(d) * d.volume).rolling(20).sum() / d.volume.rolling(20).sum()),
    ),
    Oracle("relative_volume", "relative_volume(20)", "TA-Lib RVOL", ta("RVOL", "v", 20)),
    Oracle("volume_regime", "volume_regime(5,50,1.1,0.9).regime", "pandas", frame(regime)),
    Oracle("slope", "slope(close,14)", "TA-Lib LINEARREG_SLOPE", ta("LINEARREG_SLOPE", "c", 14)),
    Oracle(
        "acceleration",
        "acceleration(close,5)",
        "TA-Lib LINEARREG_SLOPE, twice",
        lambda c: np.append(np.full(4, np.nan), talib.LINEARREG_SLOPE(talib.LINEARREG_SLOPE(c["close"], 5)[4:], 5)),
    ),
    Oracle("percentile_rank", "percentile_rank(close,100)", "pandas rolling apply", frame(share_below)),
    *(
        Oracle(
            "rise_chance",
            f"rise_chance(20,5,100,0.05,0.001).{name}",
            "NumPy gradient descent over TA-Lib's columns",
            partial(learned_by_descent, output=name),
        )
        for name in ("value", "level", "money")
    ),
    Oracle("bars_since", "bars_since(crosses_above(close,ema(close,9)))", "pandas", frame(since_rise)),
    Oracle(
        "crosses_above",
        "crosses_above(close,delay(close,5))",
        "pandas",
        frame(lambda d: ((d.close > d.close.shift(5)) & (d.close.shift() <= d.close.shift(6))).astype(float)),
        6,
    ),
    Oracle(
        "crosses_below",
        "crosses_below(close,delay(close,5))",
        "pandas",
        frame(lambda d: ((d.close < d.close.shift(5)) & (d.close.shift() >= d.close.shift(6))).astype(float)),
        6,
    ),
    Oracle(
        "crosses",
        "crosses(close,delay(close,5))",
        "pandas",
        frame(
            lambda d: (
                ((d.close > d.close.shift(5)) & (d.close.shift() <= d.close.shift(6))).astype(float)
                - ((d.close < d.close.shift(5)) & (d.close.shift() >= d.close.shift(6))).astype(float)
            )
        ),
        6,
    ),
    Oracle("is_above", "is_above(close,delay(close,5))", "pandas", frame(lambda d: risen(d) * 1.0), 6),
    Oracle(
        "at_least", "at_least(close,delay(close,1))", "pandas", frame(lambda d: (d.close >= d.close.shift()) * 1.0), 1
    ),
    Oracle(
        "both",
        "both(is_above(close,open),is_above(close,delay(close,5)))",
        "pandas",
        frame(lambda d: ((d.close > d.open) & risen(d)) * 1.0),
        6,
    ),
    Oracle(
        "either",
        "either(is_above(close,open),is_above(close,delay(close,5)))",
        "pandas",
        frame(lambda d: ((d.close > d.open) | risen(d)) * 1.0),
        6,
    ),
    Oracle(
        "net",
        "net(is_above(close,open),is_above(close,delay(close,5)))",
        "pandas",
        frame(lambda d: (d.close > d.open) * 1.0 - risen(d) * 1.0),
        6,
    ),
    Oracle("relative", "relative(close,delay(close,3))", "pandas pct_change", frame(lambda d: d.close.pct_change(3))),
    Oracle("streak", "streak(close)", "pandas groupby", frame(runs), 1),
    Oracle("follows", "follows(is_above(close,open),is_above(open,close),2,4)", "pandas rolling", frame(followed)),
]

ZIGZAG = "0.01,0.05,5,2.0"
GOLDEN_ORACLES = [
    *(
        Oracle(
            "ema",
            f"ema(close,{n})",
            "ThinkScript golden bars",
            partial(golden_ema, n),
            0,
            golden_columns,
        )
        for n in (9, 14, 21)
    ),
    Oracle(
        "mobius_supertrend",
        "mobius_supertrend(4,1).line",
        "ThinkScript golden bars",
        lambda _: golden_values(golden()["mobius_st_hull4_x1"]),
        0,
        golden_columns,
    ),
    Oracle(
        "supertrend",
        "supertrend(10,3).line",
        "ThinkScript golden bars",
        lambda _: golden_values([value for value, _ in golden()["classic_st_10_3"]]),
        0,
        golden_columns,
    ),
    *(
        Oracle(
            "zigzag",
            f"zigzag({ZIGZAG},method={method}).{output}",
            "ThinkScript golden bars",
            partial(golden_zigzag, method, output),
            0,
            golden_columns,
        )
        for method in ("average", "high_low")
        for output in ("state", "max", "min")
    ),
]
PLATFORM_ORACLES = [
    Oracle(
        spec.split("(")[0],
        spec,
        f"another platform, {symbol} minutes",
        itemgetter(name),
        0,
        partial(platform_bars, symbol),
    )
    for symbol in ("ES", "NQ", "YM")
    for spec, name in (
        ("ema(close,20)", "ema20"),
        ("ema(close,50)", "ema50"),
        ("ema(close,200)", "ema200"),
        ("rsi(close,14,first_bar=count)", "rsi14"),
        ("atr(14,first_bar=count)", "atr14"),
    )
]
