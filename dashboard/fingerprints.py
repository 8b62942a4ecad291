"""What the pages of fingerprints show."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import QuerySet

from backtest.report.words import settings
from discovery.fingerprint_shown import MARK, percent
from discovery.models import FingerprintRun

SHOWN = 100
TABS = {"overview": "Overview", "coverage": "Coverage", "cross": "Cross-strategy", "seeds": "Seeds"}
SIDES = {"both": "both sides", "long": "long: rising moves", "short": "short: falling moves"}
MATRICES = {
    "time": ("Time in the market", "Of the bars on which either holds something, those on which both do"),
    "direction": ("Same direction", "Of the bars on which both hold something, those on the same side"),
    "coincidence": ("Entries that coincide", "Of the row's entries, those with one of the column's near by"),
    "correlation": ("Correlation of days", "Pearson's, of the P&L of days"),
    "moves": ("Moves caught by both", "Of the moves that either catches, those that both do"),
}
Cells = Sequence[Mapping[str, Any]]


class Measure(NamedTuple):
    """What the cells of the coverage show: `part` of `whole`, or a sum where there is no whole."""

    title: str
    help: str
    part: str
    whole: str = ""
    tone: str = "good"


MEASURES = {
    "points": Measure("Points caught", "Of the points that moves make here", "caught_points", "points"),
    "moves": Measure("Moves caught", "Of the moves that begin here", "caught", "moves"),
    "against": Measure("Points against", "Held the other way while a move went on", "against_points", "points", "bad"),
    "missed": Measure("Moves missed", "Neither caught nor held against", "missed", "moves", "bad"),
    "held": Measure(
        "Time in the market", "Of the bars that begin here, those on which something is held", "bars_held", "bars"
    ),
    "back": Measure(
        "Given back", "Of the best open profit of the trades that were decided here", "given_back", "open_profit", "bad"
    ),
    "pnl": Measure("P&L", "Of the trades that were decided here, net", "pnl"),
    "trades": Measure("Trades", "That were decided here", "trades"),
}


def lines() -> QuerySet[FingerprintRun]:
    """The newest ones."""
    return FingerprintRun.objects.defer("result")[:SHOWN]


def find(number: int) -> FingerprintRun | None:
    return FingerprintRun.objects.filter(pk=number).first()


def overview(result: Mapping[str, Any]) -> dict[str, Any]:
    """Every strategy as a whole, and the states of the market."""
    return {"profiles": [_whole(each) for each in result["profiles"]], "kinds": list(_kinds(result["states"]))}


def coverage(result: Mapping[str, Any], measure: str, side: str) -> dict[str, Any]:
    """Every state with a cell for each strategy; sides and measures that do not exist are the first."""
    side = side if side in SIDES else "both"
    measure = measure if measure in MEASURES else "points"
    chosen = MEASURES[measure]
    everywhere = {"key": "any", "name": "everywhere", "dimension": "", "text": "", "bars": result["bars"]}
    states = [everywhere, *result["states"]]
    rows = [
        {
            "state": state,
            "is_first": at == 0 or state["dimension"] != states[at - 1]["dimension"],
            "cells": [_cell(_sides(profile["rows"][at], side), chosen) for profile in result["profiles"]],
        }
        for at, state in enumerate(states)
    ]
    _shade([cell for row in rows for cell in row["cells"]], chosen)
    return {"measure": measure, "side": side, "measures": MEASURES, "sides": SIDES, "chosen": chosen, "rows": rows}


def cross(result: Mapping[str, Any]) -> dict[str, Any]:
    """A matrix for each way of being alike, and the gaps."""
    names = [profile["name"] for profile in result["profiles"]]
    pairs = {(each["one"], each["other"]): each for each in result["overlaps"]}
    matrices = [
        {
            "key": key,
            "title": title,
            "help": words,
            "rows": [
                {"name": one, "cells": [_alike(pairs.get((one, other)), key) for other in names]} for one in names
            ],
        }
        for key, (title, words) in MATRICES.items()
    ]
    return {"names": names, "matrices": matrices, "gaps": [_gap(each) for each in result["gaps"]]}


def seeds(result: Mapping[str, Any]) -> dict[str, Any]:
    """Each with the gap that it is for, and what completes it there."""
    return {
        "seeds": [
            {
                **each,
                "where": _gap(result["gaps"][each["gap"]])["where"],
                "enters": each["text"].partition("; ")[2] or "at once",
            }
            for each in result["seeds"]
        ]
    }


def _whole(profile: Mapping[str, Any]) -> dict[str, Any]:
    cells = _sides(profile["rows"][0], "both")
    moves = _sum(cells, "moves")
    shares = {name: percent(_sum(cells, name), moves) for name in ("caught", "against", "missed")}
    return {
        **{name: profile[name] for name in ("name", "strategy", "trades", "net_pnl", "how", "why")},
        "settings": settings(profile["params"]),
        "in_market": percent(profile["in_market"], 1.0),
        **shares,
        "points": percent(_sum(cells, "caught_points"), _sum(cells, "points")),
        "given_back": percent(_sum(cells, "given_back"), _sum(cells, "open_profit")),
    }


def _kinds(states: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for dimension in dict.fromkeys(state["dimension"] for state in states):
        found = [state for state in states if state["dimension"] == dimension]
        yield {"name": dimension, "is_exclusive": found[0]["is_exclusive"], "states": found}


def _sides(row: Mapping[str, Any], side: str) -> Cells:
    return [row["long"], row["short"]] if side == "both" else [row[side]]


def _sum(cells: Cells, name: str) -> float:
    total: float = sum(cell[name] for cell in cells)
    return total


def _cell(cells: Cells, chosen: Measure) -> dict[str, Any]:
    part = _sum(cells, chosen.part)
    if not chosen.whole:
        shown = MARK if not _sum(cells, "trades") else f"{part:,.0f}"
        return {"text": shown, "value": part, "title": f"{_sum(cells, 'trades')} trades"}
    whole = cells[0]["bars"] if chosen.whole == "bars" else _sum(cells, chosen.whole)  # each side has the same bars
    numbers = (part, whole) if isinstance(whole, int) else (round(part, 1), round(whole, 1))
    title = "{:,} of {:,} {}".format(*numbers, chosen.whole.replace("_", " "))
    return {"text": percent(part, whole), "value": part / whole if whole else 0.0, "title": title}


def _shade(cells: Sequence[dict[str, Any]], chosen: Measure) -> None:
    """How deep each is coloured, 0 to 100, and with what; the number says the same."""
    largest = 1.0 if chosen.whole else max((abs(cell["value"]) for cell in cells), default=0.0) or 1.0
    for cell in cells:
        worse = "bad" if chosen.tone == "good" else "good"
        cell["tone"] = chosen.tone if cell["value"] >= 0 else worse
        cell["share"] = min(100, round(100 * abs(cell["value"]) / largest))


def _alike(pair: Mapping[str, Any] | None, key: str) -> dict[str, Any]:
    """A cell of a matrix; None beside itself."""
    if pair is None:
        return {"text": "", "share": 0, "tone": "good"}
    value = pair[key]
    if value is None:
        return {"text": MARK, "share": 0, "tone": "good"}
    text = f"{value:.2f}" if key == "correlation" else percent(value, 1.0)
    return {"text": text, "share": round(100 * abs(value)), "tone": "good" if value >= 0 else "bad"}


def _gap(gap: Mapping[str, Any]) -> dict[str, Any]:
    return {**gap, "where": " and ".join(gap["states"]), "share": percent(gap["missed"], gap["moves"])}
