"""Writes the report of a run that was played to files."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backtest.counted import Verdict
from backtest.report.document import material_of, report
from backtest.report.export import write_csv
from backtest.report.material import benchmark_of
from backtest.report.page import page
from backtest.stored import StoredRun
from engine.errors import InvalidInput
from engine.instruments.catalog import normalize_symbol


def check_benchmark(name: str | None, run: StoredRun) -> str | None:
    """The symbol to hold the run against; None is the run's first, "none" nothing."""
    if name is None or name == "none":
        return name
    symbol = normalize_symbol(name)
    if symbol not in run.asked.symbols:
        raise InvalidInput(
            f"benchmark: expected a symbol of the run ({', '.join(run.asked.symbols)}) or none, found {name!r}",
            field="benchmark",
        )
    return symbol


def write_report(
    document: dict[str, Any], *, html: Path | None = None, csv: Path | None = None, report: Path | None = None
) -> list[Path]:
    """What was written."""
    return list(_write(document, html, csv, report))


def document_of(
    run: StoredRun, *, benchmark: str | None, honesty: dict[str, Any] | None = None, verdict: Verdict | None = None
) -> dict[str, Any]:
    """The report of a run that was played."""
    held = benchmark_of(run.curve, benchmark)
    return report(material_of(run, benchmark=held, honesty=honesty, verdict=verdict))


def _write(document: dict[str, Any], html: Path | None, csv: Path | None, as_json: Path | None) -> Iterator[Path]:
    if html is not None:
        yield write_text(html, page(document), field="html")
    if as_json is not None:
        yield write_text(as_json, json.dumps(document, ensure_ascii=False, indent=1) + "\n", field="report")
    if csv is not None:
        with _refused(csv, "csv"):
            yield from write_csv(document, csv)


def write_text(path: Path, text: str, *, field: str) -> Path:
    """`path`, with its folders; `InvalidInput` names the option where it cannot be written."""
    with _refused(path, field):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def _refused(path: Path, field: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"{field}: {path} cannot be written: {error.strerror}", field=field) from error
