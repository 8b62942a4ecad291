"""The one log of a run: coloured on the terminal, plain in a file that is kept small."""

import os
import sys
from logging import Formatter, LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

from honcho.printer import Message, Printer

_FILE_BYTES = 20_000_000
_FILES = 3


class RunLog(Printer):
    """honcho's printer, with a copy in `path` that goes on when the terminal's reader is gone (`./run demo | head`)."""

    def __init__(self, path: Path, output: TextIO | None = None) -> None:
        super().__init__(output or sys.stdout)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.reader_is_gone = False
        self._file = RotatingFileHandler(path, maxBytes=_FILE_BYTES, backupCount=_FILES)
        self._file.setFormatter(Formatter("%(message)s"))

    def write(self, message: Any) -> None:
        text = message.data.decode("utf-8", "replace") if isinstance(message.data, bytes) else message.data
        for line in text.splitlines():
            self._keep(f"{message.time:%Y-%m-%d %H:%M:%S} {message.name:<{self.width}} | {line}")
        self._show(Message(message.type, text, message.time, message.name, message.colour))

    def banner(self, lines: list[str]) -> None:
        """Lines without a prefix: what a person is waiting for."""
        for line in lines:
            self._keep(line)
        if not self.reader_is_gone:
            self._guarded_print("\n".join(["", *lines, ""]))

    def _keep(self, line: str) -> None:
        self._file.emit(LogRecord("run", 20, "", 0, line, None, None))

    def _show(self, message: Message) -> None:
        if self.reader_is_gone:
            return
        try:
            super().write(message)
        except BrokenPipeError:
            self._let_go()

    def _guarded_print(self, text: str) -> None:
        try:
            print(text, file=self.output, flush=True)
        except BrokenPipeError:
            self._let_go()

    def _let_go(self) -> None:
        self.reader_is_gone = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.output.fileno())  # or the interpreter complains at its end
