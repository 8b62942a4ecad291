"""Which rows stand where two deliveries of the same history meet: no overlap, no double, the better source."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from marketdata.archive.tables import TICK_KEY, column
from marketdata.files.numbers import Array

_RANKS = {"revised": 4, "built": 3, "sampled": 3, "vendor": 2}
_INCOMPLETE = 1
_CHOSEN = 9  # what somebody told us to put in the place of what is there


class Change(NamedTuple):
    """One stored print, and what stands in its place: price, size and conditions; None for nothing."""

    ts: int
    price: float
    size: float
    ts_recv: int
    now: tuple[float, float, int] | None


class Merged(NamedTuple):
    """The rows that stand, oldest first, and what became of the incoming ones."""

    table: Any
    added: int
    replaced: int
    refused: int


def merge_bars(stored: Any, incoming: Any, *, replace: bool = False) -> Merged:
    """`stored` with `incoming`, so that no two bars share time.

    A revision by the vendor stands before a bar of our own, that before a vendor's, that before one that is gapped or
    begun in the middle; of equals the later delivery stands. What a source itself says later to be gapped was never
    better than that. With `replace` the incoming ones stand before all.
    The same delivery twice changes nothing.
    """
    import pyarrow as pa  # on first use: slow to import

    offered = incoming.num_rows
    together = pa.concat_tables([stored, incoming], promote_options="none").unify_dictionaries()
    rows = np.flatnonzero(~(_doubles(together, stored.num_rows, together.column_names) | _taken_back(together)))
    ranks = _ranks(together)
    if replace:
        ranks[stored.num_rows :] = _CHOSEN
    ranks = ranks * 2 + (np.arange(together.num_rows) >= stored.num_rows)
    kept = rows[_settle(column(together, "ts_open")[rows], column(together, "ts")[rows], ranks[rows])]
    added = int((kept >= stored.num_rows).sum())
    return Merged(together.take(kept), added, stored.num_rows - (len(kept) - added), offered - added)


def without_overlap(table: Any) -> Any:
    """`table`, put together from several files, with the same rule applied where they meet."""
    ts_open, ts = column(table, "ts_open"), column(table, "ts")
    if _is_apart(ts_open, ts):
        return table
    return table.take(_settle(ts_open, ts, _ranks(table)))


def merge_ticks(stored: Any, incoming: Any, *, replace: bool = False) -> Merged:
    """`stored` with `incoming`, each print as often as the delivery that holds it most often has it.

    So the same file twice changes nothing, a longer one adds what is new, and two equal prints of one moment stay two.
    Another source is taken only for the time that the stored ones do not cover: volume must not count twice. With
    `replace` the stored prints of the incoming's time go first.
    """
    import pyarrow as pa  # on first use: slow to import

    if not incoming.num_rows:
        return Merged(stored, 0, 0, 0)
    before, offered = stored.num_rows, incoming.num_rows
    if replace:
        stored = stored.filter(pa.array(~_covered(column(stored, "ts"), column(incoming, "ts"))))
    else:
        incoming = _other_time(stored, incoming)
    together = pa.concat_tables([stored, incoming], promote_options="none").unify_dictionaries()
    is_double = _doubles(together, stored.num_rows, TICK_KEY)
    rows = np.flatnonzero(~is_double)
    order = rows[np.argsort(column(together, "ts")[rows], kind="stable")]
    added = int((order >= stored.num_rows).sum())
    return Merged(together.take(order), added, before - stored.num_rows, offered - added)


def change_ticks(stored: Any, changes: Sequence[Change]) -> tuple[Any, int]:
    """`stored` with these prints changed, one after the other, and how many of them are in it."""
    import pyarrow as pa  # on first use: slow to import

    names = ("price", "size", "conditions")
    values = [np.array(column(stored, name)) for name in names]
    ts, received = column(stored, "ts"), column(stored, "ts_recv")
    stands, done = np.ones(len(ts), np.bool_), 0
    for each in changes:
        first, last = np.searchsorted(ts, each.ts, "left"), np.searchsorted(ts, each.ts, "right")
        same = stands[first:last] & (received[first:last] == each.ts_recv)
        same &= (values[0][first:last] == each.price) & (values[1][first:last] == each.size)
        rows = np.flatnonzero(same)
        if len(rows):
            at, done = first + rows[0], done + 1
            stands[at] = each.now is not None
            for column_of, value in zip(values, each.now or (), strict=False):
                column_of[at] = value
    for name, changed in zip(names, values, strict=True):
        stored = stored.set_column(stored.column_names.index(name), name, pa.array(changed))
    return stored.filter(pa.array(stands)), done


def _ranks(table: Any) -> Array:
    quality = column(table, "quality")
    ranks = np.full(len(quality), _INCOMPLETE, np.int64)
    for word, rank in _RANKS.items():
        ranks[quality == word] = rank
    ranks[~column(table, "is_complete")] = _INCOMPLETE
    return ranks


def _taken_back(table: Any) -> Array:
    """Rows that a later one of the same source and span says to be gapped."""
    ts_open, ts = column(table, "ts_open"), column(table, "ts")
    is_gapped = (column(table, "quality") == "gapped") & (ts_open < ts)
    if not is_gapped.any():
        return np.zeros(table.num_rows, np.bool_)
    import pandas as pd  # on first use: slow to import

    keys = pd.DataFrame({"ts_open": ts_open, "ts": ts, "source": column(table, "source")})
    bars = keys.groupby(list(keys), sort=False).ngroup().to_numpy()
    last = np.full(table.num_rows, -1)
    np.maximum.at(last, bars[is_gapped], np.flatnonzero(is_gapped))
    return np.asarray(~is_gapped & (np.arange(table.num_rows) < last[bars]))


def _is_apart(ts_open: Array, ts: Array) -> bool:
    """Whether the rows are in order and none begins before the one before it has ended."""
    return bool((ts_open[1:] >= ts[:-1]).all() and (ts[1:] >= ts[:-1]).all())


def _settle(ts_open: Array, ts: Array, ranks: Array) -> Array:
    """The rows that stand, in the order of time; better ranks first, and none overlaps another."""
    order = np.lexsort((np.arange(len(ts)), -ranks, ts_open, ts))
    same = (ts[order][1:] == ts[order][:-1]) & (ts_open[order][1:] == ts_open[order][:-1])
    first = np.append(True, ~same)[: len(order)]
    # Many prints at one moment make several tick bars without any length, which do not overlap: all stay.
    kept = order[first | (ts_open == ts)[order]]
    return kept if _is_apart(ts_open[kept], ts[kept]) else _greedy(kept, ts_open, ts, ranks)


def _greedy(rows: Array, ts_open: Array, ts: Array, ranks: Array) -> Array:
    """Best first; a row that shares time with one that stands already is left out."""
    spans: list[tuple[int, int, int]] = []  # (close, open, row) of what stands
    for row in rows[np.argsort(-ranks[rows], kind="stable")].tolist():
        opened, closed = int(ts_open[row]), int(ts[row])
        at = bisect_left(spans, (opened + 1, -1, -1))  # the first that closes after this one opens
        if at == len(spans) or spans[at][1] >= closed:
            insort(spans, (closed, opened, row))
    return np.array([row for *_, row in spans], np.int64)


def _covered(ts: Array, by: Array) -> Array:
    return (ts >= by.min()) & (ts <= by.max()) if len(by) else np.zeros(len(ts), np.bool_)


def _other_time(stored: Any, incoming: Any) -> Any:
    """The incoming prints outside of what other sources cover."""
    import pyarrow as pa  # on first use: slow to import

    ours, theirs = column(stored, "source"), column(incoming, "source")
    ts, stored_ts = column(incoming, "ts"), column(stored, "ts")
    keep = np.ones(len(ts), np.bool_)
    for source in set(theirs.tolist()):
        for other in set(ours.tolist()) - {source}:
            keep &= ~((theirs == source) & _covered(ts, stored_ts[ours == other]))
    return incoming if keep.all() else incoming.filter(pa.array(keep))


def _doubles(together: Any, stored: int, names: Sequence[str]) -> Array:
    """Rows of the second delivery that the first one has: the n-th equal row of one is the n-th of the other."""
    import pandas as pd  # on first use: slow to import

    if not stored:
        return np.zeros(together.num_rows, np.bool_)
    keys = pd.DataFrame({name: column(together, name) for name in names})
    keys["delivery"] = np.arange(len(keys)) >= stored
    keys["nth"] = keys.groupby([*names, "delivery"], dropna=False, sort=False).cumcount()
    return np.asarray(keys.duplicated([*names, "nth"], keep="first"))
