"""The report as files: CSV for spreadsheets."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def write_csv(document: Mapping[str, Any], folder: Path) -> list[Path]:
    """`trades.csv`, `days.csv`, `monthly.csv` and `figures.csv` in `folder`, which is made; what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    days = document["days"]
    months = [
        {"year": row["year"], **{f"{month:02d}": value for month, value in enumerate(row["months"], 1)},
         "total": row["total"]}
        for row in document["monthly"]
    ]  # fmt: skip
    figures = {**document["trade_figures"], **document["returns"], **document["costs"]}
    tables: dict[str, list[dict[str, Any]]] = {
        "trades": document["trades"],
        "days": [
            dict(zip(("date", "equity", "return"), row, strict=True))
            for row in zip(days["date"], days["equity"], days["return"], strict=True)
        ],
        "monthly": months,
        "figures": [
            {"figure": name, "value": value, "convention": document["conventions"].get(name, "")}
            for name, value in figures.items()
        ],
    }
    return [_write(folder / f"{name}.csv", rows) for name, rows in tables.items()]


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    found = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(found[0]) if found else ["empty"])
        writer.writeheader()
        writer.writerows(found)
    return path
