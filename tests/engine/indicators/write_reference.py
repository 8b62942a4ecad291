"""Measures every indicator against its oracles and writes the reference page: run it after changing one."""

import json
from pathlib import Path

from engine.indicators.reference import Check, render
from tests.engine.indicators.oracles import GOLDEN_ORACLES, ORACLES, PLATFORM_ORACLES, Oracle, measure

MEASURED = Path(__file__).with_name("measured.json")
PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "indicators.md"


def measured() -> list[Check]:
    return [_check(oracle) for oracle in [*ORACLES, *GOLDEN_ORACLES, *PLATFORM_ORACLES]]


def _check(oracle: Oracle) -> Check:
    found = measure(oracle)
    return Check(oracle.indicator, oracle.spec, oracle.label, float(f"{found.difference:.1e}"), found.compared)


def page() -> str:
    """The page from the differences on record."""
    return render([Check(**row) for row in json.loads(MEASURED.read_text())])


def main() -> None:
    rows = ",\n  ".join(json.dumps(check._asdict(), ensure_ascii=False) for check in measured())
    MEASURED.write_text(f"[\n  {rows}\n]\n")
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
