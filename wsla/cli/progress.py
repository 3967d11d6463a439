"""A bar on the terminal for work that takes a while: how far it is, rows a second, and the time that is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_AFTER_SECONDS = 1.0


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int, int], None]]:
    """Gives what is called with how much is done, how much there is, and how many rows that were.

    Nothing is shown in the first second, nor where standard error is no terminal.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _whole, _rows: None
        return
    began = time.monotonic()
    bar: Any = None
    task: Any = None

    def advance(done: int, whole: int, rows: int) -> None:
        nonlocal bar, task
        taken = time.monotonic() - began
        if bar is None:
            if taken < _AFTER_SECONDS:
                return
            bar = _bar()
            bar.start()
            task = bar.add_task(title, total=whole or None, rate="")
        bar.update(task, completed=done, total=whole or None, rate=f"{int(rows / taken):,} rows/s")

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(stderr=True),
        transient=True,
    )
