"""Stored history: where it lies, how it is fetched, and which symbols make up the universe."""

from fortified.settings.environment import VAR_DIR, choice, env, integer, number

ARCHIVE_DIR = env.str("ARCHIVE_DIR", default="") or str(VAR_DIR / "archive")
DATA_DIR = env.str("DATA_DIR", default="") or str(VAR_DIR / "data")  # files that studies may read when asked over HTTP
ARCHIVE_TICK_DAYS = integer("ARCHIVE_TICK_DAYS", 0, minimum=0)  # 0: prints are kept for ever
ARCHIVE_BAR_DAYS = integer("ARCHIVE_BAR_DAYS", 0, minimum=0)
RECORD_FEEDS = env.bool("RECORD_FEEDS", default=True)  # what running feeds receive, to disk and into the archive
FEEDS_RUN_AHEAD = env.bool("FEEDS_RUN_AHEAD", default=True)  # real-time priority for feeds and our own Redis
RECORDING_DAYS = integer("RECORDING_DAYS", 7, minimum=0)  # recordings of feeds and books, for repeating; 0: for ever

# How far back a first fetch goes: a timeframe takes the days of the largest one named that it reaches.
BACKFILL_DAYS = env.str("BACKFILL_DAYS", default="") or "1s=2,1=30,5=60,15=120,1h=365,1d=730,ticks=5,volume=5"
BACKFILL_BATCH_SIZE = integer("BACKFILL_BATCH_SIZE", 10, minimum=1)  # symbols
BACKFILL_CONCURRENT_REQUESTS = integer("BACKFILL_CONCURRENT_REQUESTS", 3, minimum=1)
RATE_LIMIT_DELAY = number("RATE_LIMIT_DELAY", 0.5, minimum=0.0)  # seconds between the beginnings of two requests

STREAMS_HELD_MB = integer("STREAMS_HELD_MB", 1536, minimum=1)  # what books have not read is kept while Redis uses less

SYMBOL_MODE = choice("SYMBOL_MODE", "popular", ("popular", "all", "large", "mid", "small", "custom"))
SYMBOLS = [each.strip() for each in env.str("SYMBOLS", default="").split(",") if each.strip()]
SYMBOL_FILE = env.str("SYMBOL_FILE", default="")  # a list of assets that somebody exported
MAX_SYMBOLS = integer("MAX_SYMBOLS", 500, minimum=1)
MAX_WEBSOCKET_SYMBOLS = integer("MAX_WEBSOCKET_SYMBOLS", 30, minimum=1)

# Files for people, beside the database: paper_trades/ and trade_states/.
PAPER_TRADES_BACKUP = env.bool("PAPER_TRADES_BACKUP", default=False)
BACKUP_DIR = env.str("BACKUP_DIR", default="") or str(VAR_DIR / "backup")
