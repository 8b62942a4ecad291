"""Parameters from outside: checked against a strategy's own declaration, with the field's name in every error."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from engine.errors import InvalidInput
from engine.strategy.base import Strategy

_PATH = re.compile(r" - at `\$\.([^`]+)`$")


def parse_params(strategy: type[Strategy], raw: Mapping[str, Any]) -> Any:
    """The strategy's `Params` from `raw`; `InvalidInput` names the field, what was expected and what was found.

    Numbers and booleans may come as text, as forms send them.
    """
    values = strategy.normalize(dict(raw))
    known = strategy.Params.__struct_fields__
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known) or 'none'}"
            raise InvalidInput(f"{name} is not a parameter; {hint}", field=name)
    try:
        params = msgspec.convert(values, strategy.Params, strict=False)
    except msgspec.ValidationError as error:
        raise refusal_of(error, values) from error
    problem = strategy.check(params)
    if problem:
        raise InvalidInput(problem[1], field=problem[0])
    return params


def refusal_of(error: msgspec.ValidationError, values: Mapping[str, Any]) -> InvalidInput:
    """What msgspec says of `values`, in words of ours: the field, what was expected and what was found."""
    message = str(error)
    match = _PATH.search(message)
    if match is None:
        return InvalidInput(message, field="params")
    field = re.split(r"[.\[]", match[1])[0]
    expected = message[: match.start()].replace("`", "")
    return InvalidInput(f"{field}: {expected[0].lower()}{expected[1:]}; found {values.get(field)!r}", field=field)
