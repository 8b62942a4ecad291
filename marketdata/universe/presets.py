"""Ready-made settings of symbols, as files to copy."""

from pathlib import Path

PRESETS: dict[str, dict[str, str]] = {
    ".env.popular": {"SYMBOL_MODE": "popular", "MAX_SYMBOLS": "150", "MAX_WEBSOCKET_SYMBOLS": "30"},
    ".env.all_stocks": {
        "SYMBOL_MODE": "all", "MAX_SYMBOLS": "500", "MAX_WEBSOCKET_SYMBOLS": "30", "SYMBOL_FILE": "assets.json",
        "BACKFILL_BATCH_SIZE": "10", "RATE_LIMIT_DELAY": "0.5",
    },
    ".env.large_cap": {"SYMBOL_MODE": "large", "MAX_SYMBOLS": "100", "MAX_WEBSOCKET_SYMBOLS": "30"},
    ".env.testing": {
        "SYMBOL_MODE": "custom", "SYMBOLS": "SPY,AAPL,/NQ", "MAX_SYMBOLS": "10", "MAX_WEBSOCKET_SYMBOLS": "10",
        "BACKFILL_BATCH_SIZE": "2", "BACKFILL_CONCURRENT_REQUESTS": "1",
    },
}  # fmt: skip


def write_presets(folder: Path) -> list[Path]:
    """The four files; one that is there already is left alone. Those that were written."""
    written: list[Path] = []
    for name, values in PRESETS.items():
        path = folder / name
        if path.exists():
            continue
        lines = [f"{key}={value}" for key, value in values.items()]
        path.write_text(
            "\n".join([f"# Copy what you want of this into .env ({name.removeprefix('.env.')}).", *lines]) + "\n"
        )
        written.append(path)
    return written
