"""What a strategy computes, as a graph: nothing is missing, nothing comes before what it reads."""

import pytest

from engine.errors import InvalidInput
from engine.indicators.graph import plan
from engine.strategy.params import parse_params
from strategies.computed import computed
from strategies.registry import STRATEGIES


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_every_box_stands_after_what_it_reads_and_the_decision_last(name):
    kind = STRATEGIES[name]
    made = kind(parse_params(kind, {}))
    graphs = computed(name, {})
    assert [graph.timeframe for graph in graphs] == ["", *made.other_indicators()]
    for graph, specs in zip(graphs, (made.indicators(), *made.other_indicators().values()), strict=True):
        depth: dict[str, int] = {}
        for box in graph.boxes:
            assert box.depth == 1 + max(
                (depth[read] for read, _ in box.reads), default=-1 if box.kind == "price" else 0
            )
            depth[box.name] = box.depth
        assert [box.kind for box in graph.boxes if box.kind == "decision"] == ["decision"] * bool(specs)
        assert {box.name for box in graph.boxes if box.kind == "indicator"} == {str(n.spec) for n in plan(specs).nodes}
        if specs:
            assert graph.boxes[-1].ready == max(plan(specs).warmup, 1)


def test_the_crossover_of_two_averages_reads_both_and_they_read_the_close():
    (graph,) = computed("ema", {"period_1": 3, "period_2": 8})
    reads = {box.name: [name for name, _ in box.reads] for box in graph.boxes}
    ready = {box.name: box.ready for box in graph.boxes}
    assert list(reads)[:3] == ["close", "ema(close,3)", "ema(close,8)"]
    assert reads["ema(close,3)"] == reads["ema(close,8)"] == ["close"]
    assert {"ema(close,3)", "ema(close,8)"} <= set(reads["ema"])
    assert (ready["close"], ready["ema(close,3)"], ready["ema(close,8)"]) == (1, 3, 8)
    assert list(reads)[-1] == "ema"
    assert ready["ema"] == max(ready.values())


def test_wrong_parameters_are_refused_by_their_name():
    with pytest.raises(InvalidInput, match="period_1"):
        computed("ema", {"period_1": 0})
