"""Indicators: one recurrence each, appended bar by bar or scanned over columns with equal bits."""

from engine.indicators import (
    averages,
    days,
    derivatives,
    flags,
    learning,
    momentum,
    trend,
    volatility,
    volume,
    windows,
    zigzag,
)

__all__ = [
    "averages",
    "days",
    "derivatives",
    "flags",
    "learning",
    "momentum",
    "trend",
    "volatility",
    "volume",
    "windows",
    "zigzag",
]
