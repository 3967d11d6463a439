"""An explanation for people, a line a statement, each under what it explains; and for machines."""

from __future__ import annotations

import textwrap
from typing import Any

import click

from wsla.cli.paint import Paint
from wsla.evaluation.verdicts import Verdict
from wsla.explaining.statements import Statement, Tone
from wsla.reporting.verdicts import exact
from wsla.testing.findings import State

_WIDTH = 100
_COLOURS = {Tone.GOOD: "green", Tone.BAD: "red", Tone.UNSURE: "yellow", Tone.NEUTRAL: None}
_CELLS = {
    State.GOOD: Verdict.MET,
    State.BAD: Verdict.VIOLATED,
    State.UNKNOWN: Verdict.UNKNOWN,
    State.NOTHING: Verdict.NOT_APPLICABLE,
}
_HEADINGS = frozenset({"goal", "basis", "consequences"})


def print_explanation(statement: Statement, paint: Paint, depth: int = 0) -> None:
    """Prints a statement and, indented below it, what it rests on."""
    indent = "  " * depth
    place = f"  ({statement.place})" if statement.place is not None else ""
    lines = textwrap.wrap(
        f"{statement.text}{place}",
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    style = _COLOURS[statement.tone] if statement.kind in ("verdict", "observed", "delivery") else None
    for line in lines:
        click.echo(paint.text(line, style, bold=statement.kind in _HEADINGS))
    if statement.timeline:
        cells = paint.timeline([_CELLS[state] for state in statement.timeline])
        legend = ", ".join(
            f"{paint.timeline([_CELLS[state]])} {'not looked at' if state is State.NOTHING else state.value}"
            for state in State
            if state in statement.timeline
        )
        click.echo(f"{indent}  {cells}  {legend}")
    for below in statement.because:
        print_explanation(below, paint, depth + 1)


def statement_value(statement: Statement) -> dict[str, Any]:
    """A statement for machines: numbers exact as texts."""
    value: dict[str, Any] = {
        "kind": statement.kind,
        "text": statement.text,
        "place": statement.place,
        "facts": {name: exact(fact) for name, fact in statement.facts},
    }
    if statement.timeline:
        value["timeline"] = [state.value for state in statement.timeline]
    return value | {"because": [statement_value(below) for below in statement.because]}
