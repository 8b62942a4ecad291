import pytest

from engine.errors import NotFound
from engine.indicators.spec import Spec, SpecError, parse


@pytest.mark.parametrize(
    "text",
    [
        "ema(close,9)",
        "ema(9)",
        "ema(close,period=9)",
        "ema(period=9, close=close)",
        " ema(close, 9, seed=first) ",
        "ema(9,first)",
    ],
)
def test_texts_that_mean_the_same_give_equal_specs(text):
    assert parse(text) == parse("ema(close,9)")
    assert hash(parse(text)) == hash(parse("ema(close,9)"))
    assert str(parse(text)) == "ema(close,9)"


@pytest.mark.parametrize(
    "text",
    [
        "ema(close,9,seed=sma)",
        "sum(ema(high,5),3)",
        "triple_ema(close,9,14,21).fast",
        "vwma(20)",
        "product(close,2.5)",
        "hl2",
    ],
)
def test_a_spec_reads_back_what_it_writes(text):
    assert str(parse(text)) == text
    assert parse(str(parse(text))) == parse(text)


def test_a_source_may_be_another_indicator_or_one_of_its_outputs():
    spec = parse("ema(triple_ema(9,14,21).slow,5)")
    assert spec.sources == (parse("triple_ema(close,9,14,21).slow"),)


def test_a_number_fills_a_source_only_where_one_must_be_given():
    assert parse("product(close,3)").sources == (Spec("close"), 3.0)
    assert parse("ema(3)").sources == (Spec("close"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ema(close,0)", "ema: period must be a whole number ≥ 1 and ≤ 10000, found 0"),
        ("ema(close,9.5)", "period must be a whole number"),
        ("ema(close,9,seed=last)", "seed must be one of first, sma, found last"),
        ("ema(close,9,smooth=2)", "ema has no parameter 'smooth': ema\\(close, period=12, seed=first\\)"),
        ("ema(close,9,period=9)", "period is given twice"),
        ("ema(close,9,first,4)", "takes no 4 here"),
        ("ema(close,[1])", "expects a value for period"),
        ("product(close)", "product needs its source 'b'"),
        ("ema(close,9).upper", "has no output 'upper'; it has: value"),
        ("close.value", "has no output"),
        ("ema(close,9", "is no spec"),
        ("1+1", "neither a price field nor an indicator"),
        ("tema(close,9,displace=3)", "would read 3 bars of the future"),
        ("ema(" * 45 + "close" + ")" * 45, "nested deeper"),
        ("-" * 900 + "1", "neither a price field"),
        ("ema(close," + "9" * 1000 + ")", "at most 1000 characters"),
    ],
)
def test_a_wrong_spec_is_refused_with_what_was_expected(text, message):
    with pytest.raises(SpecError, match=message):
        parse(text)


def test_the_error_names_the_parameter():
    with pytest.raises(SpecError) as refused:
        parse("ema(close,0)")
    assert refused.value.field == "period"


def test_a_wrong_name_is_answered_with_what_may_have_been_meant():
    with pytest.raises(NotFound, match="Did you mean 'wilder'"):
        parse("wildr(close,9)")
