"""The promises of every indicator, as checks that say at which bar one was broken."""

from collections.abc import Callable

import msgspec
import numpy as np

from engine.indicators.frame import IndicatorFrame
from engine.indicators.recurrence import INDICATORS, Indicator
from engine.indicators.spec import parse
from engine.indicators.table import column_names, compute
from tests.engine.indicators.sample_bars import Columns, bars_of

Run = Callable[[str, Columns], Columns]
CUTS = (1, 23, 60, 171, 300, 401)


# Parameters for the sample bars, where the defaults would leave the indicator idle.
TUNED = {
    "zigzag": ["percentage=0.1", "absolute=4", "atr_reversal=1.0"],
    "zigzag_first_seen": ["percentage=0.1", "absolute=4", "atr_reversal=1.0"],
}


def variants(indicator: Indicator) -> list[str]:
    """The specs that the suite tries: the defaults, and each choice the indicator offers."""
    spare = ["close", "open"]
    sources = [default or spare.pop(0) for default in indicator.sources.values()]
    words = [(p.name, word) for p in indicator.params if p.is_choice for word in p.kind.__args__ if word != p.default]
    chosen = [[], *([f"{name}={word}"] for name, word in words)]
    return [f"{indicator.name}({','.join([*sources, *TUNED.get(indicator.name, []), *each])})" for each in chosen]


def every_variant() -> list[str]:
    return [text for name in INDICATORS for text in variants(INDICATORS[name])]


def outputs(text: str) -> list[str]:
    return [str(spec) for _, spec in column_names(text)]


def appended(text: str, columns: Columns) -> Columns:
    """The columns of a spec, bar by bar."""
    names = outputs(text)
    frame = IndicatorFrame(names, max_length=100_000)
    for bar in bars_of(columns):
        frame.append(bar)
    return {name: np.array(frame.column(name)) for name in names}


def scanned(text: str, columns: Columns) -> Columns:
    return compute(columns, outputs(text))


def first(columns: Columns, rows: int) -> Columns:
    return {name: values[:rows] for name, values in columns.items()}


def with_another_future(columns: Columns, known: int) -> Columns:
    """The same bars up to `known`, then a market that goes elsewhere."""
    changed = {name: values.copy() for name, values in columns.items()}
    for name in ("open", "high", "low", "close", "vwap"):
        changed[name][known:] = changed[name][known:] * 1.5 + 100.0
    changed["volume"][known:] += 1000.0
    return changed


def assert_equal_bits(text: str, promise: str, expected: Columns, found: Columns) -> None:
    for name, values in expected.items():
        other = found[name]
        assert len(values) == len(other), f"{text}: {promise}: {len(values)} values against {len(other)}"
        different = np.flatnonzero(values.view(np.int64) != other.view(np.int64))
        if len(different):
            bar = int(different[0])
            raise AssertionError(f"{text}: {promise}: {name} at bar {bar} was {values[bar]}, became {other[bar]}")


def check_appending_equals_scanning(text: str, columns: Columns) -> None:
    assert_equal_bits(text, "appended, then scanned", appended(text, columns), scanned(text, columns))


def check_the_future_changes_nothing_past(text: str, columns: Columns, run: Run) -> None:
    original = run(text, columns)
    for known in CUTS:
        other = run(text, with_another_future(columns, known))
        promise = f"bars from {known} on were changed"
        assert_equal_bits(text, promise, first(original, known), first(other, known))


def check_a_longer_history_changes_nothing_past(text: str, columns: Columns, run: Run) -> None:
    original = run(text, columns)
    for known in CUTS:
        prefix = run(text, first(columns, known))
        assert_equal_bits(text, f"only {known} bars, then all", prefix, first(original, known))


def check_warmup_is_exact(text: str, columns: Columns, run: Run) -> None:
    plan = IndicatorFrame([text]).plan
    ready = plan.ready(parse(text))
    indicator = INDICATORS[parse(text).name]
    for name, values in run(text, columns).items():
        early = np.flatnonzero(~np.isnan(values[: ready - 1]))
        assert not len(early), f"{text}: {name} has a value at bar {early[0]}, but is ready after {ready} bars only"
        if (parse(name).output or indicator.outputs[0]) not in indicator.sparse:
            assert not np.isnan(values[ready - 1]), f"{text}: {name} is still nan at bar {ready - 1}, when it is ready"


def check_a_restart_at_any_bar_changes_nothing(text: str, columns: Columns) -> None:
    """At every bar the state moves, through bytes, into another frame, which has seen other things."""
    names = outputs(text)
    frame, other = IndicatorFrame(names), IndicatorFrame(names)
    expected = appended(text, columns)
    for i, bar in enumerate(bars_of(columns)):
        stored = msgspec.msgpack.encode(frame.snapshot())
        other.restore(msgspec.msgpack.decode(stored))
        frame.append(bar)  # what the old frame goes on to see must not reach the new one
        other.append(bar)
        frame, other = other, frame
        found = {name: np.array([frame[name]]) for name in names}
        assert_equal_bits(text, f"restarted at bar {i}", {n: v[i : i + 1] for n, v in expected.items()}, found)
