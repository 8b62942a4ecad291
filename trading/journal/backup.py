"""Paper trades and positions as files for people, where that is asked for (`PAPER_TRADES_BACKUP`); the database stays
the truth."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.model.event import Event
from engine.model.positions import PositionChanged, TradeClosed
from engine.model.time import to_datetime
from infra import codec

logger = logging.getLogger(__name__)


def back_up(book: str, outputs: Sequence[Event], *, folder: Path) -> None:
    """Append each closed trade to `paper_trades/{day}.jsonl`, and write the state of each position that changed to
    `trade_states/{strategy}_{symbol}_{broker}.json`. A disk that fails is told and stops nothing."""
    try:
        for event in outputs:
            if isinstance(event, TradeClosed):
                day = to_datetime(event.exit_ts).date().isoformat()
                _append(folder / "paper_trades" / f"{day}.jsonl", {"book": book, **codec.to_builtins(event)})
            elif isinstance(event, PositionChanged):
                name = f"{event.strategy}_{event.symbol}_{event.broker}".replace("/", "").replace(" ", "")
                _replace(folder / "trade_states" / f"{name}.json", {"book": book, **codec.to_builtins(event)})
    except OSError as error:
        logger.warning("the files of book %s could not be written: %s", book, error)


def _append(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(document) + "\n")


def _replace(path: Path, document: dict[str, Any]) -> None:
    """Whole or not at all: a reader never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(document, indent=1) + "\n")
    draft.replace(path)
