"""The demo's lines: time, who, what; and on a terminal one last line that moves."""

from __future__ import annotations

import textwrap
import time
from typing import Any

import click
from attrs import define, field

from wsla.cli.demo_watch import Look
from wsla.cli.paint import Paint

WIDTH = 100
_INDENT = 20
_LOOKS = {
    Look.GOOD: ("▁", "_", "green"),
    Look.SLOW: ("▄", "s", "yellow"),
    Look.BAD: ("█", "X", "red"),
    Look.UNKNOWN: ("░", "?", "yellow"),
}


@define
class Screen:
    """Prints as things happen, or only collects events where ``silent``."""

    silent: bool
    paint: Paint
    events: list[dict[str, Any]] = field(factory=list)
    _began: float | None = None
    _moving: str = ""

    def paragraph(self, text: str) -> None:
        """Text without a time, as wide as the screen."""
        for line in textwrap.wrap(text, WIDTH - 4):
            self.say(f"  {line}")
        self.say()

    def say(self, text: str = "", style: str | None = None, *, bold: bool = False) -> None:
        """A line without a time."""
        if not self.silent:
            self._erase()
            click.echo(self.paint.text(text, style, bold=bold))
            self._draw()

    def event(self, who: str, text: str, style: str | None = None, looks: tuple[Look, ...] = ()) -> None:
        """Something happened: who it concerns, and what it is."""
        now = time.monotonic()
        if self._began is None:
            self._began = now
        seconds = now - self._began
        self.events.append({"seconds": round(seconds, 1), "who": who, "what": text})
        if self.silent:
            return
        self._erase()
        lines = textwrap.wrap(text, WIDTH - _INDENT) or [""]
        head = f"{seconds:6.1f} s  {who:<8}  "
        click.echo(self.paint.faint(head) + self.paint.text(lines[0], style))
        for line in lines[1:]:
            click.echo(" " * len(head) + self.paint.text(line, style))
        if looks:
            click.echo(" " * len(head) + self.strip(looks[-(WIDTH - _INDENT) :]))
        self._draw()

    def move(self, looks: tuple[Look, ...]) -> None:
        """On a terminal, shows the latest probes in a line that stays at the bottom."""
        if self.silent or not self.paint.colour:
            return
        strip = self.strip(looks[-(WIDTH - _INDENT - 12) :])
        moving = self.paint.faint(f"{'':10}{'probes':<8}  ") + strip
        if moving != self._moving:
            self._erase()
            self._moving = moving
            self._draw()

    def rest(self) -> None:
        """Takes the moving line away."""
        self._erase()
        self._moving = ""

    def strip(self, looks: tuple[Look, ...]) -> str:
        """A cell for each probe."""
        cells = [(_LOOKS[look][0 if self.paint.blocks else 1], _LOOKS[look][2]) for look in looks]
        return "".join(self.paint.text(cell, style) for cell, style in cells)

    def legend(self) -> str:
        """What the cells mean."""
        return "  ".join(f"{self.strip((look,))} {look.value}" for look in Look)

    def _erase(self) -> None:
        if self._moving:
            click.echo("\r\x1b[K", nl=False)

    def _draw(self) -> None:
        if self._moving:
            click.echo(self._moving, nl=False)
