"""A scripted market and ledger: what a feed, a trader and a journal would write, without them."""

import json
import math
import time
from collections.abc import Mapping
from decimal import Decimal

from django.utils import timezone

from engine.model.enums import Side
from engine.model.market import Bar, PartialBar
from engine.model.orders import OrderFilled
from engine.model.time import NS_PER_MS, NS_PER_S, to_datetime
from infra import broadcast, codec
from infra.redis import keys
from infra.redis.client import SyncRedis
from trading.models import Book, Decision, Fill, Order, Position, Run, Trade
from users.models import User


class ScriptedMarket:
    """Tick bars of one symbol: a wave on the price grid. `now` is the venue's clock; it moves with the prints."""

    def __init__(self, client: SyncRedis, *, symbol: str, ticks: int, tick_size: float, base: float) -> None:
        self.symbol, self.timeframe, self.ticks = symbol, f"{ticks}t", ticks
        self.price = base
        self.prints = 0
        self._client, self._tick_size, self._base = client, tick_size, base
        self._forming: list[float] = []
        self._opened = 0
        self._seq = 0

    def history(self, bars: int, *, spacing_s: float = 20.0) -> None:
        """`bars` closed bars up to now."""
        now = time.time_ns()
        for number in range(bars * self.ticks):
            ago = (bars * self.ticks - number) * spacing_s / self.ticks
            self._print(now - int(ago * NS_PER_S), quietly=True)
        self._view(now)

    def tick(self) -> None:
        """One print, now."""
        self._print(time.time_ns(), quietly=False)

    def _print(self, ts: int, *, quietly: bool) -> None:
        self.prints += 1
        swing = 9.0 * math.sin(self.prints / 150) + 4.0 * math.sin(self.prints / 41) + 1.5 * math.sin(self.prints * 1.7)
        self.price = round((self._base + swing * 8 * self._tick_size) / self._tick_size) * self._tick_size
        self._opened = self._opened if self._forming else ts
        self._forming.append(self.price)
        if len(self._forming) == self.ticks:
            self._close(ts)
        elif not quietly:
            self._move(ts)
        if not quietly:
            self._view(ts)

    def _view(self, ts: int) -> None:
        self._client.hset(keys.quote(self.symbol), mapping={"last": self.price, "ts": ts})
        self._client.hset(keys.feed_state(self.symbol), mapping={"state": "fresh", "reason": "", "feed": "dxlink"})

    def _close(self, ts: int) -> None:
        self._seq += 1
        bar = Bar(
            ts=ts, symbol=self.symbol, timeframe=self.timeframe, ts_open=self._opened,
            open=self._forming[0], high=max(self._forming), low=min(self._forming), close=self._forming[-1],
            volume=float(self.ticks), trade_count=self.ticks, ts_recv=time.time_ns(), seq=self._seq,
        )  # fmt: skip
        data = codec.encode(bar)
        self._client.zadd(keys.bars(self.symbol, self.timeframe), {data: ts // NS_PER_MS})
        self._client.xadd(keys.bars_stream(self.symbol, self.timeframe), {"e": data}, maxlen=1000)
        self._forming = []

    def _move(self, ts: int) -> None:
        self._seq += 1
        low, high = min(self._forming), max(self._forming)
        partial = PartialBar(
            ts=ts, symbol=self.symbol, timeframe=self.timeframe, ts_open=self._opened,
            open=self._forming[0], high=high, low=low, close=self.price, volume=float(len(self._forming)),
            trade_count=len(self._forming), high_since=high, low_since=low, fill=len(self._forming) / self.ticks,
            ts_recv=time.time_ns(), seq=self._seq,
        )  # fmt: skip
        self._client.xadd(keys.ticks_stream(self.symbol, self.timeframe), {"e": codec.encode(partial)}, maxlen=1000)


class ScriptedLedger:
    """Orders, fills, positions, trades and decisions of one running strategy, broadcast as the journal does."""

    def __init__(self, client: SyncRedis, *, user: User, slots: list[dict[str, str]]) -> None:
        self._client = client
        self.book = Book.objects.create(name="paper")
        self.run = Run.objects.create(book=self.book, strategy="ema", slots=slots, started_by=user)
        self._number = 0

    def sign_of_life(self, **slots: Mapping[str, object]) -> None:
        """The trader's views: `slots` maps "strategy:symbol" to its state."""
        self._client.set(keys.heartbeat(f"trader:{self.book.name}"), json.dumps({"at": time.time()}), ex=15)
        if slots:
            self._client.hset(
                keys.slot_state(self.book.name), mapping={name: json.dumps(state) for name, state in slots.items()}
            )

    def enter(self, symbol: str, quantity: int, price: Decimal, *, stop: Decimal | None = None) -> Order:
        """An entry that filled: long where `quantity` is positive."""
        side = Side.BUY if quantity > 0 else Side.SELL
        reason = f"EMA 9 crossed {'above' if quantity > 0 else 'below'} EMA 21"
        self.decide(symbol, 1 if quantity > 0 else -1, reason)
        order = self._fill(symbol, side, abs(quantity), price, intent="entry", reason=reason)
        Position.objects.update_or_create(
            book=self.book, strategy="ema", symbol=symbol, broker="paper",
            defaults={
                "quantity": quantity, "average_price": price, "stop_price": stop,
                "exit_kind": "stop" if stop else "none", "updated_at": timezone.now(),
            },
        )  # fmt: skip
        self._tell()
        return order

    def leave(self, entry: Order, quantity: int, price: Decimal, *, multiplier: Decimal, reason: str) -> Trade:
        """The exit of `entry`, and the trade it closes."""
        side = Side.SELL if quantity > 0 else Side.BUY
        order = self._fill(entry.symbol, side, abs(quantity), price, intent="exit", reason=reason)
        Position.objects.filter(book=self.book, symbol=entry.symbol).update(quantity=0, average_price=0)
        opened = entry.average_price or Decimal(0)
        fees = Decimal("2.48")
        trade = Trade.objects.create(
            book=self.book, run=self.run, trade_id=f"t{order.pk}", mode="paper", strategy="ema", symbol=entry.symbol,
            broker="paper", side="long" if quantity > 0 else "short", quantity=abs(quantity),
            entry_at=entry.created_at, entry_price=opened, exit_at=order.created_at, exit_price=price,
            pnl=(price - opened) * quantity * multiplier - fees, fees=fees, entry_order=entry, exit_order=order,
            entry_reason=entry.reason, exit_reason=reason,
        )  # fmt: skip
        self._tell()
        return trade

    def decide(self, symbol: str, target: int, reason: str, *, kind: str = "signal", rule: str = "") -> None:
        Decision.objects.create(
            book=self.book, kind=kind, strategy="ema", symbol=symbol, target=target, reason=reason, rule=rule,
            evidence={"ema(close,9)": 5012.137, "ema(close,21)": 5010.802}, at=timezone.now(),
        )  # fmt: skip

    def _fill(self, symbol: str, side: Side, quantity: int, price: Decimal, *, intent: str, reason: str) -> Order:
        self._number += 1
        now, ts = timezone.now(), time.time_ns()
        order = Order.objects.create(
            book=self.book, run=self.run, client_id=f"r1-ema-{self._number:06d}", strategy="ema", symbol=symbol,
            broker="paper", side=side, type="market", intent=intent, state="filled", quantity=quantity,
            filled_quantity=quantity, average_price=price, reason=reason, created_at=now, updated_at=now,
        )  # fmt: skip
        Fill.objects.create(
            order=order, fill_id=f"f{self._number}", broker="paper", symbol=symbol, side=side, quantity=quantity,
            price=price, fee=Decimal("1.24"), ts=ts, at=to_datetime(ts),
        )  # fmt: skip
        filled = OrderFilled(
            ts=ts, client_id=order.client_id, fill_id=f"f{self._number}", strategy="ema", symbol=symbol,
            broker="paper", side=side, quantity=Decimal(quantity), price=price, fee=Decimal("1.24"),
        )  # fmt: skip
        self._told = filled
        return order

    def _tell(self) -> None:
        """The fill, when all that follows from it is there, as the journal does it."""
        broadcast.broadcast_events(self.book.name, [self._told])
