"""Renders the reference page of all indicators from their declarations."""

from collections.abc import Sequence
from typing import NamedTuple

from engine.indicators.graph import plan_for
from engine.indicators.prices import PRICE_FIELDS
from engine.indicators.recurrence import INDICATORS, Indicator
from engine.indicators.spec import Spec, make_spec, parse

HEAD = """# Indicators

Generated from the code (`python -m tests.engine.indicators.write_reference`): do not edit.

A spec is written `name(sources, parameters)`: `ema(close,9)`, `ema(rsi(14),9,seed=sma)`, `supertrend(10,3).line`.
Sources come first and may be left out where they have a default; parameters follow by place or by name. A source is a
price field ({fields}), another spec, or a number. Values are nan until warm: *warm-up* is the number of bars until the
first value, with the default parameters, derived from the graph of what the indicator is made of.

`seed` is a choice: `first` starts from the first value (ThinkScript's `ExpAverage`), `sma` from the mean of the first
`period` values (ThinkScript's `WildersAverage`, TA-Lib). The defaults follow ThinkScript.

*Difference* is the largest one found, relative to values above 1. Appending bar by bar and scanning whole columns give
equal bits for every indicator here.
"""


class Check(NamedTuple):
    """One comparison with an independent implementation."""

    indicator: str
    spec: str
    oracle: str
    difference: float
    compared: int


def render(checks: Sequence[Check]) -> str:
    """The page, in Markdown."""
    names = list(INDICATORS)
    index = " · ".join(f"[{name}](#{name})" for name in names)
    fields = ", ".join(f"`{field}`" for field in PRICE_FIELDS)
    sections = [_section(INDICATORS[name], [c for c in checks if c.indicator == name]) for name in names]
    return "\n".join([HEAD.format(fields=fields), index, "", *sections])


def _section(indicator: Indicator, checks: list[Check]) -> str:
    spec = default_spec(indicator)
    lines = [f"## {indicator.name}", "", indicator.formula, ""]
    lines += ["| | |", "|---|---|", f"| write | `{spec}` |", f"| warm-up | {plan_for((spec,)).ready(spec)} bars |"]
    if len(indicator.outputs) > 1:
        lines.append(f"| outputs | {', '.join(f'`{output}`' for output in indicator.outputs)} |")
    if indicator.sources:
        shown = (f"`{name}`" + (f" = `{default}`" if default != name else "") for name, default in _defaults(indicator))
        lines.append(f"| sources | {', '.join(shown)} |")
    lines += [f"| `{p.name}` | {p.expected}; default {p.default} |" for p in indicator.params]
    if checks:
        lines += ["", "| checked | against | bars | difference |", "|---|---|---|---|"]
        lines += [f"| `{c.spec}` | {c.oracle} | {c.compared} | {c.difference:.1e} |" for c in checks]
    return "\n".join([*lines, ""])


def _defaults(indicator: Indicator) -> list[tuple[str, str]]:
    return [(name, default or "required") for name, default in indicator.sources.items()]


def default_spec(indicator: Indicator) -> Spec:
    """The indicator with its defaults; `close` and `open` stand in for sources that must be given."""
    spare = ["close", "open"]
    sources: dict[str, Spec | float] = {
        name: parse(default or spare.pop(0)) for name, default in indicator.sources.items()
    }
    return make_spec(indicator, sources, {})
