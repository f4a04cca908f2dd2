"""Callbacks that show or write down what happens."""

from __future__ import annotations

import csv
import io
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from densekit._arrays import flag, one_of
from densekit._checks import given, instance, short
from densekit._paths import file_path
from densekit.callbacks._base import Callback, Logs

if TYPE_CHECKING:
    from densekit.callbacks._history import History


class Progress(Callback):
    """Shows how far the training is, and its metrics.

    how: "bar" (tqdm, on stderr; lines where it is not installed), "lines" (one an epoch, on stdout), "silent".

    >>> progress = densekit.callbacks.Progress("lines")
    >>> progress.set_params({"epochs": 20})
    >>> progress.on_epoch_end(2, {"loss": 0.51234, "val_loss": 0.6})
    epoch 3/20  loss 0.5123  val_loss 0.6
    """

    def __init__(self, how: Literal["bar", "lines", "silent"] = "bar") -> None:
        self.how = one_of("Progress", "how", how, ("bar", "lines", "silent"))
        self._bar: Any = None
        self._stream: Any = None  # stderr after a bar; stdout, as it is when something is printed
        self._since: float | None = None

    @classmethod
    def for_verbose(cls, verbose: Any) -> Progress | None:
        """What fit's verbose means: 0 None, 1 a bar, 2 lines, "auto" a bar."""
        known = isinstance(verbose, int | np.integer | np.bool_) or (isinstance(verbose, str) and verbose == "auto")
        if not known or verbose not in (0, 1, 2, "auto"):
            raise ValueError(f"fit: verbose must be 0 (silent), 1 (a bar), 2 (lines) or 'auto', got {given(verbose)}")
        return None if verbose == 0 else cls("lines" if verbose == 2 else "bar")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._bar = self._stream = None
        if self.how != "bar":
            return
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return
        first, last = int(self.params.get("initial_epoch", 0)), self.params.get("epochs")
        self._bar = tqdm(total=last, initial=first, unit="epoch")

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._since = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self._bar is not None:
            self._bar.set_postfix({k: f"{v:.4g}" for k, v in (logs or {}).items()}, refresh=False)
            self._bar.update()
        elif self.how != "silent":
            of = f"/{self.params['epochs']}" if "epochs" in self.params else ""
            took = [] if self._since is None else [f"{time.perf_counter() - self._since:.2f} s"]
            shown = [f"{k} {v:.4g}" for k, v in (logs or {}).items()]
            print("  ".join([f"epoch {epoch + 1}{of}", *took, *shown]), file=sys.stdout, flush=True)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar, self._stream = None, sys.stderr

    def show_restored(self, history: History) -> None:
        """The last line, where the weights are not those of the last epoch shown. Called after on_train_end."""
        from densekit.callbacks._history import History

        epoch = instance("show_restored", "history", history, History, "a History, as fit returns").restored_epoch
        if self.how != "silent" and epoch is not None and epoch != history.epoch[-1]:
            shown = [f"{k} {v:.4g}" for k, v in history.now().items()]
            line = "  ".join([f"the weights are those of epoch {epoch + 1}", *shown])
            print(line, file=self._stream or sys.stdout, flush=True)


class CSVLogger(Callback):
    """Writes the logs of each epoch to a file as a line of values with all digits, at once.

    path: the file. separator: between values. append: go on with a file that exists, under its columns; a last line
    that a crash has cut is taken away. Without append the file begins anew, as in Keras.
    The columns are epoch (from 0) and the keys of the first epoch; a later key that is not among them is a ValueError.
    A line is written whole or, where the disk is full, not at all.

    >>> densekit.callbacks.CSVLogger("log.csv").append
    False
    """

    def __init__(self, path: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        self.path = file_path("CSVLogger", "path", path)
        if not isinstance(separator, str) or len(separator) != 1:
            raise ValueError(f"CSVLogger: separator must be one character, got {short(separator)}")
        self.separator, self.append = separator, flag("CSVLogger", "append", append)
        self._columns: list[str] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._columns = None
        if self.append and os.path.exists(self.path):
            with open(self.path, newline="", encoding="utf-8") as file:
                self._columns = next(csv.reader(file, delimiter=self.separator), None)
            if self._columns is not None and not _end_the_last_line(self.path, self._columns, self.separator):
                self._columns = None
        if self._columns is None:
            os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
            open(self.path, "w", encoding="utf-8").close()  # a file that cannot be written is known before the training

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        row: dict[str, Any] = {"epoch": epoch, **(logs or {})}
        fresh = self._columns is None
        columns = self._columns = list(row) if self._columns is None else self._columns
        if extra := [key for key in row if key not in columns]:
            raise ValueError(f"CSVLogger: {self.path} has the columns {columns}, but there is also {extra[0]!r}")
        lines = io.StringIO()
        writer = csv.writer(lines, delimiter=self.separator)
        if fresh:
            writer.writerow(columns)
        writer.writerow([repr(float(row[k])) if k != "epoch" and k in row else row.get(k, "") for k in columns])
        _append_whole(self.path, lines.getvalue().encode())


def _append_whole(path: str, data: bytes) -> None:
    """Appends the bytes and hands them to the system; a part that a full disk took is taken back."""
    with open(path, "ab", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
        except BaseException:
            file.truncate(end)
            raise


def _end_the_last_line(path: str, columns: list[str], separator: str) -> bool:
    """Makes the file end with a whole line; False if nothing is left of it.

    A last line without its end is complete if it has all values, as of programs that write no last end of a line; else
    a crash has cut it, and it is taken away.
    """
    with open(path, "r+b") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole == len(content):
            return True
        last = next(csv.reader([content[whole:].decode(errors="replace")], delimiter=separator), [])
        if len(last) == len(columns):
            file.write(b"\r\n")
            return True
        file.truncate(whole)
        return whole > 0
