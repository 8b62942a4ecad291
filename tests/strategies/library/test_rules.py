"""Rules as a strategy: what it is given, and what it says when it acts."""

import json

import pytest

from engine.core import Engine, EngineConfig
from engine.errors import InvalidInput
from engine.model.signals import Signal
from strategies.library.rules import EXAMPLE
from strategies.registry import STRATEGIES, parse_params
from tests.engine.scenario import INSTRUMENTS, bars, slot

DIP = {
    "side": "long",
    "phases": [
        {"all": [{"kind": "new_extreme", "which": "low", "bars": 3}]},
        {"all": [{"kind": "cross", "left": "close", "way": "up", "right": "ema(close,4)"}], "least": 1, "most": 3},
    ],
}
CLOSES = [100, 100, 100, 100, 99, 97, 96, 99, 101, 102, 103]


def test_rules_may_come_as_text_or_decoded_one_or_several():
    texts = [parse_params("rules", {"rules": raw}).rules for raw in (DIP, [DIP], json.dumps(DIP), json.dumps([DIP]))]
    assert [json.loads(text) in (DIP, [DIP]) for text in texts] == [True] * 4
    assert parse_params("rules", {}).rules == EXAMPLE


def test_a_rule_that_is_wrong_is_refused_by_the_name_of_the_parameter():
    with pytest.raises(InvalidInput, match=r"rules: .*`\$\[0\]\.phases") as refused:
        parse_params("rules", {"rules": {"side": "long", "phases": []}})
    assert refused.value.field == "rules"


def test_the_signal_tells_the_values_behind_the_conditions():
    config = EngineConfig(run="r", slots=(slot(strategy="rules", rules=json.dumps(DIP)),), instruments=INSTRUMENTS)
    engine = Engine(config, strategies=STRATEGIES)
    found = [event for bar in bars(CLOSES) for event in engine.process(bar) if isinstance(event, Signal)]
    assert [(signal.target, signal.reason) for signal in found] == [(1, "rule_long")]
    assert set(found[0].evidence) == {"low", "close", "ema(close,4)"}
    assert found[0].evidence["close"] > found[0].evidence["ema(close,4)"]


def test_the_warmup_follows_from_the_conditions():
    rule = DIP | {"phases": [{"all": [{"kind": "compare", "left": "sma(close,50)", "op": ">", "right": "close"}]}]}
    made = slot(strategy="rules", rules=json.dumps(rule))
    engine = Engine(EngineConfig(run="r", slots=(made,), instruments=INSTRUMENTS), strategies=STRATEGIES)
    assert engine.slots[made.key].need == {made.timeframe: 50}
