"""One running slot: a strategy, what it sees, and where it stands."""

from collections.abc import Callable

from engine.core.holding import Holding
from engine.core.wanted import Wanted
from engine.indicators.graph import plan
from engine.model.signals import WarmupProgressed
from engine.strategy.base import Strategy, Wish
from engine.strategy.context import Context, View
from engine.strategy.params import parse_params
from engine.strategy.slot import SlotConfig

Handler = Callable[[Context], Wish | None]


class Slot:
    """A strategy on one symbol, warmed up or not, started or stopped, with a holding per broker."""

    __slots__ = (
        "announced", "bars", "config", "context", "entry_bar", "exit_specs", "fault", "holdings", "is_stopped",
        "is_warm", "need", "on_bar", "on_other_bar", "on_tick", "refused", "rules", "strategy", "strategy_type",
        "target", "view", "wanted", "wants_ticks",
    )  # fmt: skip

    def __init__(self, config: SlotConfig, strategy_type: type[Strategy], exit_specs: tuple[str, ...]) -> None:
        self.config = config
        self.strategy_type = strategy_type
        self.holdings: list[Holding] = []
        self.target = 0
        self.bars = 0  # closed bars of its own timeframe
        self.entry_bar = -1  # the bar the last entry belongs to
        self.refused = (0, -1)  # the target that was refused last, and in which bar
        self.is_stopped = False
        self.fault = ""
        self.is_warm = False
        self.announced = ""
        self.view: View
        self.make_strategy()
        self.rules = strategy_type.contracts(self.strategy.params)  # None: it trades its symbol itself
        self.wanted: Wanted | None = None  # an option that is not bought yet
        self.exit_specs = exit_specs
        self.need = self._needs(exit_specs)
        self.wants_ticks = strategy_type.on_tick is not Strategy.on_tick

    def make_strategy(self) -> None:
        """A fresh instance: it has seen nothing."""
        self.strategy = self.strategy_type(parse_params(self.strategy_type, self.config.params))
        self.on_bar: Handler = self.strategy.on_bar
        self.on_other_bar: Handler = self.strategy.on_other_bar
        self.on_tick: Handler = self.strategy.on_tick

    def look_at(self, view: View) -> None:
        """From now on the strategy sees `view`."""
        view.target = self.target
        self.view = view
        self.context = Context(view, self.strategy.params)

    def set_target(self, target: int) -> None:
        self.target = self.view.target = target

    def specs(self) -> dict[str, tuple[str, ...]]:
        """The indicators it needs, by timeframe."""
        own = {self.config.timeframe: self.strategy.indicators()}
        return own | dict(self.strategy.other_indicators())

    def _needs(self, exit_specs: tuple[str, ...]) -> dict[str, int]:
        need = {timeframe: max(plan(specs).warmup, 1) for timeframe, specs in self.specs().items()}
        own = self.config.timeframe
        need[own] = max(need[own] + self.strategy.lookback, plan(exit_specs).warmup)
        return need

    def bar_index(self, bar_ts: int) -> int:
        """The bar a decision belongs to: the one that just closed, or the one that is forming."""
        return self.bars if bar_ts else self.bars + 1

    def distance(self, counts: dict[str, int]) -> tuple[int, int]:
        """Bars seen and needed, of the timeframe that is furthest from its need."""
        timeframe = max(self.need, key=lambda name: self.need[name] - counts[name])
        return min(counts[timeframe], self.need[timeframe]), self.need[timeframe]

    def progress_events(self, ts: int, counts: dict[str, int]) -> list[WarmupProgressed]:
        """How far it is, one value per timeframe it reads."""
        strategy, symbol = self.config.key
        return [
            WarmupProgressed(ts, strategy, symbol, timeframe, min(counts[timeframe], need), need)
            for timeframe, need in self.need.items()
        ]
