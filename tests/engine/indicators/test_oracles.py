"""The indicators against independent implementations, ThinkScript's golden bars and another platform's columns."""

import json

import numpy as np
import pytest

from engine.indicators.recurrence import INDICATORS
from engine.indicators.table import compute
from engine.indicators.zigzag import pivots
from tests.engine.indicators import oracles
from tests.engine.indicators.oracles import GOLDEN, GOLDEN_ORACLES, ORACLES, PLATFORM_BARS, PLATFORM_ORACLES, measure
from tests.engine.indicators.write_reference import MEASURED

needs_golden = pytest.mark.skipif(not GOLDEN.exists(), reason="the golden bars are not in this clone")
needs_platform = pytest.mark.skipif(
    not PLATFORM_BARS.exists(), reason="the other platform's bars are not in this clone"
)
WITHIN = 1e-9  # of TA-Lib and pandas, relative
EXCEPT = {"slope": 1e-8, "acceleration": 1e-8, "session_vwap": 1e-6}  # the references lose digits here, not we


def name_of(oracle: oracles.Oracle) -> str:
    return f"{oracle.spec}-{oracle.label}"


@pytest.mark.parametrize("oracle", ORACLES, ids=name_of)
def test_the_values_are_those_of_an_independent_implementation(oracle):
    measured = measure(oracle)
    assert measured.compared > 1500
    assert measured.missing == 0
    assert measured.difference <= EXCEPT.get(oracle.indicator, WITHIN)


@pytest.mark.parametrize("oracle", ORACLES, ids=name_of)
def test_the_reference_does_not_understate_the_difference(oracle):
    rows = {(row["spec"], row["oracle"]): row for row in json.loads(MEASURED.read_text())}
    recorded = rows[oracle.spec, oracle.label]["difference"]
    assert measure(oracle).difference <= 10.0 * recorded + 1e-13


def test_every_indicator_is_compared_with_something():
    compared = {oracle.indicator for oracle in [*ORACLES, *GOLDEN_ORACLES]}
    own_words = {"zigzag_first_seen", "zigzag_threshold"}  # compared below, and inside zigzag
    assert set(INDICATORS) - compared == own_words


@needs_golden
@pytest.mark.parametrize("oracle", GOLDEN_ORACLES, ids=name_of)
def test_the_thinkscript_golden_bars_are_reproduced(oracle):
    measured = measure(oracle)
    assert measured.compared > 200
    assert measured.difference < 1e-9  # the file holds six decimals of values around 5000


@needs_golden
def test_the_classic_supertrend_is_on_the_golden_side_of_price():
    direction = compute(oracles.golden_columns(), ["supertrend(10,3).direction"])["supertrend(10,3).direction"]
    golden = [1.0 if is_up else -1.0 for _, is_up in oracles.golden()["classic_st_10_3"]]
    np.testing.assert_array_equal(direction[10:], golden[10:])


@needs_golden
@pytest.mark.parametrize("method", ["average", "high_low"])
def test_confirmed_flips_are_those_of_the_golden_bars(method):
    spec = f"zigzag({oracles.ZIGZAG},method={method}).flip"
    flips = compute(oracles.golden_columns(), [spec])[spec]
    found = [[int(i), "up" if flips[i] > 0 else "down"] for i in np.flatnonzero(np.nan_to_num(flips))]
    assert found == oracles.golden()[method]["confirmed_flips"]


@needs_golden
@pytest.mark.parametrize(("method", "tied"), [("average", []), ("high_low", [[90, 91, "up"], [91, 92, "down"]])])
def test_arrows_are_first_seen_when_the_golden_bars_show_them(method, tied):
    """Where two lows tie exactly (bars 88 and 89) the painted study shows none: `tied`."""
    spec = f"zigzag_first_seen({oracles.ZIGZAG},method={method})"
    arrows = compute(oracles.golden_columns(), [spec])[spec]
    found = [[int(i) - 1, int(i), "up" if arrows[i] > 0 else "down"] for i in np.flatnonzero(np.nan_to_num(arrows))]
    assert [arrow for arrow in found if arrow not in tied] == oracles.golden()[method][
        "arrows_as_seen_[bar,visible_at,dir]"
    ]
    assert [arrow for arrow in found if arrow in tied] == tied


@needs_golden
@pytest.mark.parametrize("method", ["average", "high_low"])
def test_a_pivot_is_told_with_the_bar_on_which_it_stood(method):
    columns = oracles.golden_columns()
    spec = f"zigzag({oracles.ZIGZAG},method={method})"
    table = compute(columns, [spec])
    found = pivots(*(table[f"{spec}.{output}"].tolist() for output in ("flip", "pivot", "pivot_age")))
    painted = dict(oracles.golden()[method]["zz_hindsight"])
    flips = oracles.golden()[method]["confirmed_flips"]
    assert [[pivot.visible_at, "up" if pivot.is_low else "down"] for pivot in found] == flips
    for pivot in found[1:]:
        assert painted[pivot.bar] == pytest.approx(pivot.price, abs=1e-6)
        assert pivot.visible_at > pivot.bar


@needs_platform
@pytest.mark.parametrize("oracle", PLATFORM_ORACLES, ids=name_of)
def test_the_columns_of_another_platform_are_reproduced(oracle):
    measured = measure(oracle)
    assert measured.compared > 8000
    assert measured.difference < 1e-6


@needs_platform
def test_session_vwap_from_minutes_is_close_to_the_platforms_from_ticks():
    columns = oracles.platform_bars("ES")
    ours = compute({**columns, "session": oracles.platform_sessions("ES")}, ["session_vwap().value"])[
        "session_vwap().value"
    ]
    assert np.median(np.abs(ours - columns["vwap"])) < 0.05
