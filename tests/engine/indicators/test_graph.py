import pytest

from engine.indicators.graph import CycleError, Plan, plan
from engine.indicators.recurrence import INDICATORS, Indicator
from engine.indicators.spec import parse


def formula(name: str, *inputs: str) -> Indicator:
    def step(x: float) -> float:
        """x"""
        return x

    return Indicator(name, step, inputs=inputs, sources={}, init=None, warmup=1, outputs=(), check=None, sparse=())


def test_every_node_comes_after_what_it_depends_on_and_once_only():
    nodes = [str(node.spec) for node in plan(["tema(close,5)", "ema(close,5)", "sum(ema(close,5),3)"]).nodes]
    assert nodes == [
        "ema(close,5)",
        "ema(ema(close,5),5)",
        "ema(ema(ema(close,5),5),5)",
        "tema(close,5)",
        "sum(ema(close,5),3)",
    ]


def test_warmup_is_derived_from_the_graph():
    made = plan(["tema(close,5)", "ema(close,5)", "close"])
    assert made.ready(parse("ema(close,5)")) == 5
    assert made.ready(parse("tema(close,5)")) == 5 + 4 + 4
    assert made.ready(parse("close")) == 1
    assert made.warmup == 13


def test_nothing_is_planned_that_nobody_asked_for():
    assert [node.spec for node in plan(["ema(close,9)"]).nodes] == [parse("ema(close,9)")]
    assert plan(["close"]).nodes == ()


def test_equal_requests_share_one_node_and_one_plan():
    assert plan(["ema(close,9)", "ema(9)"]) is plan(["ema(close,9)", "ema(period=9)"])
    shared = Plan([parse("sum(ema(close,9),3)"), parse("sum(ema(close,9),4)"), parse("ema(close,9)")])
    assert shared.hits == {parse("ema(close,9)"): 2}


def test_a_cycle_is_refused_with_its_path():
    with (
        INDICATORS.register_temporarily("hen", formula("hen", "egg()")),
        INDICATORS.register_temporarily("egg", formula("egg", "hen()")),
        pytest.raises(CycleError, match=r"hen\(\) → egg\(\) → hen\(\)"),
    ):
        plan(["hen()"])


def test_an_endless_descent_is_refused_like_a_cycle():
    def step(x: float, n: int = 1) -> float:
        """x"""
        return x

    endless = Indicator(
        "endless",
        step,
        inputs=lambda n: (f"endless({n + 1})",),
        sources={},
        init=None,
        warmup=1,
        outputs=(),
        check=None,
        sparse=(),
    )
    with (
        INDICATORS.register_temporarily("endless", endless),
        pytest.raises(CycleError, match=r"endless\(1\) → endless\(2\)"),
    ):
        plan(["endless()"])
