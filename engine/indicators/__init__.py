"""Indicators: one recurrence each, appended bar by bar or scanned over columns with equal bits."""

from engine.indicators import averages, windows

__all__ = ["averages", "windows"]
