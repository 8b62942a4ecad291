"""What a run over history looks like for people: its trades, what they add up to, how fast it was."""

from rich.console import Console
from rich.table import Table

from backtest.simulation.driver import money
from backtest.stored import StoredRun
from engine.model.time import iso
from infra.terminal import console

COLUMNS = (
    ("strategy", "left"), ("symbol", "left"), ("side", "left"), ("qty", "right"), ("entry (UTC)", "left"),
    ("price", "right"), ("exit (UTC)", "left"), ("price", "right"), ("P&L", "right"), ("why", "left"),
)  # fmt: skip


def show(run: StoredRun) -> None:
    """The trades, then what they add up to, then the speed."""
    out = console()
    table = Table(title=run.label)
    for name, justify in COLUMNS:
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for trade in run.outcome.trades:
        table.add_row(
            trade.strategy, trade.symbol, trade.side.value, money(trade.quantity), iso(trade.entry_ts)[:19],
            money(trade.entry_price), iso(trade.exit_ts)[:19], money(trade.exit_price), money(trade.pnl),
            trade.exit_reason,
        )  # fmt: skip
    out.print(table)
    _sum_up(out, run)


def _sum_up(out: Console, run: StoredRun) -> None:
    stats = run.result(timing=True)["stats"]
    out.print(
        f"{stats['trades']} trades ({stats['wins']} won, {stats['losses']} lost), net P&L {stats['net_pnl']}, "
        f"fees {stats['fees']}, deepest drawdown {stats['max_drawdown']}"
    )
    for position in stats["open_positions"]:
        held = f"{position['side']} {position['quantity']} {position['symbol']} at {position['average_price']}"
        out.print(f"still open: {held}")
    for fault in stats["faults"]:
        out.print(f"the strategy failed: {fault}")
    rate = run.outcome.events / run.seconds if run.seconds else 0.0
    out.print(f"{run.outcome.events:,} events in {run.seconds:.2f} s: {rate:,.0f} events/s")
