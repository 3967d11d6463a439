"""Tables on a terminal, and the colours of verdicts in them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

from wsla.cli.claims import STYLES as CLAIM_STYLES
from wsla.cli.files import wants_colour
from wsla.evaluation.verdicts import Verdict

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
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}
    click.echo(title)
    click.echo("  ".join(name.ljust(widths[name]) for name in columns).rstrip())
    for row in rows:
        click.echo("  ".join(row[name].ljust(widths[name]) for name in columns).rstrip())
