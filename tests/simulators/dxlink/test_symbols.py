"""Candle symbols have one spelling."""

import pytest

from simulators.candles import CandleSpec
from simulators.dxlink.symbols import parse_candle_symbol


@pytest.mark.parametrize(
    ("text", "canonical", "spec"),
    [
        ("SPY{=5m}", "SPY{=5m}", CandleSpec(5, "m")),
        ("SPY{=1m}", "SPY{=m}", CandleSpec(1, "m")),
        ("SPY{=1d,tho=true}", "SPY{=d,tho=true}", CandleSpec(1, "d", regular_only=True)),
        ("SPY{=d,tho=false,price=last,a=m}", "SPY{=d}", CandleSpec(1, "d")),
        ("SPX{=1h,tho=true,a=s}", "SPX{=h,a=s,tho=true}", CandleSpec(1, "h", True, True)),
        ("/NQZ26:XCME{=144t}", "/NQZ26:XCME{=144t}", CandleSpec(144, "t")),
        ("SPY{=t}", "SPY{=t}", CandleSpec(1, "t")),
        ("SPY{=1mo}", "SPY{=mo}", CandleSpec(1, "mo")),
        ("SPY&Q{=5m}", "SPY&Q{=5m}", CandleSpec(5, "m")),
        (".SPXW261120C6000{=m,price=mark}", ".SPXW261120C6000{=m,price=mark}", None),
        ("SPY{=10v}", "SPY{=10v}", None),
    ],
)
def test_a_candle_symbol_is_understood_and_spelled_canonically(text, canonical, spec):
    parsed = parse_candle_symbol(text)
    assert parsed is not None
    assert (parsed.canonical, parsed.spec) == (canonical, spec)
    again = parse_candle_symbol(canonical)
    assert again is not None
    assert again == parsed


@pytest.mark.parametrize("text", ["SPY", "SPY{}", "SPY{=0m}", "SPY{=5q}", "{=5m}", "SPY{=5m"])
def test_what_is_no_candle_symbol_is_none(text):
    assert parse_candle_symbol(text) is None
