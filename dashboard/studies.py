"""What the pages of studies show."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings as configured
from django.db.models import QuerySet

from backtest.distributed.work import progress_of
from backtest.models import Study
from backtest.report.words import settings, short
from backtest.services import ENDED
from strategies.registry import STRATEGIES, deciding

SHOWN = 100
MOST_CELLS, PARTS = 40, 10  # of an axis of the map: so many values, or as many parts
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
    folder = Path(configured.DATA_DIR)
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
        "best": [{**run, "settings": settings(run["params"])} for run in best],
        "judgement": result.get("judgement"),
        "walk": _walk(result.get("walk_forward")),
        "failed": result.get("failed_shards", []),
        "days": [{**day, "settings": settings(day["params"])} for day in result.get("days", [])],
        "by_strategy": sorted(result.get("strategies", []), key=lambda row: -row["best"]["score"]),
        "notes": _notes(study),
        "heat": _heat(study),
    }


def _walk(found: dict[str, Any] | None) -> dict[str, Any] | None:
    if not found:
        return None
    return found | {"folds": [fold | {"settings": settings(fold["params"])} for fold in found["folds"]]}


def _notes(study: Study) -> list[str]:
    """What could not be compiled and what was refused, with the first reason and how often."""
    notes = []
    for field, what in (("why", "were run by the engine, not compiled"), ("error", "were refused")):
        rows = study.runs.exclude(**{field: ""}).values_list(field, flat=True)
        if rows:
            notes.append(f"{len(rows):,} runs {what}: {rows[0]}")
    return notes


def _heat(study: Study) -> dict[str, Any] | None:
    """The scores over the two parameters with most values, each cell the median of its runs; drawn numbers are put in
    equal parts of their range. None where there are not two."""
    runs = [run for run in study.runs.all() if run.score is not None]
    values = {
        name: _in_order({_plain(run.params.get(name)) for run in runs}) for name in (runs[0].params if runs else {})
    }
    axes = sorted((name for name, found in values.items() if len(found) > 1), key=lambda name: -len(values[name]))[:2]
    if len(axes) < 2:
        return None
    across, down = axes
    columns, lines = _parts(values[across]), _parts(values[down])
    cells: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        at = lines[_plain(run.params.get(down))], columns[_plain(run.params.get(across))]
        cells.setdefault(at, []).append(run.score or 0.0)
    middle = {key: sorted(found)[len(found) // 2] for key, found in cells.items()}
    largest = max((abs(score) for score in middle.values()), default=0.0) or 1.0
    rows = [
        {
            "value": y,
            "cells": [
                {"score": middle.get((y, x)), "share": round(100 * abs(middle.get((y, x), 0.0)) / largest)}
                for x in dict.fromkeys(columns.values())
            ],
        }
        for y in dict.fromkeys(lines.values())
    ]
    return {"across": across, "down": down, "columns": list(dict.fromkeys(columns.values())), "rows": rows}


def _parts(values: list[Any]) -> dict[Any, str]:
    """What each of the sorted values is called on the map: itself, or of too many numbers the part that it is in."""
    if len(values) <= MOST_CELLS or isinstance(values[-1], str):
        return {value: short(value) for value in values}
    low, width = values[0], (values[-1] - values[0]) / PARTS
    edges = [low + width * part for part in range(PARTS + 1)]
    names = [f"{one:.3g} – {other:.3g}" for one, other in pairwise(edges)]
    return {value: names[min(int((value - low) / width), PARTS - 1)] for value in values}


def _in_order(values: set[Any]) -> list[Any]:
    """Numbers first: "none" may stand beside them."""
    return sorted(values, key=lambda value: (isinstance(value, str), value))


def _plain(value: Any) -> Any:
    """Comparable with its kind: numbers as numbers, the rest as text."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


__all__ = ["ENDED", "data_files", "find", "lines", "shown", "strategies"]
