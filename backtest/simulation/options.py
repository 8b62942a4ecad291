"""Choices of a simulated run as people type them: fills, slippage, fees, parameters."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from engine.errors import InvalidInput
from engine.options.synthetic import SyntheticChains
from engine.strategy.base import Strategy
from engine.strategy.params import parse_params
from engine.venue.choices import (
    FEES,
    LATENCY,
    MOST,
    PARTICIPATION,
    SLIPPAGE,
    amount,
    parse_fees,
    parse_fill,
    parse_latency,
    parse_participation,
    parse_slippage,
)

__all__ = [
    "FEES", "LATENCY", "PARTICIPATION", "SLIPPAGE", "check_options",
    "parse_amount", "parse_fees", "parse_fill", "parse_latency",
    "parse_pairs", "parse_participation", "parse_quantity", "parse_slippage",
]  # fmt: skip


def check_options(name: str, kind: type[Strategy], params: Mapping[str, Any], chains: SyntheticChains | None) -> None:
    """`InvalidInput` where a strategy buys options and nobody says at which prices."""
    if chains is None and kind.contracts(parse_params(kind, params)) is not None:
        raise InvalidInput(
            f"strategy: {name} buys options, and the history holds no quotes of them, so no fill would be true. For "
            "prices of a model, which are no history, give --chains synthetic:VOLATILITY",
            field="strategy",
        )


def parse_pairs(pairs: Iterable[str], *, field: str) -> dict[str, Any]:
    """`name=value` texts as a dict."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name.strip():
            raise InvalidInput(f"{field}: expected NAME=VALUE, found {pair!r}", field=field)
        found[name.strip()] = value.strip()
    return found


def parse_quantity(text: str) -> Decimal:
    """A quantity above 0."""
    return _above_zero(text, field="quantity", expected="a number")


def parse_amount(text: str, *, field: str) -> Decimal:
    """An amount of money above 0."""
    return _above_zero(text, field=field, expected="an amount")


def _above_zero(text: str, *, field: str, expected: str) -> Decimal:
    wanted = f"{expected} above 0 and up to {MOST:,}"
    value = amount(text, field=field, expected=wanted, found=text)
    if value == 0:
        raise InvalidInput(f"{field}: expected {wanted}, found {text!r}", field=field)
    return value
