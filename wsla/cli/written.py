"""Files that a verb makes: where they go, and what is said of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click
from attrs import frozen

from wsla.cli.files import Unreadable, exit_code, show_diagnostics
from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText
from wsla.values.records import Record

_PASSING = frozenset({"W1010", "W1020"})
"""Remarks of which there can be many, so that a line each must do."""


@frozen(kw_only=True, eq=False, repr=False)
class Written(Record):
    """What was made of one file: texts with the path of each (None: standard output), and what is wrong with it."""

    path: str
    format: str | None = None
    texts: tuple[tuple[str | None, str], ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    summary: str = ""


def needs(library: str | None) -> str:
    """How a library that a format needs is installed."""
    extra = "openslo" if library == "yaml" else "calendar"
    return f"pip install 'wsla[{extra}]'"


def told(text: str) -> SourceText:
    """A text that was made, as one that can be read."""
    return SourceText(name="<made>", text=text)


def place_for(
    name: str, output: str | None, *, force: bool, folder: bool
) -> tuple[str | None, tuple[Unreadable, ...]]:
    """Where a file goes, and why it cannot. ``output`` is a folder if ``folder``, if one is there, or by its end."""
    if output is None:
        return None, ()
    path = output
    if folder or output.endswith("/") or os.path.isdir(output):
        path = os.path.join(output, name)
    if os.path.exists(path) and not force:
        return path, (Unreadable(path, "this file is there already; --force replaces it"),)
    return path, ()


def show(
    results: Sequence[Written],
    diagnostics: Sequence[Diagnostic],
    unreadable: Sequence[Unreadable],
    output: str | None,
    output_format: str,
    *,
    empty_is_wrong: bool = False,
) -> None:
    """Writes the texts, says what is wrong, and ends the program with its exit code."""
    refused = [*unreadable]
    there = {one.path for one in unreadable}
    if output is not None:
        for path, text in (text for written in results for text in written.texts):
            if path is not None and path not in there:
                refused += _write(path, text)
    if output_format == "json":
        import json

        from wsla.diagnostics.render import to_json

        shown = {
            "files": [
                {
                    "path": written.path,
                    "format": written.format,
                    "written": [{"path": path, "text": text} for path, text in written.texts],
                    "diagnostics": [to_json(one) for one in written.diagnostics],
                }
                for written in results
            ],
            "unreadable": [{"path": one.path, "message": one.reason} for one in refused],
        }
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        if output is None:
            for _, text in (text for written in results for text in written.texts):
                click.echo(text, nl=False)
        full = [one for one in diagnostics if one.code not in _PASSING]
        passing = [one for one in diagnostics if one.code in _PASSING]
        show_diagnostics(full, refused, "concise" if output_format == "concise" else "full", err=True)
        show_diagnostics(passing, (), "concise", err=True)
        for written in results:
            if written.summary:
                where = ", ".join(path for path, _ in written.texts if path is not None)
                click.echo(f"{written.path}{f' -> {where}' if where else ''}: {written.summary}", err=True)
    sys.stdout.flush()
    nothing = empty_is_wrong and not any(written.texts for written in results)
    raise click.exceptions.Exit(1 if nothing else exit_code(diagnostics, refused))


def _write(path: str, text: str) -> list[Unreadable]:
    try:
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as problem:
        return [Unreadable(path, f"it cannot be written: {(problem.strerror or 'unknown reason').lower()}")]
    return []
