"""What the pages of discovery show: searches, what each came to, and one rule with what speaks for and against it."""

from typing import Any

import msgspec
from django.db.models import QuerySet

from dashboard.studies import data_files
from discovery.api import counted
from discovery.lifecycle.states import refusal
from discovery.lifecycle.steps import evidence_for
from discovery.mined import requested
from discovery.mining.asked import MiningSpec
from discovery.mining.learned import is_installed
from discovery.models import DiscoveredRule, MiningRun
from discovery.shown import exits_text, span_text, verdict
from engine.exits.config import ExitConfig
from engine.rules.conditions import Category
from engine.rules.rule import parse_rules, rules_json
from engine.rules.temporal import Phase
from infra.web.actor import Actor

SHOWN = 100
SUB_SCORES = (
    ("pnl", "P&L", "Of all that was won and lost, what was won"),
    ("drawdown", "Drawdown", "1 − the deepest fall over all that was won"),
    ("hold", "Hold", "Of the bars held, those until the best price"),
    ("exit_type", "Kind of exit", "Target 1, trailing stop 0.8, stop at the entry 0.6, time 0.5, stop 0"),
    ("giveback", "Giveback", "Of the best open profit, what was kept"),
)
FIGURES = (
    ("days", "Days", 0),
    ("trades", "Trades", 0),
    ("net_pnl", "Net P&L", 2),
    ("mean_pnl", "P&L of a trade", 2),
    ("win_rate", "Share of trades that won", 2),
    ("profit_factor", "Profit factor", 2),
    ("max_drawdown", "Deepest fall", 2),
    ("sharpe_daily", "Sharpe ratio, a day", 3),
)


def runs() -> QuerySet[MiningRun]:
    """The newest searches, with how many rules each found and how many of them passed."""
    return counted().defer("spec", "stages", "result")[:SHOWN]


def choices() -> dict[str, Any]:
    """What the form offers, with the defaults of the search itself."""
    return {
        "defaults": msgspec.to_builtins(MiningSpec()),
        "categories": [category.value for category in Category],
        "data": data_files(),
        "has_model": is_installed(),
    }


def find_run(number: int) -> MiningRun | None:
    return counted().filter(pk=number).first()


def shown(run: MiningRun) -> dict[str, Any]:
    """A search as its template reads it."""
    rules = list(run.rules.order_by("rank"))
    asked = requested(run)
    return {
        "asked": asked,
        "grid": _grid(asked.search),
        "sources": [seed.source.value for seed in asked.search.seeds],
        "rules": rules,
        "verdict": verdict(len(rules), run.result["passed"]) if run.result else "",
        "folds": _folds(run),
        "singles": (run.result.get("folds") or [{}])[-1].get("singles", []),
        "capital": run.result.get("capital"),
    }


def find_rule(number: int) -> DiscoveredRule | None:
    return DiscoveredRule.objects.select_related("run").filter(pk=number).first()


def rule_shown(rule: DiscoveredRule, user: Actor) -> dict[str, Any]:
    """A rule as its template reads it. `refusal` is why it cannot be promoted now, empty where it can."""
    [parsed] = parse_rules([rule.conditions])
    return {
        "phases": [_phase(each, is_first=at == 0) for at, each in enumerate(parsed.phases)],
        "exits_text": exits_text(msgspec.convert(rule.exits, ExitConfig, strict=False)),
        "params": rules_json([parsed]),
        "figures": [
            {
                "name": words,
                "searched": rule.in_sample.get(name),
                "judged": rule.out_of_sample.get(name),
                "places": places,
            }
            for name, words, places in FIGURES
        ],
        "quality": [
            {"name": words, "title": title, "value": rule.quality.get(name, 0.0)} for name, words, title in SUB_SCORES
        ],
        "folds": [{**fold, "has_it": number in rule.folds} for number, fold in enumerate(_folds(rule.run), start=1)],
        "refusal": refusal(rule.state, DiscoveredRule.State.LIVE, evidence_for(rule, by=user)),
    }


def _phase(phase: Phase, *, is_first: bool) -> dict[str, Any]:
    """A phase as it is drawn: its conditions, and the bars since the one before."""
    gap = f"{phase.least}" if phase.least == phase.most else f"{phase.least}–{phase.most}"
    bars = "bar" if phase.most == 1 else "bars"
    return {"conditions": [each.text for each in phase.all], "gap": "" if is_first else f"{gap} {bars} later"}


def _folds(run: MiningRun | None) -> list[dict[str, Any]]:
    """With the spans of each half in words."""
    found = [] if run is None else run.result.get("folds", [])
    return [fold | {"searched": span_text(fold["train"]), "judged": span_text(fold["test"])} for fold in found]


def _grid(search: MiningSpec) -> list[tuple[str, str]]:
    """The exits that were tried, in words."""
    plain = msgspec.to_builtins(search.grid)
    return [(name, ", ".join("none" if each is None else f"{each:g}" for each in plain[name])) for name in plain]
