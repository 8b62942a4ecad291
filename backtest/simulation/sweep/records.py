"""The records that a compiled run works on, and the codes in them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Table = NDArray[Any]  # of records

INT, FLOAT = np.int64, np.float64
STATE = np.dtype(
    [
        # what is held: size in steps, side, and the entry
        ("qty", INT), ("sign", INT), ("entry_bar", INT), ("entry_ticks", INT), ("entry_code", INT),
        ("entry_order", INT), ("entry_turned", INT),
        # counts
        ("orders", INT), ("signals", INT), ("trades", INT),
        # exits that wait at the venue; `tier` is the first target that is still ahead
        ("legs", INT), ("stop_order", INT), ("trail_order", INT), ("tier_order", INT), ("tier", INT),
        ("stop_level", FLOAT), ("trail_level", FLOAT), ("trail_extreme", FLOAT),
        # the plan of the exits
        ("stop_ticks", INT), ("entry_stop_ticks", INT), ("trail_ticks", INT), ("best", FLOAT), ("break_even_at", FLOAT),
        ("is_moved", INT), ("is_rearming", INT), ("deadline", INT), ("deadline_code", INT), ("is_firing", INT),
        # market orders: of a wish or an exit by time; and an exit by time that could be sent at once
        ("wants", INT), ("want_target", INT), ("want_code", INT), ("want_order", INT),
        ("closes", INT), ("close_code", INT), ("close_order", INT),
    ]
)  # fmt: skip
# Kinds of distance: −1 (not used) 0 fraction 1 points 2 ticks 3 atr; of slippage: 0 none 1 a distance 2 by volume.
CONFIG = np.dtype(
    [
        ("first", INT), ("unit", INT), ("unit_size", FLOAT), ("step", FLOAT), ("scale", FLOAT),
        ("stop_kind", INT), ("stop", FLOAT), ("trail_kind", INT), ("trail", FLOAT), ("after_kind", INT),
        ("after", FLOAT), ("offset_kind", INT), ("offset", FLOAT), ("tiers", INT), ("by_time", INT), ("guards", INT),
        ("slip_kind", INT), ("slip", FLOAT), ("slip_limit", FLOAT),
    ]
)  # fmt: skip
TIER = np.dtype([("kind", INT), ("value", FLOAT), ("part", INT), ("level", FLOAT)])
TRADE = np.dtype(  # wide fields first: every one is aligned, without gaps
    [
        ("qty", INT), ("entry_ticks", INT), ("exit_ticks", INT),
        ("entry_bar", np.int32), ("exit_bar", np.int32), ("entry_order", np.int32), ("exit_order", np.int32),
        ("sign", np.int32), ("entry_code", np.int16), ("exit_code", np.int16), ("is_inside", np.int16),
        ("is_ambiguous", np.int16), ("entry_turned", np.int16), ("exit_turned", np.int16),
    ]
)  # fmt: skip
NEVER = 1 << 62
BY_VOLUME = 2
# Codes of reasons: those of wishes are the strategy's own small numbers.
BY_STOP, BY_TRAIL, BY_BREAK_EVEN, BY_TARGET, BY_DEADLINE = 1_000, 1_001, 1_002, 1_100, 1_200
