"""A certificate that a strategy's decisions rest on the past alone, tied to the code that made them."""

import random
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from backtest.honesty.sample import another_future, sample_bars, with_ticks
from engine.core import Engine, EngineConfig
from engine.instruments.catalog import instrument_for
from engine.model.event import Event
from engine.model.market import Bar
from engine.model.signals import Signal, StrategyFaulted, WarmupProgressed
from engine.model.time import iso
from engine.registry import Registry
from engine.simulation import step
from engine.strategy.base import Strategy
from engine.strategy.slot import SlotConfig
from engine.venue.matching import SimulatedVenue
from strategies.registry import STRATEGIES, parse_params
from strategies.versions import code_version

VERSION = 1
CUTS = 6
Run = list[list[Event]]  # what followed from each event


class Check(msgspec.Struct, frozen=True):
    """One property, how often it was tried, and where it was first broken."""

    name: str
    claim: str
    tried: int
    passed: bool
    detail: str = ""


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """`code` is the digest of the strategy's code: another code needs another certificate. Same code, parameters, bars
    and seed give the same certificate."""

    strategy: str
    code: str
    params: dict[str, Any]
    bars: int
    signals: int
    seed: int
    checks: list[Check]
    version: int = VERSION

    @property
    def is_conclusive(self) -> bool:
        """Whether the strategy decided anything at all."""
        return self.signals > 0

    @property
    def is_valid(self) -> bool:
        return self.is_conclusive and all(check.passed for check in self.checks)

    @property
    def verdict(self) -> str:
        if not all(check.passed for check in self.checks):
            return "refused"
        return "certified" if self.is_conclusive else "inconclusive"

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return {"verdict": self.verdict, "is_valid": self.is_valid, **found}


def is_current(document: Mapping[str, Any]) -> bool:
    """Whether a stored certificate is valid, of this version, and of the code that is here now."""
    strategy = document.get("strategy", "")
    return (
        bool(document.get("is_valid"))
        and document.get("version") == VERSION
        and strategy in STRATEGIES
        and document.get("code") == code_version(strategy)
    )


def certify(
    strategy: str,
    params: Mapping[str, Any] | None = None,
    *,
    bars: Sequence[Bar] | None = None,
    seed: int = 1,
    registry: Registry[type[Strategy]] = STRATEGIES,
    code: str | None = None,
) -> Certificate:
    """Try the strategy on `bars` (a synthetic market if none are given), with other futures, cut short, and restarted
    in the middle. Registries of one's own must say which `code` it is."""
    key = registry.canonical(strategy)
    checked = parse_params(key, dict(params or {})) if registry is STRATEGIES else registry[key].Params()
    plain = {name: getattr(checked, name) for name in checked.__struct_fields__}
    trial = Trial(key, plain, list(bars) if bars is not None else sample_bars(seed), seed, registry)
    checks = [trial.check_repeat(), trial.check_future(), trial.check_prefix(), trial.check_restart()]
    return Certificate(
        strategy=key,
        code=code_version(key) if code is None else code,
        params=msgspec.to_builtins(plain),
        bars=len(trial.bars),
        signals=trial.signals,
        seed=seed,
        checks=[*checks, trial.check_fault()],
    )


class Trial:
    """One strategy on one set of bars."""

    def __init__(
        self, strategy: str, params: dict[str, Any], bars: list[Bar], seed: int, registry: Registry[type[Strategy]]
    ) -> None:
        self.strategy, self.params, self.bars, self.seed = strategy, params, bars, seed
        self._registry = registry
        self._wants_ticks = registry[strategy].on_tick is not Strategy.on_tick
        self.whole = self.run(bars)
        rng = random.Random(seed)
        self.cuts = sorted(rng.sample(range(len(bars) // 8, len(bars) - 5), min(CUTS, len(bars) // 2)))

    @property
    def signals(self) -> int:
        return sum(isinstance(out, Signal) for outs in self.whole for out in outs)

    def check_repeat(self) -> Check:
        """Nothing is remembered from one run to the next."""
        return self._check(
            "repeat", "a second run on the same bars decides the same", [0],
            lambda _: self._difference(self.run(self.bars), len(self.whole)),
        )  # fmt: skip

    def check_future(self) -> Check:
        return self._check(
            "future", "other prices after a moment change nothing before it", self.cuts,
            lambda cut: self._difference(
                self.run(another_future(self.bars, cut, self.seed + cut)), cut * self._events_per_bar
            ),
        )  # fmt: skip

    def check_prefix(self) -> Check:
        return self._check(
            "prefix", "bars that have not come yet change nothing", self.cuts,
            lambda cut: self._difference(self.run(self.bars[:cut]), cut * self._events_per_bar),
        )  # fmt: skip

    def check_restart(self) -> Check:
        return self._check(
            "restart", "a restart from saved state changes nothing", self.cuts,
            lambda cut: self._difference(self.run(self.bars, restart_at=cut * self._events_per_bar), len(self.whole)),
        )  # fmt: skip

    def check_fault(self) -> Check:
        faults = [out for outs in self.whole for out in outs if isinstance(out, StrategyFaulted)]
        detail = faults[0].error if faults else ""
        return Check("fault", "it raises on no bar", len(self.bars), not faults, detail)

    @property
    def _events_per_bar(self) -> int:
        return 5 if self._wants_ticks else 1

    def _check(self, name: str, claim: str, cuts: Sequence[int], found: Callable[[int], str]) -> Check:
        for tried, cut in enumerate(cuts, 1):
            detail = found(cut)
            if detail:
                return Check(name, claim, tried, False, detail)
        return Check(name, claim, len(cuts), True)

    def run(self, bars: Sequence[Bar], *, restart_at: int = -1) -> Run:
        """What followed from each event; before event number `restart_at` engine and venue are made anew."""
        events: Sequence[Event] = with_ticks(bars) if self._wants_ticks else bars
        engine, venue = self._engine(), self._venue()
        found: Run = []
        for number, event in enumerate(events):
            if number == restart_at:
                saved, kept = engine.snapshot(), venue.snapshot()
                engine, venue = self._engine(), self._venue()
                engine.restore(saved)
                venue.restore(kept)
            outputs = step(engine, venue, event)
            found.append([out for out in outputs if not isinstance(out, WarmupProgressed)])
        return found

    def _engine(self) -> Engine:
        symbol, timeframe = self.bars[0].symbol, self.bars[0].timeframe
        slot = SlotConfig(self.strategy, symbol, timeframe, self.params, {"tried": Decimal(10)})
        config = EngineConfig(run="c", slots=(slot,), instruments={symbol: instrument_for(symbol)})
        return Engine(config, strategies=self._registry)

    def _venue(self) -> SimulatedVenue:
        symbol = self.bars[0].symbol
        return SimulatedVenue(instruments={symbol: instrument_for(symbol)})

    def _difference(self, other: Run, count: int) -> str:
        """The first of `count` events after which the runs differ; empty where none does."""
        for number, (one, two) in enumerate(zip(self.whole[:count], other[:count], strict=True)):
            if one != two:
                bar = self.bars[number // self._events_per_bar]
                return f"at bar {number // self._events_per_bar} ({iso(bar.ts)}): {_said(one)} became {_said(two)}"
        return ""


def _said(outputs: Sequence[Event]) -> str:
    for out in outputs:
        if isinstance(out, Signal):
            return f"a signal to {out.target:+d} ({out.reason})"
    return f"{type(outputs[0]).__name__}" if outputs else "nothing"
