"""What the pages of studies show."""

from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import QuerySet

from backtest.distributed.work import progress_of
from backtest.models import Study
from backtest.services import ENDED
from strategies.registry import STRATEGIES, deciding

SHOWN = 100
_BARS = (".parquet", ".csv", ".gz", ".zip", ".zst")


def lines() -> QuerySet[Study]:
    """The newest studies."""
    return Study.objects.only("pk", "name", "kind", "state", "total", "spec", "created_at", "result")[:SHOWN]


def find(number: int) -> Study | None:
    return Study.objects.filter(pk=number).first()


def strategies() -> list[dict[str, Any]]:
    """Every strategy with its parameters and their defaults, for the form."""
    return [
        {
            "name": name,
            "params": [
                {"name": field.name, "default": msgspec.to_builtins(field.default)}
                for field in msgspec.structs.fields(STRATEGIES[name].Params)
                if field.default is not msgspec.NODEFAULT
            ],
        }
        for name in deciding()
    ]


def data_files() -> list[str]:
    """What a study may read beside the archive."""
    folder = Path(settings.DATA_DIR)
    if not folder.is_dir():
        return []
    found = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.suffix in _BARS)
    return list(found)


def shown(study: Study) -> dict[str, Any]:
    """The result as the templates read it."""
    result = study.result
    best = result.get("best", [])
    return {
        "progress": progress_of(study.pk),
        "best": [{**run, "settings": settings_of(run["params"])} for run in best],
        "judgement": result.get("judgement"),
        "walk": result.get("walk_forward"),
        "failed": result.get("failed_shards", []),
        "days": [{**day, "settings": settings_of(day["params"])} for day in result.get("days", [])],
        "by_strategy": sorted(result.get("strategies", []), key=lambda row: -row["best"]["score"]),
        "notes": _notes(study),
        "heat": _heat(study),
    }


def _notes(study: Study) -> list[str]:
    """What could not be compiled and what was refused, with the first reason and how often."""
    notes = []
    for field, what in (("why", "were run by the engine, not compiled"), ("error", "were refused")):
        rows = study.runs.exclude(**{field: ""}).values_list(field, flat=True)
        if rows:
            notes.append(f"{len(rows):,} runs {what}: {rows[0]}")
    return notes


def settings_of(params: dict[str, Any]) -> str:
    """Parameters as a line."""
    return ", ".join(f"{name} {value}" for name, value in params.items()) or "defaults"


def _heat(study: Study) -> dict[str, Any] | None:
    """The scores over the two parameters with most values, each cell the median of its runs; None where there are not
    two."""
    runs = [run for run in study.runs.all() if run.score is not None]
    values = {name: sorted({_plain(run.params.get(name)) for run in runs}) for name in (runs[0].params if runs else {})}
    axes = sorted((name for name, found in values.items() if len(found) > 1), key=lambda name: -len(values[name]))[:2]
    if len(axes) < 2:
        return None
    across, down = axes
    cells: dict[tuple[Any, Any], list[float]] = {}
    for run in runs:
        cells.setdefault((_plain(run.params.get(down)), _plain(run.params.get(across))), []).append(run.score or 0.0)
    middle = {key: sorted(found)[len(found) // 2] for key, found in cells.items()}
    largest = max((abs(score) for score in middle.values()), default=0.0) or 1.0
    rows = [
        {
            "value": y,
            "cells": [
                {"score": middle.get((y, x)), "share": round(100 * abs(middle.get((y, x), 0.0)) / largest)}
                for x in values[across]
            ],
        }
        for y in values[down]
    ]
    return {"across": across, "down": down, "columns": values[across], "rows": rows}


def _plain(value: Any) -> Any:
    """Comparable with its kind: numbers as numbers, the rest as text."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


__all__ = ["ENDED", "data_files", "find", "lines", "shown", "strategies"]
