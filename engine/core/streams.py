"""What the engine keeps per symbol and timeframe: the indicators, what was seen last, and who is interested."""

from collections.abc import Iterable

from engine.core.slots import Slot
from engine.indicators.frame import IndicatorFrame
from engine.model.market import Bar


class Stream:
    """One symbol's bars of one timeframe, with one shared set of indicators for all slots that read them."""

    __slots__ = ("_specs", "count", "frame", "last", "last_ts", "lost", "others", "slots", "symbol", "timeframe")

    def __init__(self, symbol: str, timeframe: str) -> None:
        self.symbol = symbol
        self.timeframe = timeframe
        self.slots: list[Slot] = []  # whose own timeframe this is
        self.others: list[Slot] = []  # who look at it besides
        self.count = 0  # bars since the last reset
        self.last_ts = 0
        self.last: Bar | None = None
        self.lost = ""  # why no bar is whole since events were lost; empty when one is
        self._specs: tuple[str, ...] = ()
        self.frame = IndicatorFrame(())

    def request(self, specs: Iterable[str], *, keep: int) -> None:
        """Make the frame for all that is asked for; `keep` bars of every value are remembered."""
        self._specs = tuple(specs)
        self.frame = IndicatorFrame(self._specs, max_length=keep)

    def reset(self) -> None:
        """Forget indicators and history. Bars that were decided on stay decided: `last_ts` is kept."""
        self.frame = IndicatorFrame(self._specs, max_length=self.frame.max_length)
        self.count, self.last = 0, None

    def repeats(self, bar: Bar) -> bool:
        """Whether a bar at or before the last one's close was seen already.

        Bars of prints may share one time: `seq` tells them apart, and where there is none, their values.
        """
        if bar.ts != self.last_ts or self.last is None:
            return bar.ts <= self.last_ts
        if bar.quality == "revised":
            return True  # what was decided on it stays decided
        return bar.seq <= self.last.seq if bar.seq else bar == self.last

    def append(self, bar: Bar) -> None:
        """Take a bar that was not seen before."""
        self.last, self.last_ts = bar, bar.ts
        self.count += 1
        self.frame.append(bar)

    def accept_history(self, bar: Bar) -> bool:
        """Append a bar of the past, unless it does not come after the one before."""
        if self.last is not None and bar.ts <= self.last.ts and (bar.ts < self.last.ts or self.repeats(bar)):
            return False
        latest = self.last_ts
        self.append(bar)
        self.last_ts = max(latest, bar.ts)
        return True


class SymbolState:
    """What the engine keeps per symbol."""

    __slots__ = (
        "doubt",
        "gap",
        "is_contract",
        "price",
        "price_ts",
        "slots",
        "streams",
        "tick_seq",
        "tick_slots",
        "tick_ts",
        "winner",
        "winner_ts",
    )

    def __init__(self, *, is_contract: bool = False) -> None:
        self.is_contract = is_contract  # an option that some slot has chosen: it has quotes, and no streams
        self.streams: dict[str, Stream] = {}
        self.slots: list[Slot] = []
        self.tick_slots: list[Slot] = []
        self.price = float("nan")
        self.price_ts = 0
        self.tick_seq = 0
        self.tick_ts = 0
        self.gap = ""  # why the data cannot be trusted; empty when they can
        self.doubt = ""  # what the feed says against its own data; empty when nothing
        self.winner = ""  # the strategy whose entry won at `winner_ts`
        self.winner_ts = 0

    def repeats(self, seq: int, ts: int) -> bool:
        """Whether a tick was seen already, by its place in the symbol's order; without one it never is."""
        if seq and ts <= self.tick_ts and seq <= self.tick_seq:
            return True
        self.tick_seq, self.tick_ts = seq, ts
        return False

    def lost(self, timeframes: Iterable[str]) -> str:
        """Why one of these timeframes has had no whole bar since events were lost; empty when all have."""
        streams = (self.streams.get(timeframe) for timeframe in timeframes)
        return next((stream.lost for stream in streams if stream is not None and stream.lost), "")

    def counts(self) -> dict[str, int]:
        """Bars seen since the last reset, by timeframe."""
        return {timeframe: stream.count for timeframe, stream in self.streams.items()}
