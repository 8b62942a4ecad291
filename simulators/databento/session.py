"""One connection to the live gateway: the challenge, subscriptions line by line, then records."""

import asyncio
import hashlib
import logging
import random
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import databento_dbn as dbn

from engine.model.time import NS_PER_DAY, to_datetime
from simulators.databento import records
from simulators.databento.names import DATASETS, SCHEMAS, STYPES, Instrument, Names
from simulators.faults import FaultBoard, Tap
from simulators.market import Market
from simulators.tape import News

SLOW_BYTES = 4 << 20  # more than this unsent, and the client is called slow
_GREETING = "lsg_version=0.6.0"
_log = logging.getLogger(__name__)


class Surroundings(Protocol):
    """What a session sees of its gateway."""

    market: Market
    faults: FaultBoard

    @property
    def cursor(self) -> int: ...

    def is_key(self, challenge: str, answer: str) -> bool: ...


class Subscription(NamedTuple):
    """One instrument under one schema, and the tap its records go through."""

    schema: str
    found: Instrument
    tap: Tap


class Refusal(Exception):
    """Told as an ErrorMsg; the connection ends after it."""

    def __init__(self, code: Any, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class GatewaySession:
    """Everything the client said is kept: `requests` holds its subscription lines."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, around: Surroundings, *, rng: random.Random
    ) -> None:
        self.requests: list[dict[str, str]] = []
        self.dataset = ""
        self.login: dict[str, str] = {}
        self._reader = reader
        self._writer = writer
        self._around = around
        self._challenge = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=32))
        self._subscriptions: list[Subscription] = []
        self._before_start: list[dict[str, str]] = []
        self._is_started = False
        self._is_slow = False
        self._waiting: list[bytes] = []
        self._heartbeat_s = 30.0
        self._sent_at = self._flushed_at = 0.0

    # ---- the conversation -------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until one side ends it."""
        self._line(_GREETING)
        self._line(f"cram={self._challenge}")
        try:
            if not await self._log_in():
                return
            while line := await self._reader.readline():
                self._hear(_fields(line))
        except Refusal as refusal:
            self._write(records.error(refusal.text, refusal.code, now=self._around.cursor))
        except (ConnectionError, asyncio.LimitOverrunError, ValueError) as error:
            _log.info("connection lost: %s", error)
        finally:
            for each in self._subscriptions:
                each.tap.close()
            self._is_started = False
            self._writer.close()

    async def _log_in(self) -> bool:
        said = _fields(await self._reader.readline())
        why = ""
        if not self._around.is_key(self._challenge, said.get("auth", "")):
            why = "User authentication failed. Please check your API key."
        elif said.get("dataset") not in DATASETS:
            why = f"Unknown dataset '{said.get('dataset')}'"
        elif said.get("encoding") != "dbn" or said.get("compression", "none") != "none":
            why = "Only DBN without compression is served here"
        if why:
            self._line(f"success=0|error={why}")
            return False
        self.dataset, self.login = said["dataset"], said
        self._heartbeat_s = float(said.get("heartbeat_interval_s") or 30)
        self._line(f"success=1|session_id={self._around.cursor // 1_000_000_000}")
        return True

    def _hear(self, said: dict[str, str]) -> None:
        if "start_session" in said:
            self._start()
        elif "schema" in said:
            self.requests.append(said)
            if self._is_started:
                self._subscribe(said)
            else:
                self._before_start.append(said)
        else:
            raise Refusal(dbn.ErrorCode.INVALID_SUBSCRIPTION, f"Unknown request '{said}'")

    def _start(self) -> None:
        if self._is_started:
            return
        self._is_started = True
        self._write(records.metadata(self.dataset, start=self._around.cursor))
        for said in self._before_start:
            self._subscribe(said)

    # ---- subscriptions ----------------------------------------------------------------------------------------

    def _subscribe(self, said: dict[str, str]) -> None:
        schema, stype = said["schema"], said.get("stype_in", "raw_symbol")
        if schema not in SCHEMAS or stype not in STYPES:
            raise Refusal(dbn.ErrorCode.INVALID_SUBSCRIPTION, f"Unsupported schema or stype_in: {schema}, {stype}")
        now, start = self._around.cursor, said.get("start")
        since = now if start is None else int(start) or now - NS_PER_DAY
        if since < now - NS_PER_DAY:
            raise Refusal(dbn.ErrorCode.REPLAY_DATA_AGED_OUT, "The start time is more than 24 hours ago")
        found = self._resolve(said["symbols"].split(","), stype)
        for each in found:
            self._write(records.mapping(each, self.dataset, stype_in=stype, now=now))
        text = f"Subscription request {said.get('id', 0)} for {schema} data succeeded"
        self._write(records.system(text, dbn.SystemCode.SUBSCRIPTION_ACK, now=now))
        if start is not None:
            self._replay(found, schema, since, is_last=said.get("is_last") != "0")
        for each in found:
            self._follow(schema, each)

    def _resolve(self, symbols: Iterable[str], stype: str) -> list[Instrument]:
        names = Names(self._around.market, self.dataset, to_datetime(self._around.cursor).date())
        found = {
            symbol: names.everything() if symbol == "ALL_SYMBOLS" else names.resolve(symbol, stype)
            for symbol in symbols
        }
        missing = [symbol for symbol, instruments in found.items() if not instruments]
        if missing:
            text = f"Failed to resolve symbols: {', '.join(missing)}"
            raise Refusal(dbn.ErrorCode.SYMBOL_RESOLUTION_FAILED, text)
        return [each for instruments in found.values() for each in instruments]

    def _replay(self, found: Iterable[Instrument], schema: str, since: int, *, is_last: bool) -> None:
        """What has been since `since`, all instruments by time, and after the last line of a request the mark that says
        where the present begins."""
        now = self._around.cursor
        past: list[bytes] = []
        for each in found:
            rows = records.history(each, self.dataset, schema, start=since, end=now + 1, now=now)
            outlet = Tap(each.market.listing.symbol, self._around.faults, self._waiting.extend)
            past += self._around.faults.events(outlet, None, [record for _, record in rows])
        past.sort(key=lambda record: record[15:7:-1])  # by their time, eight bytes with the lowest first
        self._write(b"".join(past))
        if is_last:
            self._write(records.system(f"Finished {schema} replay", dbn.SystemCode.REPLAY_COMPLETED, now=now))

    def _follow(self, schema: str, found: Instrument) -> None:
        """From now on. Asking again for what is had changes nothing."""
        if any((each.schema, each.found.id) == (schema, found.id) for each in self._subscriptions):
            return
        tap = Tap(found.market.listing.symbol, self._around.faults, self._waiting.extend)
        self._subscriptions.append(Subscription(schema, found, tap))
        now = self._around.cursor
        if schema == "definition":
            tap.deliver([records.definition(found, self.dataset, now=now)])
        elif schema == "statistics":
            tap.deliver(records.statistics(found, self.dataset, now=now))
        elif schema == "status":
            tap.deliver([records.status(found, self.dataset, now=now)])

    # ---- data -------------------------------------------------------------------------------------------------

    @property
    def symbols(self) -> set[str]:
        """The market's symbols whose news it wants."""
        return {each.found.market.listing.symbol for each in self._subscriptions}

    @property
    def wants_seconds(self) -> bool:
        return any(each.schema == "ohlcv-1s" for each in self._subscriptions)

    def tell(self, news: dict[str, News]) -> None:
        """What happened, in each schema that is subscribed."""
        for schema, found, tap in self._subscriptions:
            heard = news.get(found.market.listing.symbol)
            made = self._records(schema, found, heard) if heard else []
            if made:
                tap.deliver(made)

    def _records(self, schema: str, found: Instrument, news: News) -> list[bytes]:
        if schema in records.PRINT_SCHEMAS:
            return records.of_prints(found, self.dataset, schema, news.prints)
        if schema == "ohlcv-1m":
            return records.of_candles(found, self.dataset, schema, news.minutes)
        if schema == "ohlcv-1s":
            return records.of_candles(found, self.dataset, schema, news.seconds)
        if schema == "statistics" and news.minutes:
            return records.statistics(found, self.dataset, now=self._around.cursor)
        return []

    def turn(self, now: float) -> None:
        """Send what is due; `now` in seconds, monotonic."""
        faults = self._around.faults
        if not self._is_started or (self._waiting and now - self._flushed_at < faults.frame_interval_s):
            return
        if self._waiting:
            data, self._waiting[:] = b"".join(self._waiting), []
            self._flushed_at = now
            if not self._skips(len(data)):
                self._write(faults.frame(data), now)
        elif now - self._sent_at > self._heartbeat_s:
            self._write(records.system("Heartbeat", dbn.SystemCode.HEARTBEAT, now=self._around.cursor), now)

    def _skips(self, size: int) -> bool:
        """A client that does not read: it is told once, and under "skip" gets nothing until it has caught up."""
        cursor = self._around.cursor
        behind = self._writer.transport.get_write_buffer_size() + size > SLOW_BYTES
        skips = self.login.get("slow_reader_behavior") == "skip"
        if behind and not self._is_slow and not skips:
            self._write(records.system("Slow reading", dbn.SystemCode.SLOW_READER_WARNING, now=cursor))
        if not behind and self._is_slow and skips:
            code = dbn.ErrorCode.SKIPPED_RECORDS_AFTER_SLOW_READING
            self._write(records.error("Records were skipped: the client read too slowly", code, now=cursor))
        self._is_slow = behind
        return behind and skips

    # ---- ends -------------------------------------------------------------------------------------------------

    def refuse(self, code: Any, text: str) -> None:
        """Say why, in the stream's own form, and hang up."""
        self._write(records.error(text, code, now=self._around.cursor))
        self._writer.close()

    def close(self) -> None:
        """Hang up in good form: what was said arrives."""
        self._writer.close()

    def abort(self) -> None:
        """Break off, as a cut cable does."""
        self._writer.transport.abort()

    def _line(self, text: str) -> None:
        if not self._around.faults.drops_line:
            self._writer.write(text.encode() + b"\n")

    def _write(self, data: bytes, now: float = 0.0) -> None:
        if data and not self._around.faults.drops_line and not self._writer.is_closing():
            self._sent_at = now or asyncio.get_running_loop().time()
            self._writer.write(data)


def answer_to(challenge: str, key: str) -> str:
    """What proves the knowledge of `key`: the hash, and the key's last five characters."""
    return f"{hashlib.sha256(f'{challenge}|{key}'.encode()).hexdigest()}-{key[-5:]}"


def _fields(line: bytes) -> dict[str, str]:
    return {name: value for name, _, value in (part.partition("=") for part in line.decode().strip().split("|"))}
