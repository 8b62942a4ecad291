"""A book's risk limits as people write them, checked against the engine's own declaration."""

import re
from typing import Any

import msgspec

from engine.errors import InvalidInput
from engine.risk.config import RiskConfig

_PATH = re.compile(r" - at `\$\.?(.*)`$")


def risk_limits(document: dict[str, Any]) -> RiskConfig:
    """The limits in `document`; `InvalidInput` names the one that is wrong. Empty: nothing is limited.

    Numbers may come as text, as forms send them.
    """
    if not isinstance(document, dict):
        raise InvalidInput(f"risk: an object of limits was expected, found {document!r}", field="risk")
    _refuse_unknown(document)
    try:
        limits = msgspec.convert(document, RiskConfig, strict=False)
    except msgspec.ValidationError as error:
        found = _PATH.search(str(error))
        where = f"risk.{found[1]}" if found else "risk"
        raise InvalidInput(f"{where}: {_PATH.sub('', str(error)).replace('`', '')}", field="risk") from error
    _refuse_negative(limits)
    return limits


def _refuse_unknown(document: dict[str, Any]) -> None:
    known = RiskConfig.__struct_fields__
    for name in document:
        if name not in known:
            raise InvalidInput(f"risk.{name} is not a limit; there are: {', '.join(known)}", field="risk")


def _refuse_negative(limits: RiskConfig) -> None:
    for owner, values in (("", limits), *((f"strategies.{name}.", each) for name, each in limits.strategies.items())):
        for name, value in msgspec.structs.asdict(values).items():
            if not isinstance(value, bool | str | tuple | dict) and value is not None and value < 0:
                raise InvalidInput(f"risk.{owner}{name}: 0 or more was expected, found {value}", field="risk")
