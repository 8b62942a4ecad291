"""Renders the reference page of all strategies from their declarations."""

import inspect
from typing import Any

import msgspec
from msgspec.inspect import BoolType, EnumType, FloatType, IntType, LiteralType, Metadata, StructType, type_info

from engine.indicators.graph import plan
from engine.registry import Registry
from engine.strategy.base import Strategy
from engine.strategy.decision import StepStrategy
from engine.strategy.params import parse_params

HEAD = """# Strategies

Generated from the code (`python -m tests.strategies.library.write_reference`): do not edit.

A strategy answers the question what the position of its slot should be: +1 long, 0 flat, −1 short, times the slot's
quantity; no answer leaves it as it is. It sees closed bars only (`sma_ticks`: prints), decides after its warm-up, and
tells with every wish the reason and the values that decided it. Stops, targets and time limits are the slot's `exits`,
whatever the strategy; a wish that is not followed is recorded with the rule that refused it.

*Warm-up* is the number of closed bars before the first decision, with the default parameters; it is derived from the
indicators. *Compiled* strategies decide by one step function over indicator values, which a sweep runs over whole
columns as machine code: the same function, the same wishes. Parameters out of bounds are refused by name.
"""


def render(registry: Registry[type[Strategy]], aliases: dict[str, list[str]]) -> str:
    """The page, in Markdown. `aliases` are the further names of a key."""
    index = " · ".join(f"[{name}](#{name})" for name in registry)
    sections = [_section(name, registry[name], aliases.get(name, [])) for name in registry]
    return "\n".join([HEAD, index, "", *sections])


def _section(name: str, kind: type[Strategy], aliases: list[str]) -> str:
    strategy = kind(parse_params(kind, {}))
    lines = [f"## {name}", "", inspect.cleandoc(kind.__doc__ or ""), "", "| | |", "|---|---|"]
    if aliases:
        lines.append(f"| also called | {', '.join(f'`{alias}`' for alias in aliases)} |")
    lines.append(f"| warm-up | {max(plan(strategy.indicators()).warmup, 1) + strategy.lookback} bars |")
    if strategy.indicators():
        lines.append(f"| reads | {', '.join(f'`{spec}`' for spec in strategy.indicators())} |")
    if isinstance(strategy, StepStrategy):
        lines.append(f"| reasons | {', '.join(f'`{word}`' for word in dict.fromkeys(strategy.reasons.values()))} |")
        is_compiled = kind.on_bar is StepStrategy.on_bar
        lines.append(f"| compiled | {'yes' if is_compiled else 'no: it looks at the clock of the session too'} |")
    parameters = _parameters(kind)
    head = ["| parameter | meaning | value | default |", "|---|---|---|---|"]
    lines += ["", *([*head, *parameters] if parameters else ["It has no parameters."])]
    return "\n".join([*lines, ""])


def _parameters(kind: type[Strategy]) -> list[str]:
    described = type_info(kind.Params)
    if not isinstance(described, StructType):
        return []
    return [
        f"| `{field.name}` | {_description(field.type)} | {_expected(field.type)} | {_shown(field.default)} |"
        for field in described.fields
    ]


def _description(kind: Any) -> str:
    schema = kind.extra_json_schema if isinstance(kind, Metadata) else None
    return str((schema or {}).get("description", ""))


def _expected(kind: Any) -> str:
    """What a value must be, in words."""
    match kind:
        case Metadata():
            return _expected(kind.type)
        case LiteralType():
            return ", ".join(f"`{word}`" for word in kind.values)
        case EnumType():
            return ", ".join(f"`{member.value}`" for member in kind.cls)
        case BoolType():
            return "`true`, `false`"
        case IntType() | FloatType():
            signs = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
            bounds = [f"{sign} {getattr(kind, n):g}" for n, sign in signs if getattr(kind, n) is not None]
            return " and ".join(bounds)
    return ""


def _shown(default: Any) -> str:
    return f"`{msgspec.json.encode(default).decode()}`".replace('"', "")
