"""The moving-average crossover."""

from decimal import Decimal

import pytest

from engine.core import Engine, EngineConfig
from engine.errors import InvalidInput
from engine.indicators.frame import IndicatorFrame
from engine.model.orders import ApprovedOrder
from engine.model.signals import Signal
from strategies.registry import STRATEGIES, parse_params
from tests.engine.scenario import INSTRUMENTS, bars, slot

WAVE = [100 + 5 * ((i * 7919) % 23) / 23 + (i // 30 % 2) * 4 for i in range(400)]


def signals(params, closes):
    config = EngineConfig(run="r", slots=(slot(strategy="ema", **params),), instruments=INSTRUMENTS)
    engine = Engine(config, strategies=STRATEGIES)
    return [event for b in bars(closes) for event in engine.process(b) if isinstance(event, Signal)]


def crosses_of(spec_1, spec_2, closes, warmup):
    """The crosses, worked out from the columns alone."""
    frame = IndicatorFrame([spec_1, spec_2])
    lines = []
    for b in bars(closes):
        frame.append(b)
        lines.append((frame[spec_1], frame[spec_2]))
    found, held = [], 0
    for number in range(warmup, len(lines)):
        (a1, b1), (a, b_) = lines[number - 1], lines[number]
        target = 1 if a > b_ and a1 <= b1 else -1 if a < b_ and a1 >= b1 else 0
        if target and target != held:
            found.append((number + 1, target))
            held = target
    return found


@pytest.mark.parametrize(
    ("params", "specs"),
    [
        ({"period_1": 3, "period_2": 8}, ("ema(close,3)", "ema(close,8)")),
        (
            {"period_1": 3, "period_2": 8, "trend_line_1": "sma", "trend_line_2": "WMA"},
            ("sma(close,3)", "wma(close,8)"),
        ),
        ({"period_1": 4, "period_2": 9, "trend_line_1": "WilderSmoother"}, ("wilder(close,4)", "ema(close,9)")),
    ],
)
def test_signals_are_the_crosses_of_the_two_lines(params, specs):
    found = signals(params, WAVE)
    need = max(params["period_1"], params["period_2"])
    assert [(s.bar_ts // 60_000_000_000, s.target) for s in found] == crosses_of(specs[0], specs[1], WAVE, need)
    assert len(found) > 4


def test_evidence_holds_both_lines_now_and_before():
    signal = signals({"period_1": 3, "period_2": 8}, WAVE)[0]
    e = signal.evidence
    assert (e["line_1"] - e["line_2"]) * signal.target > 0
    assert (e["line_1_before"] - e["line_2_before"]) * signal.target <= 0


def test_defaults_are_the_classic_pair():
    params = parse_params("ema", {})
    assert (params.period_1, params.period_2, params.trend_line_1) == (9, 21, "EMA")


@pytest.mark.parametrize("name", ["Wilder", "WilderSmoother", "WildersSmoothing", "wilders"])
def test_wilders_average_has_several_spellings_and_is_not_wma(name):
    assert parse_params("ema", {"trend_line_1": name}).trend_line_1 == "WILDERS"
    assert parse_params("ema", {"trend_line_1": "wma"}).trend_line_1 == "WMA"


@pytest.mark.parametrize(
    ("raw", "field", "words"),
    [
        ({"period_1": 0}, "period_1", ">= 1"),
        ({"period_2": "many"}, "period_2", "int"),
        ({"trend_line_1": "HULL"}, "trend_line_1", "HULL"),
        ({"perod_1": 9}, "perod_1", "did you mean 'period_1'"),
        ({"period_1": 21}, "period_2", "other than line 1"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(raw, field, words):
    with pytest.raises(InvalidInput, match=words) as caught:
        parse_params("ema", raw)
    assert caught.value.field == field


def test_numbers_may_come_as_text():
    assert parse_params("ema", {"period_1": "5"}).period_1 == 5


def test_quantities_are_traded_as_configured():
    config = EngineConfig(run="r", slots=(slot(strategy="ema", quantity=7),), instruments=INSTRUMENTS)
    engine = Engine(config, strategies=STRATEGIES)
    out = [event for b in bars(WAVE) for event in engine.process(b)]
    assert next(e.order.quantity for e in out if isinstance(e, ApprovedOrder)) == Decimal(7)
