"""How the product logs: one line a record, with its strategy and symbol, and never a secret."""

import logging
import re
from copy import copy
from typing import Any

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_REDACTED = "[redacted]"
_secrets: set[str] = set()
_SHORTEST_SECRET = 6  # shorter ones would redact ordinary words

_PATTERNS = (
    # Authorization: Bearer abc / Basic abc
    re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"),
    # token=abc, "access_token": "abc", password: abc, client_secret=abc, api-key: abc
    re.compile(
        r"(?i)([\"']?\b[\w-]*(?:token|secret|password|passwd|api[_-]?key|authorization)\b[\"']?\s*[:=]\s*)"
        r"([\"']?)(?!\[redacted\])[^\s\"',;&}\])]{4,}"
    ),
    # a JSON web token, wherever it stands
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    # what a broker's consent page sends a browser back with
    re.compile(r"(?i)([?&](?:code|state)=)[^&\s\"'<>]+"),
    # user:password@ in a URL
    re.compile(r"(?<=://)([^:/\s@]*):([^@/\s]+)@"),
)
_REPLACEMENTS = (rf"\1 {_REDACTED}", rf"\1\2{_REDACTED}", _REDACTED, rf"\1{_REDACTED}", rf"\1:{_REDACTED}@")


def register_secret(value: str) -> None:
    """From now on `value` appears in no log line."""
    if len(value) >= _SHORTEST_SECRET:
        _secrets.add(value)


def forget_secret(value: str) -> None:
    """`value` is worth nothing any more: log lines need not be searched for it."""
    _secrets.discard(value)


def scrub(text: str) -> str:
    """`text` without registered secrets and without what looks like a credential."""
    # Patterns first: a secret that is an ordinary word would break the names by which they know what follows.
    for pattern, replacement in zip(_PATTERNS, _REPLACEMENTS, strict=True):
        text = pattern.sub(replacement, text)
    for secret in _secrets:
        text = text.replace(secret, _REDACTED)
    return text


def _is_away(error: BaseException | None) -> bool:
    """Whether a PostgreSQL did not answer, or ended the connection (SQLSTATE classes 08 and 57)."""
    cause = error.__cause__ if error is not None else None
    is_of_driver = type(cause).__module__.partition(".")[0] == "psycopg" and type(error).__name__ == "OperationalError"
    return is_of_driver and (getattr(cause, "sqlstate", None) or "08")[:2] in {"08", "57"}


class ScrubbingFormatter(logging.Formatter):
    """Formats a record with its extra `strategy` and `symbol`, then redacts message and traceback alike. A database
    that is away is told in one line: every task meets it, and where each of them did says nothing."""

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info and _is_away(error := record.exc_info[1]):
            record = copy(record)
            record.msg, record.args = f"{record.getMessage().strip()} ({error})".replace("\n\t", " "), ()
            record.exc_info = record.exc_text = None
        parts = [str(getattr(record, name)) for name in ("book", "strategy", "symbol") if getattr(record, name, "")]
        record.context = f" [{' '.join(parts)}]" if parts else ""
        return scrub(super().format(record))


CHATTER = (
    "celery.app.trace",
    "celery.beat",
    "celery.worker.strategy",
    "daphne.server",
    "django_celery_beat.schedulers",
    "httpx",
)


def logging_config(level: str) -> dict[str, Any]:
    """`logging.config.dictConfig` input: everything to standard error, which process managers collect."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "infra.logging.ScrubbingFormatter",
                "format": "{asctime}.{msecs:03.0f} {levelname:<7} {name}{context}: {message}",
                "datefmt": "%Y-%m-%dT%H:%M:%S",
                "style": "{",
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's own handlers would print a second, unscrubbed copy.
            "django": {"level": level, "handlers": [], "propagate": True},
            "django.server": {"level": level, "handlers": [], "propagate": True},
            "daphne.http_protocol": {"level": "WARNING"},
            # Several lines for each of the tasks that run every two seconds: for DEBUG only.
            **{name: {"level": "WARNING" if level == "INFO" else level} for name in CHATTER},
        },
    }
