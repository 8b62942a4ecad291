"""The report as CSV for spreadsheets: files in a folder, or all of them in one archive."""

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from backtest.report import convincing
from infra.spreadsheet import cell

Rows = list[dict[str, Any]]
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file in an archive: the same report gives the same bytes


def write_csv(document: Mapping[str, Any], folder: Path) -> list[Path]:
    """`trades.csv`, `days.csv`, `monthly.csv` and `figures.csv` in `folder`, which is made; what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in _files(_tables(document)):
        written.append(folder / name)
        written[-1].write_text(text, encoding="utf-8", newline="")
    return written


def zipped_csv(document: Mapping[str, Any]) -> bytes:
    """The same files in one archive."""
    return zipped(_tables(document))


def zipped(tables: Mapping[str, Rows]) -> bytes:
    """A CSV of each table, in one archive."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _files(tables):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), text, zipfile.ZIP_DEFLATED)
    return found.getvalue()


def _files(tables: Mapping[str, Rows]) -> Iterator[tuple[str, str]]:
    for name, rows in tables.items():
        found = io.StringIO(newline="")
        writer = csv.DictWriter(found, fieldnames=list(rows[0]) if rows else ["empty"])
        writer.writeheader()
        writer.writerows({key: cell(value) for key, value in row.items()} for row in rows)
        yield f"{name}.csv", found.getvalue()


def _tables(document: Mapping[str, Any]) -> dict[str, Rows]:
    days = document["days"]
    return {
        "trades": document["trades"],
        "days": [
            dict(zip(("date", "equity", "return"), row, strict=True))
            for row in zip(days["date"], days["equity"], days["return"], strict=True)
        ],
        "monthly": [_month(row) for row in document["monthly"]],
        "figures": [
            {"figure": name, "value": value, "convention": document["conventions"].get(name.rpartition(" ")[2], "")}
            for name, value in _figures(document).items()
        ],
    }


def _month(row: Mapping[str, Any]) -> dict[str, Any]:
    months = {f"{month:02d}": value for month, value in enumerate(row["months"], 1)}
    return {"year": row["year"], **months, "total": row["total"]}


def _figures(document: Mapping[str, Any]) -> dict[str, Any]:
    """By name; those that are of one strategy on one symbol are named after them: "ema SPY deflated_sharpe"."""
    judged = {
        f"{row['strategy']} {row['symbol']} {name}": value
        for row in (document["judgement"] or {}).get("rows", ())
        for name, value in convincing.figures_of(row).items()
    }
    return {**document["trade_figures"], **document["returns"], **document["costs"], **judged}
