"""The agreements that the product judges by, with the term of the task."""

from __future__ import annotations

from pathlib import Path

import wsla
from benchmarks.task import Task, instant
from wsla.api import Agreement

_FOLDER = Path(__file__).resolve().parents[1]
_TERM = "2026-09-01 until 2026-10-01"

MONTH_END = instant("2026-10-01")
"""By then every window of September has ended."""


def agreement(name: str, task: Task) -> Agreement:
    """Reads, checks and plans one of the texts beside this folder."""
    text = (_FOLDER / name).read_text("utf-8")
    assert _TERM in text
    return wsla.loads(text.replace(_TERM, f"{task.first} until {task.after}"), name)
