"""A book's figures for Prometheus."""

from decimal import Decimal

from engine.model.enums import PositionSide
from engine.model.market import FeedGap, TimeAdvanced
from engine.model.positions import TradeClosed
from infra import metrics
from trading.runtime.measures import Measures, count_facts
from trading.runtime.runner import Stats


def sample(name: str) -> list[str]:
    lines = metrics.exposition().decode().splitlines()
    return sorted(line.removeprefix(name) for line in lines if line.startswith(name) and "measured" in line)


def test_figures_of_a_run_add_up_over_runs_and_quantiles_are_in_seconds():
    for events in (5, 7):  # the second run begins from nothing
        stats, measures = Stats(), Measures("measured")
        for share in (0, 1):
            stats.events, stats.commits = events + share, 1 + share
            measures.pass_on(stats)
    assert sample("trader_events_total") == ['{book="measured"} 14.0']
    assert sample("trader_commits_total") == ['{book="measured"} 4.0']
    assert sample("trader_decision_seconds") == []
    stats.decision.add(2.0)
    stats.commit.add(500.0)
    measures.pass_on(stats)
    decision, commit = sample("trader_decision_seconds"), sample("trader_commit_seconds")
    assert [line.partition("}")[0] for line in decision] == [
        '{book="measured",quantile="0.5"',
        '{book="measured",quantile="0.99"',
    ]
    assert 0.002 <= float(decision[0].split()[-1]) <= 0.0022
    stats.answers.latency.add(40.0)
    measures.pass_on(stats)
    assert 0.04 <= float(sample("trader_answer_seconds")[0].split()[-1]) <= 0.042
    assert 0.5 <= float(commit[1].split()[-1]) <= 0.53


def test_facts_are_counted_by_kind_once_they_are_committed():
    count_facts("measured", [FeedGap(1, "SPY", "cut"), FeedGap(2, "SPY", "cut"), TimeAdvanced(3)])
    assert sample("trader_facts_total") == [
        '{book="measured",kind="FeedGap"} 2.0',
        '{book="measured",kind="TimeAdvanced"} 1.0',
    ]


def test_a_strategys_trades_are_counted_with_what_they_made():
    for number, pnl in enumerate(("50.25", "-20", "0")):
        trade = TradeClosed(
            number, f"t{number}", "ema", "SPY", "paper", PositionSide.LONG, Decimal(1), 0, Decimal(500), number,
            Decimal(501), Decimal(pnl), Decimal(1), "in", "out", "cross", "target",
        )  # fmt: skip
        count_facts("measured-trades", [trade])
    lines = [line for line in metrics.exposition().decode().splitlines() if "measured-trades" in line]
    assert {
        'strategy_trades_total{book="measured-trades",end="won",strategy="ema"} 1.0',
        'strategy_trades_total{book="measured-trades",end="lost",strategy="ema"} 2.0',
        'strategy_trades_pnl{book="measured-trades",strategy="ema"} 30.25',
    } <= set(lines)
