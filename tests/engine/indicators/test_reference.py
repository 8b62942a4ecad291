from engine.indicators.reference import render
from tests.engine.indicators.write_reference import PAGE, page


def test_the_reference_page_is_what_the_code_says():
    assert PAGE.read_text() == page(), "run python -m tests.engine.indicators.write_reference"


def test_the_page_shows_formula_warmup_bounds_and_outputs():
    text = render([])
    section = text.split("## supertrend\n")[1].split("\n## ")[0]
    assert "Classic Supertrend" in section
    assert "| warm-up | 11 bars |" in section
    assert "| outputs | `line`, `direction` |" in section
    assert "| `period` | a whole number ≥ 1 and ≤ 10000; default 10 |" in section
