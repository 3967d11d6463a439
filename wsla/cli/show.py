"""Tables on a terminal, and the colours of verdicts in them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

import click

from wsla.cli.claims import STYLES as CLAIM_STYLES
from wsla.cli.files import wants_colour
from wsla.evaluation.verdicts import Verdict

_AT_ONCE: Final = 1_000
"""So many lines are printed together."""

STYLES = {
    Verdict.MET: "green",
    Verdict.SECURED: "green",
    Verdict.ON_TRACK: "green",
    Verdict.AT_RISK: "yellow",
    Verdict.UNKNOWN: "yellow",
    Verdict.VIOLATED: "red",
    Verdict.LOST: "red",
}


def print_table(rows: Sequence[dict[str, str]], title: str, styles: Iterable[str | None] = ()) -> None:
    """A table as wide as it needs to be; columns that are empty in every row are left out."""
    columns = [name for name in (rows[0] if rows else {}) if any(row[name] for row in rows)]
    if not wants_colour(sys.stdout):
        _print_plain(rows, columns, title)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold", pad_edge=False)
    for name in columns:
        # These are read out, or typed again: they are shown whole in any width.
        whole = max(len(row[name]) for row in rows) if name in ("state", "name") else None
        table.add_column(
            name,
            justify="right" if name in ("measured", "known", "amount", "budget left") else "left",
            min_width=whole,
        )
    chosen = list(styles) or [None] * len(rows)
    for row, style in zip(rows, chosen, strict=True):
        cells = [Text(row[name], style=_style(name, row[name], style)) for name in columns]
        table.add_row(*cells)
    Console().print(table)


def _style(column: str, text: str, style: str | None) -> str:
    if column == "state":
        return next((found for state, found in CLAIM_STYLES.items() if state.value == text), "")
    return style or "" if column in ("verdict", "kind") else ""


def _print_plain(rows: Sequence[dict[str, str]], columns: list[str], title: str) -> None:
    _print_lines(rows, {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}, title)


def print_long_table(rows: Callable[[], Iterable[dict[str, str]]], title: str, counted: str) -> Counter[str]:
    """Prints a table of so many rows that they are made twice and not kept, as ``print_table`` does without colour.

    Gives how many rows have each text in the column ``counted``.
    """
    widths: dict[str, int] = {}
    counts: Counter[str] = Counter()
    for row in rows():
        counts[row[counted]] += 1
        for name, text in row.items():
            if len(text) > widths.get(name, 0):
                widths[name] = len(text)
    names = [name for name in next(iter(rows()), {}) if name in widths]
    _print_lines(rows(), {name: max(len(name), widths[name]) for name in names}, title)
    return counts


def _print_lines(rows: Iterable[dict[str, str]], widths: Mapping[str, int], title: str) -> None:
    click.echo(title)
    click.echo("  ".join(name.ljust(width) for name, width in widths.items()).rstrip())
    coming = ("  ".join([row[name].ljust(width) for name, width in widths.items()]).rstrip() for row in rows)
    while lines := list(islice(coming, _AT_ONCE)):
        click.echo("\n".join(lines))
