"""A rule: phases of conditions, and the side that is entered on the bar that completes them."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.errors import InvalidInput, NotFound
from engine.indicators.spec import SpecError, parse
from engine.rules.conditions import any_of
from engine.rules.temporal import Phase, in_order, told

MOST_RULES = 8
Side = Literal["long", "short"]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When to enter, and on which side. How to leave is no part of it: that is the slot's exits."""

    side: Side
    phases: Annotated[tuple[Phase, ...], Meta(min_length=1, max_length=4)]

    @property
    def spec(self) -> str:
        """The indicator that is 1 on the bars that ask for an entry."""
        return in_order(self.phases)

    @property
    def text(self) -> str:
        return f"{self.side} when {told(self.phases)}"

    @property
    def reads(self) -> tuple[str, ...]:
        """The values behind the conditions, each once."""
        return tuple(dict.fromkeys(spec for phase in self.phases for c in phase.all for spec in c.reads))

    @property
    def sign(self) -> int:
        return 1 if self.side == "long" else -1


def parse_rules(raw: str | bytes | Sequence[Any], *, field: str = "rules") -> tuple[Rule, ...]:
    """Rules from JSON text, or from what JSON text was decoded to: one, or a list. `InvalidInput` names `field`."""
    try:
        plain = msgspec.json.decode(raw) if isinstance(raw, str | bytes) else raw
        rules = msgspec.convert([plain] if isinstance(plain, dict) else plain, tuple[Rule, ...])
    except msgspec.DecodeError as error:  # ValidationError is one
        raise InvalidInput(
            f"{field}: rules as JSON were expected, found something else: {error}", field=field
        ) from error
    if not 1 <= len(rules) <= MOST_RULES:
        raise InvalidInput(f"{field}: 1 to {MOST_RULES} rules were expected, found {len(rules)}", field=field)
    try:
        parse(wish_spec(rules))
    except (SpecError, NotFound) as error:
        raise InvalidInput(f"{field}: {error.detail}", field=field) from error
    return rules


def rules_json(rules: Iterable[Rule]) -> str:
    """The text that `parse_rules` reads; equal rules give equal text."""
    return msgspec.json.encode(list(rules)).decode()


def wish_spec(rules: Sequence[Rule]) -> str:
    """The indicator that is 1 where a rule asks for long, −1 where one asks for short, 0 for neither or both."""
    sides = [[rule.spec for rule in rules if rule.side == side] for side in ("long", "short")]
    longs, shorts = (any_of(specs) if specs else "0" for specs in sides)
    return f"net({longs},{shorts})"
