"""A search for rules as a person types it: lists, files and words become a spec, and errors name the option."""

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import msgspec

from backtest.request import Request
from backtest.statistics.splits import SplitSpec
from discovery.mining.asked import MiningSpec, Seed, Source
from discovery.requested import MiningRequest, parse_request
from engine.bars.columns import BarColumns
from engine.errors import InvalidInput
from engine.model.time import to_datetime
from engine.rules.rule import parse_rules
from engine.strategy.params import refusal_of

NONE = "none"


def parse_spec(
    options: Mapping[str, Any], *, grid: Mapping[str, str], split: SplitSpec, seeds: Path | None
) -> MiningSpec:
    """The spec of `options` (by the names of its fields; None: the default). `grid` has numbers as text:
    "none,1.5,3"."""
    given = {name: value for name, value in options.items() if value is not None}
    values = given | {"grid": {name: _numbers(text, name) for name, text in grid.items() if text}, "split": split}
    values["seeds"] = read_seeds(seeds) if seeds is not None else ()
    try:
        return msgspec.convert(values, MiningSpec, strict=False, from_attributes=True)
    except msgspec.ValidationError as error:
        raise refusal_of(error, values) from error


def recorded_as(request: Request, bars: BarColumns, spec: MiningSpec, *, name: str) -> MiningRequest:
    """What a record says of a search at the command line. `InvalidInput` where it could not be searched again from
    it."""
    for field in ("contract", "mapping", "factors"):
        if found := getattr(request, field):
            raise InvalidInput(f"{field}: nothing was expected with --save, found {found!r}", field=field)
    end = _day(request.end, "end")
    return parse_request(
        {
            "name": name,
            "symbol": bars.symbol,
            "timeframe": bars.timeframe,
            "data": str(Path(request.data[0]).resolve()) if request.data else "",
            "time_is": request.time_is,
            "adjust": request.adjust,
            "start": _day(request.start, "start"),
            "end": end and end - timedelta(days=1),
            "search": msgspec.to_builtins(spec),
        }
    )


def _day(moment: int | None, field: str) -> date | None:
    """The day that begins then."""
    if moment is None:
        return None
    found = to_datetime(moment)
    if found.time() != time():
        raise InvalidInput(f"{field}: a whole day was expected with --save, found {found.isoformat()}", field=field)
    return found.date()


def _numbers(text: str, name: str) -> list[float | None]:
    try:
        return [None if part.strip() == NONE else float(part) for part in text.split(",")]
    except ValueError:
        raise InvalidInput(f"{name}: numbers like none,1.5,3 were expected, found {text!r}", field=name) from None


def read_seeds(path: Path) -> Sequence[Seed]:
    """Rules from a file: a JSON list of {"rule": …, "source": …}, or of rules; one rule may stand alone."""
    try:
        plain = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidInput(f"seeds: a JSON file of rules was expected, found {path}: {error}", field="seeds") from error
    found = []
    for each in plain if isinstance(plain, list) else [plain]:
        inside = each.get("rule") if isinstance(each, dict) else None
        source = _source(each.get("source", Source.HAND)) if inside is not None else Source.HAND
        found += [Seed(rule, source) for rule in parse_rules([each if inside is None else inside], field="seeds")]
    return found


def _source(name: Any) -> Source:
    try:
        return Source(name)
    except ValueError:
        raise InvalidInput(
            f"seeds: a source of {', '.join(Source)} was expected, found {name!r}", field="seeds"
        ) from None
