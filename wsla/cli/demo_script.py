"""What the demo makes happen, and when: all in shares of a window, so that it can be longer or shorter."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from attrs import frozen

from wsla.cli.demo_servers import Mood
from wsla.values.instants import MILLISECOND, SECOND, format_length

SHORTEST: Final = 20
LONGEST: Final = 80
USUAL: Final = 45
TITLE: Final = "Coffee API"

_WRITTEN_WINDOW: Final = 10 * SECOND
# Two windows out of nine of the time: a part of one before the script begins, three of the script, and the closing.
_PER_WINDOW: Final = (2, 9)
# In the script's second window, in per cent of it.
_SLOW_AT: Final = 15
_DOWN_AT: Final = 35
_UP_AT: Final = 80
_WINDOWS: Final = 3


@frozen
class Script:
    """The script for windows of a length in nanoseconds."""

    window: int

    @classmethod
    def lasting(cls, seconds: int) -> Script:
        """The script that takes about so many seconds, at most."""
        share, of = _PER_WINDOW
        return cls(seconds * share // of * SECOND)

    @property
    def outage_noticed_after(self) -> int:
        """How long an outage lasts before somebody is told."""
        return self.window // 5

    def text(self, shipped: str) -> str:
        """The shipped agreement with this script's lengths; its examples speak of ten seconds, and go with them."""
        if self.window == _WRITTEN_WINDOW:
            return shipped
        changed = shipped[: shipped.index('\ntest "')]
        for written, length in (("each 10s", self.window), ("up for 2s", self.outage_noticed_after)):
            assert written in changed
            word, _, _ = written.rpartition(" ")
            changed = changed.replace(written, f"{word} {_quantity(length)}")
        return changed.replace("Ten seconds are", f"{format_length(self.window).capitalize()} is")

    def moods(self, boundary: int) -> tuple[tuple[int, Mood], ...]:
        """From when on the service is in which mood; ``boundary`` is the start of the script's first window."""
        second = boundary + self.window
        return (
            (second + self.window * _SLOW_AT // 100, Mood.SLOW),
            (second + self.window * _DOWN_AT // 100, Mood.DOWN),
            (second + self.window * _UP_AT // 100, Mood.UP),
        )

    def end(self, boundary: int) -> int:
        """The end of the last window of the script."""
        return boundary + _WINDOWS * self.window


def shipped_agreement() -> str:
    """The text of the demo's agreement: in the installed package, else in the checkout around it."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "specs", package.parent / "specs"):
        file = folder / "demo.sla"
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise FileNotFoundError("demo.sla is missing from this installation of wsla")


def _quantity(length: int) -> str:
    return f"{length // SECOND}s" if length % SECOND == 0 else f"{length // MILLISECOND}ms"
