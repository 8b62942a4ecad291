"""Options out of a squeeze: the side it is left to, by columns; nothing late, flat before the bell."""

import msgspec
import numpy as np
import pandas as pd
import pytest

from engine.instruments.options import is_option, parse_option
from engine.model.market import Bar
from strategies.registry import STRATEGIES
from tests.contracts.strategy_checks import columns_of, make_engine, run
from tests.strategies.library.test_zero_dte import HALF_DAY, MINUTE, WHOLE_DAY, World, session

PARAMS = {"bars": 10, "stood": 3}


def day_of_bars(day):
    """Minutes of one day: by turns a quarter of an hour of nearly nothing, and one of a run up or down."""
    opens, closes = session(day)
    random, price, bars = np.random.default_rng(4), 4500.0, []
    for i, at in enumerate(range(opens, closes, MINUTE)):
        goes = ((i // 15) % 4 - 2) * 3.0 if (i // 15) % 2 else 0.0  # nothing, −3, nothing, +3
        before, price = price, round(price + goes + random.normal(0, 0.2), 2)
        reach = 1.0 if goes == 0.0 else 0.3
        bars.append(
            Bar(at + MINUTE, "SPX", "1", at, before, max(before, price) + reach, min(before, price) - reach, price, 0.0)
        )
    return bars


def test_the_bar_that_ends_a_squeeze_is_followed_until_the_mean_is_crossed():
    bars = [msgspec.structs.replace(bar, symbol="SPY") for bar in day_of_bars(WHOLE_DAY)]
    table = pd.DataFrame(columns_of(bars))
    close, before = table.close, table.close.shift(1)
    mean, spread = close.rolling(10).mean(), 2.0 * close.rolling(10).std(ddof=0)
    true = table.high.clip(lower=before.fillna(table.high)) - table.low.clip(upper=before.fillna(table.low))
    squeezed = spread < 1.5 * true.rolling(10).mean()
    first = make_engine(STRATEGIES["zero_dte_squeeze"], PARAMS).slots["tried", "SPY"].need["1"] - 1
    expected, side, row = [], 0, 0
    for i in range(first, len(bars) - 31):  # up to the last entry
        stood, row = row, row + 1 if squeezed[i] else 0
        way = np.sign(close[i] - mean[i])
        if stood >= 3 and not row and i > first and way == np.sign(close[i] - before[i]):
            side = int(way)
            expected.append((i, side, "call_out_of_squeeze" if side > 0 else "put_out_of_squeeze"))
        elif side * way < 0:
            side = 0
            expected.append((i, 0, "mean_crossed"))
    found = run(STRATEGIES["zero_dte_squeeze"], PARAMS, bars).answers
    told = [(a.bars - 1, a.wish.target, a.wish.reason) for a in found if a.wish is not None]
    assert [each for each in told if each[0] < len(bars) - 31] == expected
    assert {reason for *_, reason in expected} == {"call_out_of_squeeze", "put_out_of_squeeze", "mean_crossed"}


@pytest.mark.parametrize("day", [WHOLE_DAY, HALF_DAY])
def test_calls_and_puts_are_held_nothing_late_and_nothing_at_the_cut_off(day):
    close, world, rights = session(day).close, World("zero_dte_squeeze", **PARAMS), set()
    for bar in day_of_bars(day):
        world.run([bar])
        held = [position.symbol for position in world.engine.positions if position.quantity]
        assert all(is_option(symbol) for symbol in held)
        rights |= {parse_option(symbol).right for symbol in held}
        if bar.ts > close - 15 * MINUTE:
            assert not held
    assert rights == {"C", "P"}
    assert max(signal.ts for signal in world.signals if signal.target) < close - 30 * MINUTE


def test_one_that_crosses_its_mean_is_left_although_nothing_may_be_entered():
    """From eleven in the morning on nothing is entered; what was bought before is left by the rule all the same."""
    world = World("zero_dte_squeeze", **PARAMS, last_entry_minutes=300)
    world.run(day_of_bars(WHOLE_DAY))
    [*_, last] = [signal for signal in world.signals if signal.target]
    later = [signal for signal in world.signals if signal.ts > last.ts]
    assert later[0].reason == "mean_crossed"
    assert later[0].ts > session(WHOLE_DAY).close - 300 * MINUTE >= last.ts
