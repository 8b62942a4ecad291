"""The rows of one symbol in a file that may hold many."""

import logging
from typing import Any

from engine.errors import InvalidInput
from engine.instruments.futures import ROOTS, root_of, same_contract
from engine.instruments.futures import is_future as spells_future
from engine.instruments.options import is_option, parse_option

log = logging.getLogger(__name__)
_SHOWN = 12


def select_symbol(
    table: Any, found: dict[str, str], symbol: str | None, contract: str | None = None
) -> tuple[Any, str]:
    """The rows of `symbol`, and the name to give them: as asked for, or the file's only one.

    A futures root ("/GC") takes the file's contract of it that has the most rows, and says so in the log: contracts
    are never mixed. `contract` names one. Options are found by any spelling of the contract.
    """
    if {"expiry", "right", "strike"} <= found.keys():
        return _select_option(table, found, contract or symbol)
    if "symbol" not in found:
        return table, symbol or contract or ""
    counts = _counts(table.column(found["symbol"]))
    chosen = _choose(counts, symbol, contract)
    return (table if len(counts) == 1 else _where(table, found["symbol"], chosen)), symbol or chosen


def _counts(column: Any) -> dict[str, int]:
    return {each["values"]: each["counts"] for each in column.value_counts().to_pylist() if each["values"] is not None}


def _choose(counts: dict[str, int], symbol: str | None, contract: str | None) -> str:
    wanted = contract or symbol
    if wanted is None:
        if len(counts) == 1:
            return next(iter(counts))
        raise InvalidInput(f"symbol: the file holds {_some(counts)}; one of them was expected", field="symbol")
    bare = wanted.removeprefix("/")
    exact = next((name for name in counts if name in (wanted, wanted.upper(), bare.upper())), None)
    if exact is not None:
        return exact
    if contract is None and bare.upper() in ROOTS:
        return _busiest(counts, bare.upper())
    same = [name for name in counts if same_contract(name, wanted)]
    if len(same) == 1:
        return same[0]
    raise InvalidInput(f"symbol: expected one of {_some(counts)}; found {wanted!r}", field="symbol")


def _busiest(counts: dict[str, int], root: str) -> str:
    mine = {name: count for name, count in counts.items() if spells_future(name) and root_of(name).root == root}
    if not mine:
        raise InvalidInput(f"symbol: the file has no contract of {root}; it holds {_some(counts)}", field="symbol")
    best = max(mine, key=lambda name: (mine[name], name))
    if len(mine) > 1:
        log.warning("The file holds %d contracts of /%s: reading %s, which has the most rows", len(mine), root, best)
    return best


def _select_option(table: Any, found: dict[str, str], wanted: str | None) -> tuple[Any, str]:
    import pyarrow.compute as pc  # on first use: slow to import

    if wanted is None or not is_option(wanted):
        raise InvalidInput(
            f"symbol: the file holds options; expected one like 'SPXW  210104C03700000', found {wanted!r}",
            field="symbol",
        )
    option = parse_option(wanted)
    strike = pc.cast(table.column(found["strike"]), "float64")
    mask = pc.and_(
        pc.and_(pc.equal(_texts(table, found["symbol"]), option.root), pc.equal(strike, float(option.strike))),
        pc.and_(
            pc.equal(_texts(table, found["right"]), option.right),
            pc.equal(_texts(table, found["expiry"]), f"{option.expiry:%Y%m%d}"),
        ),
    )
    rows = table.filter(mask)
    if not rows.num_rows:
        raise InvalidInput(f"symbol: the file has no row of {option.symbol!r}", field="symbol")
    return rows, option.symbol


def _texts(table: Any, column: str) -> Any:
    import pyarrow.compute as pc  # on first use: slow to import

    return pc.replace_substring(pc.cast(table.column(column), "string"), "-", "")


def _where(table: Any, column: str, value: str) -> Any:
    import pyarrow.compute as pc  # on first use: slow to import

    return table.filter(pc.equal(table.column(column), value))


def _some(counts: dict[str, int]) -> str:
    """The names, the busiest first, not more than a few."""
    names = sorted(counts, key=lambda name: (-counts[name], name))
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
