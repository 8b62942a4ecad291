import msgspec
import pytest

from backtest.search import Axis, OptunaSearch, grid, latin_hypercube, optimise, parse_axis, random_sets, sets_around
from engine.errors import InvalidInput
from strategies.registry import STRATEGIES, deciding, parse_params
from tests.backtest.sweep.world import walk

FAST, SLOW = Axis("period_1", tuple(range(2, 12))), Axis("period_2", tuple(range(12, 40)))


def test_a_range_has_both_its_ends_and_whole_numbers_where_the_parameter_is_one():
    assert parse_axis("period_1=5:20:5", "ema") == Axis("period_1", (5, 10, 15, 20))
    assert parse_axis("period_1=5:7", "ema") == Axis("period_1", (5, 6, 7))
    assert parse_axis("volume_ratio=0.1:0.5:0.1", "breakout_range").values == (0.1, 0.2, 0.3, 0.4, 0.5)
    assert parse_axis("volume_ratio=0.5:2", "breakout_range") == Axis("volume_ratio", (), 0.5, 2.0)
    assert parse_axis("trend_line_1=EMA,SMA", "ema") == Axis("trend_line_1", ("EMA", "SMA"))


@pytest.mark.parametrize(
    "text",
    ["period_1", "=5:6:1", "period_1=", "period_1=9:5:1", "period_1=1:5:0", "period_1=a:b:1", "p=1:inf:1", "p=1:2:3:4"],
)
def test_an_axis_that_makes_no_sense_is_refused(text):
    with pytest.raises(InvalidInput, match="grid: expected"):
        parse_axis(text, "ema")


def test_a_grid_has_every_combination():
    sets = grid([Axis("a", (1, 2)), Axis("b", ("x", "y", "z"))])
    assert sets[:4] == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 1, "b": "z"}, {"a": 2, "b": "x"}]
    assert len(sets) == 6
    with pytest.raises(InvalidInput, match="needs a step"):
        grid([Axis("a", (), 0.0, 1.0)])


@pytest.mark.parametrize("draw", [random_sets, latin_hypercube])
def test_drawn_sets_are_different_within_bounds_and_repeatable(draw):
    axes = [FAST, SLOW, Axis("x", (), 0.5, 2.0)]
    sets = draw(axes, 40, seed=3)
    assert len(sets) == 40 == len({tuple(each.values()) for each in sets})
    assert all(each["period_1"] in FAST.values and 0.5 <= each["x"] < 2.0 for each in sets)
    assert draw(axes, 40, seed=3) == sets
    assert draw(axes, 40, seed=4) != sets
    assert sorted(map(str, draw([Axis("a", (1, 2, 3))], 50, seed=1))) == ["{'a': 1}", "{'a': 2}", "{'a': 3}"]


def test_a_latin_hypercube_visits_every_part_of_an_axis_once():
    sets = latin_hypercube([Axis("a", tuple(range(10))), Axis("x", (), 0.0, 10.0)], 10, seed=1)
    assert sorted(each["a"] for each in sets) == list(range(10))
    assert sorted(int(each["x"]) for each in sets) == list(range(10))


def test_optuna_learns_where_the_good_ones_are():
    axes = [Axis("a", tuple(range(100))), Axis("b", ("bad", "good"))]
    search = OptunaSearch(axes, seed=1)
    scores = []
    for _ in range(16):
        asked = search.ask(8)
        scores += [-abs(each["a"] - 70) - (50 if each["b"] == "bad" else 0) for each in asked]
        search.tell(scores[-8:])
    assert sum(scores[-32:]) > sum(scores[:32]) / 2
    assert max(scores) >= -2


def test_a_search_by_optuna_is_a_sweep_that_can_be_repeated():
    data = walk(500)
    results = [
        optimise(data, strategy="ema", axes=[FAST, SLOW], count=20, seed=5, workers=workers) for workers in (1, 2)
    ]
    assert len(results[0].runs) == 20
    assert [run.number for run in results[0].runs] == list(range(20))
    assert [run.document() for run in results[0].runs] == [run.document() for run in results[1].runs]


def test_sets_that_the_strategy_refuses_do_not_stop_optuna():
    axes = [Axis("period_1", tuple(range(2, 6))), Axis("period_2", tuple(range(2, 6)))]
    runs = optimise(walk(300), strategy="ema", axes=axes, count=20, seed=1).runs
    assert len(runs) == 20
    assert any(run.error for run in runs)
    assert any(run.stats for run in runs)


def free_texts(strategy: str) -> set[str]:
    """The parameters that are any text, rather than one of some words."""
    fields = msgspec.inspect.type_info(STRATEGIES[strategy].Params).fields  # type: ignore[attr-defined]
    kinds = {field.name: getattr(field.type, "type", field.type) for field in fields}
    return {name for name, kind in kinds.items() if isinstance(kind, msgspec.inspect.StrType)}


@pytest.mark.parametrize("strategy", deciding())
def test_sets_around_the_defaults_are_accepted_and_vary_every_number(strategy):
    sets = sets_around(strategy, 40, seed=1)
    assert sets == sets_around(strategy, 40, seed=1) != sets_around(strategy, 40, seed=2)
    assert len(sets) == 40
    for name, value in sets[0].items():
        if name in free_texts(strategy):
            continue  # what was written stays as it was
        different = {each[name] for each in sets}
        assert len(different) > (1 if isinstance(value, bool | str) else 3), name
    for each in sets:
        parse_params(strategy, each)
