"""What a fingerprint is asked for: the bars, the strategies, and what counts as a move, as a catch and as a gap."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from backtest.simulation.sweep.job import RunConfig
from discovery.bars_asked import BarsAsked

MOST_STRATEGIES = 20
Share = Annotated[float, Meta(gt=0, le=1)]
Change = Annotated[float, Meta(gt=0, le=1)]  # a fraction of the price
Bars = Annotated[int, Meta(ge=1, le=1_000)]


class Profiled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One strategy with its parameters; "exits.stop.value" and its like among them change the exits, as in a sweep.
    `name` is what tables call it, for two of one kind; the strategy's own where it is empty."""

    strategy: str
    name: Annotated[str, Meta(max_length=40)] = ""
    params: dict[str, Any] = {}


class FingerprintSpec(BarsAsked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same spec on the same bars gives the same fingerprint. `fixed` is what every strategy trades with: quantity,
    costs, exits.

    A move is a swing that turns by at least `move_atr` average true ranges. It is caught where at least `caught` of it
    was held in its direction, and against where as much was held the other way. Entries coincide when at most `near`
    bars lie between them. Flags count for `recent` bars: a `gap` at the open, and a `mover` within `mover_bars`,
    and a price beyond those of `extreme_bars`.

    Gaps and seeds are looked for in the first `seed_share` of the days alone, so that days are left that judge: no
    more than the miner searches unless it is told otherwise. A gap has at least `least_moves` moves that nobody caught,
    and they are at least `gap_share` of those that began there. A seed may enter until `reach` bars after that.
    """

    strategies: Annotated[tuple[Profiled, ...], Meta(min_length=1, max_length=MOST_STRATEGIES)]
    fixed: RunConfig = RunConfig()
    move_atr: Annotated[float, Meta(gt=0, le=100)] = 3.0
    caught: Share = 0.25
    near: Annotated[int, Meta(ge=0, le=1_000)] = 3
    gap: Change = 0.002
    mover: Change = 0.005
    mover_bars: Bars = 10
    extreme_bars: Bars = 60
    recent: Bars = 12
    seed_share: Share = 0.7
    gap_share: Share = 0.5
    least_moves: Annotated[int, Meta(ge=1, le=100_000)] = 10
    most_gaps: Annotated[int, Meta(ge=1, le=200)] = 12
    reach: Annotated[int, Meta(ge=1, le=100)] = 5
    memory_mb: Annotated[int, Meta(ge=16, le=1_000_000)] = 512
