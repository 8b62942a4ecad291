"""The record of what was traded, as files for an accountant, an auditor or a regulator."""

import csv
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db.models import Model, QuerySet
from django.utils import timezone

from infra.spreadsheet import cell
from trading.backup import journals
from trading.models import Adjustment, CommandRecord, Decision, Fill, Order, Trade

# File → its model, the column that says when, and what is written of each row. Relations are written by their names.
FILES: dict[str, tuple[type[Model], str, tuple[str, ...]]] = {
    "orders": (Order, "created_at", (
        "created_at", "updated_at", "book__name", "book__mode", "client_id", "venue_id", "strategy", "symbol",
        "contract", "broker", "side", "type", "intent", "quantity", "filled_quantity", "average_price", "limit_price",
        "stop_price", "state", "reason", "state_reason", "parent", "group", "timeline",
    )),
    "fills": (Fill, "at", (
        "at", "ts", "order__book__name", "order__book__mode", "order__client_id", "order__venue_id", "fill_id",
        "order__strategy", "symbol", "broker", "side", "quantity", "price", "fee",
    )),
    "trades": (Trade, "exit_at", (
        "exit_at", "entry_at", "book__name", "mode", "trade_id", "strategy", "symbol", "broker", "side", "quantity",
        "entry_price", "exit_price", "pnl", "fees", "entry_order__client_id", "exit_order__client_id", "entry_reason",
        "exit_reason",
    )),
    "refusals": (Decision, "at", (
        "at", "book__name", "strategy", "symbol", "rule", "value", "limit", "reason", "client_id",
    )),
    "commands": (CommandRecord, "created_at", (
        "created_at", "book__name", "kind", "by__email", "state", "detail", "payload",
    )),
    "adjustments": (Adjustment, "at", (
        "at", "book__name", "policy", "strategy", "symbol", "broker", "side", "quantity", "price", "ours", "theirs",
        "reason", "by",
    )),
}  # fmt: skip


def export(folder: Path, *, first: date, last: date, book: str = "") -> dict[str, Any]:
    """Write one CSV per kind of record of the UTC days `first` to `last` (of one book, where named) into `folder`, and
    a manifest with counts, digests and the state of the journals; the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    begin = datetime.combine(first, time(), UTC)
    end = datetime.combine(last, time(), UTC) + timedelta(days=1)
    files = {}
    for name, (model, when, columns) in FILES.items():
        rows = model._default_manager.filter(**{f"{when}__gte": begin, f"{when}__lt": end}).order_by(when, "pk")
        if name == "refusals":
            rows = rows.filter(kind=Decision.Kind.DENIED)
        if book:
            rows = rows.filter(**{"order__book__name" if model is Fill else "book__name": book})
        path = folder / f"{name}.csv"
        count = _write(path, rows, columns)
        files[path.name] = {"rows": count, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    manifest = {
        "first": first.isoformat(),
        "last": last.isoformat(),
        "book": book or None,
        "made_at": timezone.now().isoformat(),
        "files": files,
        "journals": [each for each in journals() if book in ("", each["book"])],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest


def _write(path: Path, rows: QuerySet[Any], columns: tuple[str, ...]) -> int:
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([column.replace("__", "_") for column in columns])
        for values in rows.values_list(*columns).iterator():
            writer.writerow(list(_texts(values)))
            count += 1
    return count


def _texts(values: tuple[Any, ...]) -> Iterator[str]:
    """Exact numbers, ISO times in UTC, JSON for what is a list; an empty field where there is nothing."""
    for value in values:
        if value is None:
            yield ""
        elif isinstance(value, Decimal):
            yield f"{value.normalize():f}"
        elif isinstance(value, datetime):
            yield value.astimezone(UTC).isoformat()
        elif isinstance(value, list | dict):
            yield json.dumps(value)
        else:
            yield cell(str(value))
