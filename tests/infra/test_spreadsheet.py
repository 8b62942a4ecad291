"""No text becomes a formula in a spreadsheet, and numbers stay numbers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.spreadsheet import cell


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+1", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-", "+", "-1e", "--1"]
)
def test_what_would_be_a_formula_is_marked_as_text(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-12.5", "+3", "-1.5e-7", "12", "/MES", "", "a=b", None, -3, 1.5, Decimal(-2), True])
def test_numbers_and_plain_texts_stay(value):
    assert cell(value) is value


@given(st.text(max_size=12))
def test_nothing_that_begins_like_a_formula_is_left_unless_it_is_a_number(text):
    told = cell(text)
    assert told.removeprefix("'") == text.removeprefix("'")
    if told[:1] in ("=", "+", "-", "@", "\t", "\r", "\n"):
        float(told)
