"""A paper book without its process: commands are taken from the database, and what follows is committed there."""

import time
from decimal import Decimal

import msgspec

from engine.model.event import Event
from engine.model.market import Tick
from infra import broadcast, codec
from infra.redis import keys
from infra.redis.client import sync_client
from trading.journal.writer import Batch, DatabaseJournal, write_batch
from trading.models import Book, CommandRecord
from trading.runtime import compose

SYMBOL = "/MES"


class PaperDesk:
    """The desk of the book "paper"; `alive` makes it look as if a process ran it."""

    def __init__(self, redis_url: str) -> None:
        self.redis = sync_client(redis_url)
        self.desk = compose.make_desk(compose.load("paper"))
        self.book = Book.objects.get(name="paper")
        self.journal = DatabaseJournal(book_id=self.book.pk, token=1)

    def alive(self) -> "PaperDesk":
        self.redis.set(keys.lease("trader", "paper"), '{"owner": "test", "token": 1}', px=600_000)
        return self

    def price(self, price: float, *, symbol: str = SYMBOL) -> None:
        """One print, now."""
        now = time.time_ns()
        self.redis.hset(keys.quote(symbol), mapping={"last": price, "ts": now})
        self.handle(Tick(now, symbol, price, 1.0))

    def answer(self) -> None:
        """Carry out what people told the book, as its process does."""
        for record in CommandRecord.objects.filter(state=CommandRecord.State.SENT).order_by("id"):
            self.handle(codec.decode(msgspec.json.encode(record.payload)))

    def handle(self, event: Event) -> None:
        outputs = tuple(self.desk.handle(event))
        write_batch(self.journal, Batch(outputs=outputs, state=self.desk.save(), cursors={}, bars={}))
        if outputs:
            broadcast.broadcast_events(self.book.name, outputs)

    @property
    def held(self) -> Decimal:
        return sum((position.quantity for position in self.desk.engine.positions), Decimal(0))
