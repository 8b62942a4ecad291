"""A finished search for people: stages, folds, the rules with what speaks for and against them."""

from collections.abc import Iterable, Sequence

from rich.table import Table

from discovery.mining.found import Figures, FoldReport, Mined, MinedRule
from engine.exits.config import ExitConfig
from infra.terminal import console

SINGLES = 5
Rows = Iterable[tuple[object, ...]]


def show_mined(found: Mined, seconds: float) -> None:
    """To standard output."""
    stages = [_stages(number, fold) for number, fold in enumerate(found.folds, start=1)]
    show_tables(
        (*stages, _singles(found.folds[-1]), _folds(found), _rules(found.rules), _quality(found.rules), _money(found)),
        told(found, seconds),
    )


def told(found: Mined, seconds: float) -> list[str]:
    """What is to be said of the search as a whole, and what every rule is."""
    counted = ", ".join(f"{count} {name}" for name, count in found.conditions.items())
    trials = f"{found.trials:,} trials of {sum(found.conditions.values())} conditions ({counted})"
    lines = [f"{trials} over {found.bars:,} bars of {found.days} days in {seconds:.1f} s"]
    for rank, rule in enumerate(found.rules, start=1):
        lines.append(f"{rank}. {rule.text}; exits: {exits_text(rule.exits)}")
        lines.append(f"   {rule.chance.text}")
        lines += [f"   suspicious: {sign.reason}" for sign in rule.suspicion.signs]
    return [*lines, verdict(len(found.rules), len(found.passed))]


def verdict(found: int, passed: int) -> str:
    """On a search that found so many rules, of which so many pass."""
    if not found:
        return "No rule made enough trades."
    return f"{passed} of {found} pass." if passed else "None passes: chance or suspicion explains them."


def exits_text(exits: ExitConfig) -> str:
    """In one line."""
    parts = [f"stop {exits.stop.value:g} ATR"] if exits.stop else []
    parts += [f"target {target.distance.value:g} ATR" for target in exits.targets]
    parts += [f"trail {exits.trailing.value:g} ATR"] if exits.trailing else []
    parts += [f"at most {exits.max_hold_s / 60:g} min"] if exits.max_hold_s else []
    parts += [f"flat {exits.before_close_s / 60:g} min before the close"] if exits.before_close_s else []
    return ", ".join(parts)


def show_tables(tables: Iterable[Table], lines: Iterable[str]) -> None:
    """To standard output; lines as long as they are."""
    out = console()
    for each in tables:
        out.print(each)
    for line in lines:
        out.print(line, soft_wrap=True)


def table(title: str, texts: Iterable[str], numbers: Iterable[str], rows: Rows) -> Table:
    table = Table(title=title)
    for name in texts:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    return table


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


def _stages(number: int, fold: FoldReport) -> Table:
    return table(
        f"fold {number}: {fold.trials:,} trials on {span_text(fold.train)}",
        ("stage", "side"),
        ("considered", "too rare", "same bars", "tried", "no better", "kept", "best Sharpe a day"),
        (
            (s.name, s.side, s.considered, s.too_rare, s.same_signals, s.tried, s.no_better, s.kept, s.best_sharpe)
            for s in fold.stages
        ),
    )


def _singles(fold: FoldReport) -> Table:
    return table(
        "single conditions, where the last fold searched",
        ("side", "category", "condition"),
        ("trades", "P&L", "Sharpe a day"),
        ((s.side, s.category, s.text, s.trades, s.net_pnl, s.sharpe_daily) for s in fold.singles[:SINGLES]),
    )


def _folds(found: Mined) -> Table:
    return table(
        "folds: the best of what was searched, on the days that judge",
        ("searched", "judged", "rule"),
        ("P&L there", "P&L here"),
        ((span_text(f.train), span_text(f.test), f.best, f.train_pnl, f.test_pnl) for f in found.folds),
    )


def span_text(spans: Sequence[Sequence[str]]) -> str:
    """First and last day of each part, in short."""
    if not spans:
        return "no days"
    text = f"{spans[0][0]} to {spans[-1][1]}"
    return text if len(spans) == 1 else f"{text} in {len(spans)} parts"


def _rules(rules: tuple[MinedRule, ...]) -> Table:
    halves = [f"{name} {half}" for half in ("searched", "judged") for name in ("trades", "P&L", "Sharpe")]
    return table(
        "rules, where they were searched and on days that judge",
        ("#", "passes", "source"),
        (*halves, "each", "anywhere", "p searched", "p judged", "suspicion"),
        (
            (rank, "yes" if r.passes else "no", r.source, *_half(r.train), *_half(r.test), r.test.mean_pnl, r.anywhere,
             r.chance.searched, r.chance.corrected, r.suspicion.score)
            for rank, r in enumerate(rules, start=1)
        ),
    )  # fmt: skip


def _half(figures: Figures) -> tuple[object, ...]:
    return figures.trades, figures.net_pnl, figures.sharpe_daily


def _quality(rules: tuple[MinedRule, ...]) -> Table:
    return table(
        "quality of exits, each from 0 to 1",
        ("#",),
        ("P&L", "drawdown", "hold", "kind of exit", "giveback", "mean"),
        (
            (rank, q.pnl, q.drawdown, q.hold, q.exit_type, q.giveback, r.quality_score)
            for rank, r in enumerate(rules, start=1)
            for q in (r.quality,)
        ),
    )


def _money(found: Mined) -> Table:
    rows: list[tuple[object, ...]] = []
    for rank, rule in enumerate(found.rules, start=1):
        use, worst = rule.capital, rule.worst
        if use is not None and worst is not None:
            rows.append(
                (rank, use.in_market, use.mean_notional, use.most_notional, use.most_at_once, worst.trades, worst.mean,
                 worst.total)
            )  # fmt: skip
    if found.capital is not None:
        use = found.capital
        rows.append(("all", use.in_market, use.mean_notional, use.most_notional, use.most_at_once, None, None, None))
    return table(
        "capital, and the worst trades",
        ("#",),
        ("in market", "mean capital", "most capital", "at once", "worst trades", "mean", "sum"),
        rows,
    )
