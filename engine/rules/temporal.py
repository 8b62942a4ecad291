"""Phases: conditions that hold together on one bar, and how many bars lie between one phase and the next."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from engine.rules.conditions import Condition, all_of

Gap = Annotated[int, Meta(ge=1, le=1_000)]


class Phase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of `all` hold on one bar, which comes at least `least` and at most `most` bars after the phase before; the
    first phase has none before it and needs neither."""

    all: Annotated[tuple[Condition, ...], Meta(min_length=1, max_length=8)]
    least: Gap = 1
    most: Gap = 1

    def __post_init__(self) -> None:
        if self.least > self.most:
            raise ValueError(f"most: at least {self.least} was expected, as least says, found {self.most}")

    @property
    def spec(self) -> str:
        """The indicator that is 1 where the phase holds by itself."""
        return all_of([condition.spec for condition in self.all])

    @property
    def text(self) -> str:
        return " and ".join(condition.text for condition in self.all)


def in_order(phases: Sequence[Phase]) -> str:
    """The indicator that is 1 on a bar that completes the phases in their order."""
    found = phases[0].spec
    for phase in phases[1:]:
        found = f"follows({found},{phase.spec},{phase.least},{phase.most})"
    return found


def told(phases: Sequence[Phase]) -> str:
    """The phases in words."""
    parts = [phases[0].text]
    for phase in phases[1:]:
        gap = f"{phase.least}" if phase.least == phase.most else f"{phase.least}–{phase.most}"
        parts.append(f"then, {gap} bars later, {phase.text}")
    return "; ".join(parts)
