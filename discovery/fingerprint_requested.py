"""A fingerprint as it is asked for over HTTP, at the command line, or kept in the database."""

from collections.abc import Mapping
from typing import Any

import msgspec

from backtest.simulation.options import check_options
from backtest.simulation.sweep.job import check_config, parted
from discovery.bars_asked import checked, converted
from discovery.fingerprint.asked import FingerprintSpec, Profiled
from discovery.fingerprint.profile import named
from engine.errors import FortifiedError, InvalidInput
from engine.strategy.base import decides_on_prints_alone
from strategies.registry import STRATEGIES


def parse_fingerprint(document: Mapping[str, Any]) -> FingerprintSpec:
    """In canonical spelling, with every strategy named; `InvalidInput` names the field that is wrong, and nothing is
    started."""
    asked = converted(document, FingerprintSpec)
    check_config(asked.fixed)
    strategies = tuple(_checked(name, each, asked) for name, each in named(asked.strategies))
    return checked(msgspec.structs.replace(asked, strategies=strategies))


def _checked(name: str, each: Profiled, asked: FingerprintSpec) -> Profiled:
    try:
        key = STRATEGIES.canonical(each.strategy)
        if decides_on_prints_alone(STRATEGIES[key]):
            raise InvalidInput(f"{key} decides on prints, and a fingerprint runs over bars", field="strategies")
        check_options(key, STRATEGIES[key], parted(asked.fixed, each.params)[0], None)
    except FortifiedError as error:
        raise InvalidInput(f"strategies: {name}: {error.detail}", field="strategies") from error
    return msgspec.structs.replace(each, strategy=key, name=name)
