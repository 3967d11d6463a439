"""``wsla dump``: the forms that a text takes on its way to a plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from wsla.cli.files import Unreadable, load_checked, read_source, show_diagnostics
from wsla.diagnostics.diagnostic import has_errors
from wsla.diagnostics.source import Span


@click.command("dump")
@click.argument("path")
@click.option(
    "--phase",
    type=click.Choice(["surface", "checked", "plan"]),
    default="plan",
    show_default=True,
    help="surface: as written; checked: names, types and defaults filled in; plan: what is run.",
)
def command(path: str, phase: str) -> None:
    """Print a form of an agreement as JSON. Spans are offsets into the text, [start, end)."""
    if phase == "surface":
        from wsla.syntax.parse import parse

        source = read_source(Path(path)) if Path(path).exists() else Unreadable(path, "there is no such file")
        if isinstance(source, Unreadable):
            show_diagnostics((), (source,), "full", err=True)
            raise click.exceptions.Exit(1)
        document, problems = parse(source)
        show_diagnostics(problems, (), "full", err=True)
        _print(document)
        raise click.exceptions.Exit(1 if has_errors(problems) else 0)
    agreements = load_checked(path)
    _print([agreement.checked if phase == "checked" else agreement.plan for agreement in agreements])


def _print(value: object) -> None:
    click.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))


def plain(value: object) -> Any:
    """Any form as values that JSON can hold; a node names its class under ``node``; fractions are texts."""
    if isinstance(value, Span):
        return [value.start, value.end]
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    fields: tuple[Any, ...] | None = getattr(type(value), "__attrs_attrs__", None)
    if fields is not None:
        names = [field.name for field in fields if not field.name.startswith("_")]
        return {"node": type(value).__name__} | {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
