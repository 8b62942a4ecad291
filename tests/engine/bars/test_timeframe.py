"""Every spelling of a timeframe meets one canonical form; anything else is refused with the reason."""

import pytest

from engine.bars.timeframe import canonical, parse_timeframe
from engine.errors import InvalidInput


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("1", "1"), ("1m", "1"), ("1Min", "1"), ("1min", "1"), ("1 minute", "1"), ("60s", "1"),
        ("5", "5"), ("5m", "5"), ("5Min", "5"), ("15Min", "15"), ("2m", "2"), ("90", "90"), ("30m", "30"),
        ("60", "1h"), ("1h", "1h"), ("1H", "1h"), ("1Hour", "1h"), ("60m", "1h"), ("240", "4h"), ("4h", "4h"),
        ("1d", "1d"), ("1D", "1d"), ("1Day", "1d"), ("24h", "1d"), ("1440", "1d"),
        ("144t", "144t"), ("144T", "144t"), ("512 ticks", "512t"), ("1600t", "1600t"),
        ("30s", "30s"), ("90s", "90s"), ("5000v", "5000v"), (" 5 ", "5"),
    ],
)  # fmt: skip
def test_every_spelling_resolves_to_one_canonical_key(spelling, expected):
    assert canonical(spelling) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize("text", ["", "0", "0t", "m5", "-5", "1.5h", "5x", "1M", "2d", "48h", "1w", "five", "5mm"])
def test_a_wrong_spelling_is_refused_and_named(text):
    with pytest.raises(InvalidInput, match="timeframe") as caught:
        parse_timeframe(text)
    assert caught.value.field == "timeframe"
    assert repr(text) in caught.value.detail or "at most one day" in caught.value.detail


def test_the_smaller_timeframe_sorts_first_and_time_before_ticks_before_volume():
    texts = ["5000v", "512t", "1d", "144t", "1h", "5", "30s", "1"]
    ordered = sorted(map(parse_timeframe, texts), key=lambda each: each.order)
    assert [each.text for each in ordered] == ["30s", "1", "5", "1h", "1d", "144t", "512t", "5000v"]


def test_only_time_has_a_duration():
    assert parse_timeframe("5").duration_ns == 300_000_000_000
    assert parse_timeframe("1d").duration_ns == 86_400_000_000_000
    assert parse_timeframe("144t").duration_ns is None
