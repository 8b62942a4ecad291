"""Rules that a learned model suggests: the decision paths of boosted trees over the trades of the past (LightGBM).

The model is an optional library; without it only this part is refused.
"""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from discovery.mining.search import Search
from discovery.mining.truths import Bools, Truths, packed, unpacked
from engine.errors import InvalidInput
from engine.rules.conditions import Condition
from engine.rules.rule import Side
from engine.rules.temporal import Phase

OFFSETS = 4  # a position takes bars in which no other trade begins: so often the market is traded, each time shifted
ROUNDS = 20


def suggested(search: Search, truths: Truths, side: Side, *, most: int, depth: int, least: int) -> list[Phase]:
    """The conditions of the most promising leaves, best first. The model sees days that are searched only."""
    features, earned = _history(search, truths, side)
    if len(earned) < 2 * least:
        return []
    library = model_library()
    parameters = {
        "objective": "regression", "num_leaves": 2**depth, "max_depth": depth, "min_data_in_leaf": least,
        "learning_rate": 0.2, "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": 1,
        "verbosity": -1,
    }  # fmt: skip
    model = library.train(parameters, library.Dataset(features, earned), num_boost_round=ROUNDS).dump_model()
    leaves = [leaf for tree in model["tree_info"] for leaf in _leaves(tree["tree_structure"], ())]
    found: dict[tuple[Condition, ...], None] = {}
    for _, path in sorted(leaves, key=lambda leaf: -leaf[0]):
        if path:
            found.setdefault(tuple(truths.conditions[feature] for feature in sorted(set(path))))
    return [Phase(conditions) for conditions in list(found)[:most]]


def is_installed() -> bool:
    """Whether there is a model, without loading it."""
    return find_spec("lightgbm") is not None


def model_library() -> Any:
    """LightGBM; `InvalidInput` where it is not installed, or a library of the system that it needs is not."""
    try:
        import lightgbm  # optional, and slow to load
    except (ImportError, OSError) as error:
        raise InvalidInput(
            f"learned: LightGBM was expected, found none ({error}): pip install -r requirements-learning.txt (and, for "
            "libgomp, apt install libgomp1), or ask for 0",
            field="learned",
        ) from error
    return lightgbm


def _history(search: Search, truths: Truths, side: Side) -> tuple[Any, Any]:
    """Which conditions held when each trade was decided, and what it earned."""
    bars = len(truths.bars)
    entries: list[Any] = []
    earned: list[Any] = []
    for offset in range(OFFSETS):
        shifted: Bools = np.arange(bars) % OFFSETS == offset
        trades = search.traded(packed(shifted), side)
        entries.append(trades.entry_bar - 1)
        earned.append(trades.pnl)
    decided = np.concatenate(entries)
    held = [unpacked(row, bars)[decided] for row in truths.rows]
    return np.column_stack(held).astype(np.float64), np.concatenate(earned)


def _leaves(node: dict[str, Any], held: Sequence[int]) -> Iterator[tuple[float, tuple[int, ...]]]:
    """(value, conditions that hold) of each leaf: on the right of a split a condition holds. What must not hold on the
    way is left out: rules say what does."""
    if "leaf_value" in node:
        yield float(node["leaf_value"]), tuple(held)
        return
    yield from _leaves(node["left_child"], held)
    yield from _leaves(node["right_child"], (*held, int(node["split_feature"])))
