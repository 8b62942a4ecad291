"""All that is asked of a result before it is believed, as one document."""

from collections.abc import Callable
from typing import Any

from backtest.honesty.certificate import certify
from backtest.honesty.chance import random_entries, shuffled
from backtest.honesty.stress import stressed
from backtest.honesty.warmth import begun_later
from backtest.stored import StoredRun

STEPS = 5
Progress = Callable[[int, int], None]


def assess(run: StoredRun, *, seed: int = 1, progress: Progress = lambda done, total: None) -> dict[str, Any]:
    """Of a run that was played; the same for the same run and seed."""
    found: dict[str, Any] = {"seed": seed}
    found["certificates"] = [certify(t.kind, t.params, seed=seed).document() for t in run.asked.traders]
    progress(1, STEPS)
    found["stress"] = stressed(run)
    progress(2, STEPS)
    found["warmup"] = begun_later(run)
    progress(3, STEPS)
    found["order"] = shuffled(run.outcome.trades, seed=seed)
    progress(4, STEPS)
    found["random_entries"] = random_entries(run.outcome.trades, run.curve, run.instruments, seed=seed)
    progress(STEPS, STEPS)
    return found
