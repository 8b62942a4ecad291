"""The reference page of the strategies is what the code says."""

from tests.strategies.library.write_reference import PAGE, page


def test_the_reference_page_is_what_the_code_says():
    assert PAGE.read_text() == page(), "run python -m tests.strategies.library.write_reference"


def test_the_page_shows_rules_names_warmup_and_bounds():
    section = page().split("\n## triple_ema\n")[1].split("\n## ")[0]
    assert "the latest\nZigZag turn is up" in section
    assert "| also called | `supertrend_reversal` |" in section
    assert "| warm-up | 21 bars |" in section
    assert "| `form` | when a turn of the ZigZag counts | `confirmed`, `first_seen` | `confirmed` |" in section
    assert "| `slow` | bars in the slow average | ≥ 2 and ≤ 500 | `21` |" in section
