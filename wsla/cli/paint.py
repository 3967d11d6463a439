"""Colour and block characters where the reader's screen has them, plain text where not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from attrs import define, field

from wsla.cli.files import wants_colour
from wsla.evaluation.verdicts import Verdict

WIDEST = 60
"""Cells of a timeline; more windows than that share cells."""

# From harmless to bad: where windows share a cell, the worst of them is shown.
SEVERITY = (
    Verdict.NOT_APPLICABLE,
    Verdict.MET,
    Verdict.SECURED,
    Verdict.ON_TRACK,
    Verdict.UNKNOWN,
    Verdict.AT_RISK,
    Verdict.LOST,
    Verdict.VIOLATED,
)
_GROUPS = (
    ("good", "green", "▁", "_", frozenset({Verdict.MET, Verdict.SECURED, Verdict.ON_TRACK})),
    ("unknown", "yellow", "░", "?", frozenset({Verdict.UNKNOWN})),
    ("at risk", "yellow", "▄", "!", frozenset({Verdict.AT_RISK})),
    ("missed", "red", "█", "X", frozenset({Verdict.VIOLATED, Verdict.LOST})),
    ("not applicable", "bright_black", "·", ".", frozenset({Verdict.NOT_APPLICABLE})),
)


@define
class Paint:
    """Paints for one stream: ``colour`` and ``blocks`` say what it can show."""

    stream: Any
    colour: bool = field(init=False)
    blocks: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.colour = wants_colour(self.stream)
        try:
            "▁░▄█·→–".encode(getattr(self.stream, "encoding", None) or "ascii")
            self.blocks = True
        except (UnicodeEncodeError, LookupError):
            self.blocks = False

    def line(self, text: str = "") -> None:
        """Writes a line."""
        click.echo(text, file=self.stream)

    def text(self, text: str, style: str | None = None, *, bold: bool = False) -> str:
        """The text in a colour of click's names, where colours are shown."""
        return click.style(text, fg=style, bold=bold or None) if self.colour and text else text

    def faint(self, text: str) -> str:
        """Text of lesser weight."""
        return self.text(text, "bright_black")

    def timeline(self, verdicts: Sequence[Verdict]) -> str:
        """A cell for each window in order; beyond ``WIDEST`` several windows share a cell, and the worst is shown."""
        count = len(verdicts)
        cells = min(count, WIDEST)
        shown = []
        for number in range(cells):
            shared = verdicts[number * count // cells : (number + 1) * count // cells]
            shown.append(self._cell(max(shared, key=SEVERITY.index)))
        return "".join(shown)

    def legend(self) -> str:
        """What the cells of a timeline mean."""
        return ", ".join(
            f"{self.text(block if self.blocks else plain, style)} {name}"
            for name, style, block, plain, _ in _GROUPS
        )

    def cell_of(self, verdict: Verdict) -> str:
        """The character of a verdict, without its colour."""
        _, _, block, plain, _ = next(group for group in _GROUPS if verdict in group[4])
        return block if self.blocks else plain

    def _cell(self, verdict: Verdict) -> str:
        style = next(group[1] for group in _GROUPS if verdict in group[4])
        return self.text(self.cell_of(verdict), style)
