"""Rules: phases in order, their JSON, and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.indicators.table import ColumnCache
from engine.rules.conditions import Compare, Streak
from engine.rules.rule import Rule, parse_rules, rules_json, wish_spec
from engine.rules.temporal import Phase, in_order
from tests.engine.rules.random_rules import some_rules

UP, DOWN = Compare("close", ">", "open"), Compare("close", "<", "open")
LONG = Rule("long", (Phase((UP, Streak("volume", "up", 2))), Phase((DOWN,), 2, 4)))
WORDS = '{"side":"long","phases":[{"all":[{"kind":"compare","left":"close","op":">","right":"open"}'


def flags(text: str, opens: list[float], closes: list[float]) -> list[float]:
    columns = {"open": np.array(opens), "close": np.array(closes)}
    return list(ColumnCache(columns).column(text))


@given(
    bars=st.lists(st.sampled_from((-1.0, 0.0, 1.0)), min_size=1, max_size=40),
    least=st.integers(1, 4),
    span=st.integers(0, 4),
)
def test_a_phase_follows_within_its_gap_and_only_then(bars, least, span):
    text = in_order((Phase((UP,)), Phase((DOWN,), least, least + span)))
    found = flags(text, [5.0] * len(bars), [5.0 + bar for bar in bars])
    expected = [
        float(now < 0 and any(bars[at - ago] > 0 for ago in range(least, least + span + 1) if at >= ago))
        for at, now in enumerate(bars)
    ]
    assert found == expected


def test_three_phases_complete_one_after_another():
    text = in_order((Phase((UP,)), Phase((DOWN,), 1, 2), Phase((UP,), 2, 2)))
    moves = [1, -1, 0, 1, 0, 1, 0, -1, -1, 1, 1]
    assert flags(text, [5.0] * 11, [5.0 + move for move in moves]) == [0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]


def test_a_rule_tells_itself_in_words():
    assert LONG.text == "long when close > open and volume rising 2 bars; then, 2–4 bars later, close < open"
    assert LONG.reads == ("close", "open", "streak(volume)")


@pytest.mark.parametrize("seed", range(20))
def test_rules_come_back_from_their_text(seed):
    rules = some_rules(seed)
    assert parse_rules(rules_json(rules)) == tuple(rules)
    assert parse_rules(json.loads(rules_json(rules))) == tuple(rules)


def test_the_json_of_a_rule_is_stable():
    assert rules_json([Rule("short", (Phase((DOWN,)),))]) == (
        '[{"side":"short","phases":[{"all":[{"kind":"compare","left":"close","op":"<","right":"open"}],"least":1,"most":1}]}]'
    )
    assert parse_rules(WORDS + "]}]}") == (Rule("long", (Phase((UP,)),)),)


def test_wishes_are_those_of_the_side_that_alone_is_asked_for():
    rules = [
        Rule("long", (Phase((UP,)),)),
        Rule("short", (Phase((DOWN,)),)),
        Rule("short", (Phase((Compare("open", ">", 6.0),)),)),
    ]
    found = flags(wish_spec(rules), [5, 5, 5, 7, 7], [6, 4, 5, 8, 7])
    assert found == [1, -1, 0, 0, -1]
    assert flags(wish_spec(rules[:1]), [5, 5], [6, 4]) == [1, 0]
    assert flags(wish_spec(rules[1:2]), [5, 5], [6, 4]) == [0, -1]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("long", "JSON"),
        ("[]", "1 to 8 rules"),
        (WORDS.replace('"long"', '"up"') + "]}]}", "side"),
        (WORDS.replace("compare", "compares") + "]}]}", "kind"),
        (WORDS.replace('"close"', '"emma(close,9)"') + "]}]}", "emma"),
        (WORDS + '],"least":3,"most":2}]}', "most: at least 3"),
        (WORDS + ',{"kind":"clock","after":"9:30","until":"10:00"}]}]}', "after"),
        (WORDS + ',{"kind":"slope","of":"close","way":"up","bars":1}]}]}', "bars"),
        (WORDS + ']}],"when":1}', "when"),
        (rules_json([LONG] * 9), "found 9"),
    ],
)
def test_what_is_wrong_with_rules_is_told(raw, said):
    with pytest.raises(InvalidInput, match=said) as refused:
        parse_rules(raw)
    assert refused.value.field == "rules"
    assert refused.value.detail.startswith("rules: ")
