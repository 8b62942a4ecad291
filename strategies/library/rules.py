"""Rules as a strategy: conditions, in phases, that are data; the position is entered where one is complete."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.errors import InvalidInput
from engine.rules.conditions import Cross
from engine.rules.rule import Rule, parse_rules, rules_json, wish_spec
from engine.rules.temporal import Phase
from engine.strategy.context import Context
from engine.strategy.decision import Decision, StepStrategy
from strategies.library.ema import follow_cross
from strategies.library.fields import Movers
from strategies.library.registration import STRATEGIES

EXAMPLE = rules_json(
    [
        Rule("long", (Phase((Cross("close", "up", "ema(close,20)"),)),)),
        Rule("short", (Phase((Cross("close", "down", "ema(close,20)"),)),)),
    ]
)


@STRATEGIES.register("rules")
class RuleStrategy(StepStrategy):
    """Rules as a strategy: conditions, in phases, that are data; the position is entered where one is complete.

    Long where a rule for long is complete on this bar and none for short, and the other way round. See the reference of
    rules for what may be written.

    It never leaves by itself but for the other side: give the slot exits.
    """

    decision = Decision(follow_cross)
    reasons = {1: "rule_long", -1: "rule_short"}

    class Params(msgspec.Struct, frozen=True):
        rules: Annotated[str, Meta(min_length=2, max_length=20_000, description="one rule or a list, as JSON")] = (
            EXAMPLE
        )
        movers: Movers = "any"

    def __init__(self, params: Any) -> None:
        self._rules = parse_rules(params.rules)
        self._reads = tuple(dict.fromkeys(spec for rule in self._rules for spec in rule.reads))
        super().__init__(params)

    @classmethod
    def normalize(cls, raw: dict[str, Any]) -> dict[str, Any]:
        """Rules that are decoded already, as text."""
        rules = raw.get("rules")
        return raw | {"rules": msgspec.json.encode(rules).decode()} if isinstance(rules, dict | list) else raw

    @classmethod
    def check(cls, params: Any) -> tuple[str, str] | None:
        """What is wrong with the rules."""
        try:
            parse_rules(params.rules)
        except InvalidInput as error:
            return "rules", error.detail
        return None

    def values(self) -> tuple[str, ...]:
        return (wish_spec(self._rules),)

    def indicators(self) -> tuple[str, ...]:
        return *self.values(), *self._reads

    def evidence(self, ctx: Context, values: dict[str, float]) -> Mapping[str, float]:
        """The values behind the conditions."""
        return {spec: ctx.value(spec) for spec in self._reads}
