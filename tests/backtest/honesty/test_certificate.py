"""Honest strategies are certified; planted leaks are not."""

import json
import random
from typing import Any, ClassVar

import pytest
from django.core.management import CommandError, call_command

from backtest.honesty.certificate import Certificate, certify, is_current
from backtest.honesty.sample import another_future, sample_bars
from engine.registry import Registry
from engine.strategy.base import Strategy, Wish
from engine.strategy.context import Context
from strategies import certificates
from strategies.registry import STRATEGIES, deciding


def tried(kind: type[Strategy]) -> Certificate:
    registry: Registry[type[Strategy]] = Registry("strategy")
    registry.add("tried", kind)
    return certify("tried", registry=registry, code="x")


def broken(found: Certificate) -> set[str]:
    return {check.name for check in found.checks if not check.passed}


class Honest(Strategy):
    """Up after an up bar, down after a down bar; remembers how many bars it has seen."""

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self.seen = 0

    def on_bar(self, ctx: Context) -> Wish | None:
        self.seen += 1
        if self.seen % 7:
            return None
        return Wish(1 if ctx.bar.close > ctx.bar.open else -1, "moved")

    def snapshot(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def restore(self, state: dict[str, Any]) -> None:
        self.seen = state["seen"]


class Forgetful(Honest):
    """Loses its count in a restart."""

    def snapshot(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        pass


class Seer(Strategy):
    """Remembers the prices of earlier runs, and trades what comes next."""

    known: ClassVar[dict[int, float]] = {}

    def on_bar(self, ctx: Context) -> Wish | None:
        self.known[ctx.bar.ts] = ctx.bar.close
        ahead = self.known.get(ctx.bar.ts + 60_000_000_000)
        return None if ahead is None else Wish(1 if ahead > ctx.bar.close else -1, "seen before")


class Whole(Strategy):
    """Decides by the mean of all bars of whichever run was last: what a column normalised as a whole does."""

    closes: ClassVar[list[float]] = []
    mean: ClassVar[float] = 100.0

    def on_bar(self, ctx: Context) -> Wish | None:
        if len(self.closes) > 1300:
            type(self).mean = sum(self.closes) / len(self.closes)
            self.closes.clear()
        self.closes.append(ctx.bar.close)
        return Wish(1 if ctx.bar.close > self.mean else -1, "level")


class Dice(Strategy):
    """Leaves it to chance that nobody seeded."""

    def on_bar(self, ctx: Context) -> Wish | None:
        return Wish(random.choice((-1, 1)), "dice")


class Broken(Strategy):
    """Divides by nothing after a bar that went up."""

    def on_bar(self, ctx: Context) -> Wish | None:
        return Wish(1 // (0 if ctx.bar.close > ctx.bar.open else 1), "divided")


class Idle(Strategy):
    """Never decides."""


@pytest.mark.parametrize("name", deciding())
def test_every_strategy_that_comes_with_the_product_is_certified(name):
    found = certify(name)
    assert (found.verdict, broken(found)) == ("certified", set())
    assert is_current(found.document())


def test_an_honest_strategy_with_state_is_certified():
    found = tried(Honest)
    assert found.is_valid
    assert {check.name: check.tried for check in found.checks if check.name in ("future", "prefix", "restart")} == {
        "future": 6, "prefix": 6, "restart": 6,
    }  # fmt: skip


def test_a_memory_of_earlier_runs_is_caught():
    Seer.known.clear()
    found = tried(Seer)
    assert found.verdict == "refused"
    assert "repeat" in broken(found)
    [check] = [check for check in found.checks if check.name == "repeat"]
    assert check.detail.startswith("at bar 0 (2023-11-20T14:31:00")
    assert "became a signal to" in check.detail


def test_a_level_taken_from_the_whole_is_caught():
    Whole.closes.clear()
    assert broken(tried(Whole)) >= {"repeat"}


def test_a_state_that_a_restart_loses_is_caught():
    assert broken(tried(Forgetful)) == {"restart"}


def test_chance_without_a_seed_is_caught():
    assert broken(tried(Dice)) >= {"repeat", "restart"}


def test_a_strategy_that_raises_is_refused():
    found = tried(Broken)
    assert "fault" in broken(found)
    assert found.verdict == "refused"


def test_nothing_decided_proves_nothing():
    found = tried(Idle)
    assert (found.verdict, found.is_valid, broken(found)) == ("inconclusive", False, set())


def test_a_certificate_is_of_one_code_and_is_the_same_twice(monkeypatch):
    document = certify("ema").document()
    assert document == certify("ema").document()
    assert is_current(document)
    assert not is_current({**document, "code": "0" * 16})
    assert not is_current({**document, "version": 0})
    assert not is_current({})


def test_another_future_has_the_same_past_and_other_prices():
    bars = sample_bars(3)
    changed = another_future(bars, 500, 9)
    assert changed[:500] == bars[:500]
    assert [bar.ts for bar in changed] == [bar.ts for bar in bars]
    assert sum(a.close != b.close for a, b in zip(bars[500:], changed[500:], strict=True)) > 800
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in changed[500:])


@pytest.mark.django_db
def test_the_command_tells_keeps_what_it_found_and_ends_with_a_status(capsys, monkeypatch):
    assert "no certificate" in certificates.reason_against("ema")
    call_command("certify", "ema", "--json", "--param", "period_1=5")
    document = json.loads(capsys.readouterr().out)
    assert certificates.reason_against("ema") == ""
    assert (document["verdict"], document["params"]["period_1"], len(document["checks"])) == ("certified", 5, 5)
    call_command("certify", "supertrend")
    assert "future: other prices after a moment change nothing before it (6 tried): holds" in capsys.readouterr().out
    monkeypatch.setattr(STRATEGIES["ema"], "on_bar", Dice.on_bar)
    with pytest.raises(CommandError, match="exited with code 1"):
        call_command("certify", "ema")
    assert "ema" in capsys.readouterr().out
