"""``wsla fmt``: the one standard way to lay an agreement out."""

from __future__ import annotations

import sys

import click

from wsla.cli.files import (
    Unreadable,
    format_option,
    plural,
    read_source,
    show_diagnostics,
    sla_files,
    write_text,
)
from wsla.diagnostics.diagnostic import Diagnostic, has_errors
from wsla.diagnostics.source import SourceText


@click.command("fmt")
@click.argument("paths", nargs=-1, required=True)
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 where a file would change.")
@format_option("text", "json", default="text")
def command(paths: tuple[str, ...], check: bool, output_format: str) -> None:
    """Lay agreements out in the one standard way. Comments stay where they are; the meaning never changes.

    PATHS are .sla files, folders, or - for standard input. A file with a syntax error is left alone.
    """
    from wsla.syntax.formatter import format_document
    from wsla.syntax.parse import parse

    if paths == ("-",):
        try:
            source = SourceText(name="<stdin>", text=sys.stdin.buffer.read().decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise click.ClickException("standard input is not UTF-8") from None
        document, problems = parse(source)
        if has_errors(problems):
            show_diagnostics(problems, (), "full", err=True)
            raise click.exceptions.Exit(1)
        click.echo(format_document(document, source), nl=False)
        return
    files, unreadable = sla_files(paths)
    diagnostics: list[Diagnostic] = []
    changed: list[str] = []
    for path in files:
        read = read_source(path)
        if isinstance(read, Unreadable):
            unreadable.append(read)
            continue
        document, found = parse(read)
        if has_errors(found):
            diagnostics.extend(found)
            continue
        formatted = format_document(document, read)
        with open(path, "rb") as file:
            before = file.read()
        if formatted.encode() != before:
            changed.append(path)
            if not check and (problem := write_text(path, formatted)) is not None:
                unreadable.append(problem)
    broken = bool(diagnostics or unreadable)
    if output_format == "json":
        import json

        result = {
            "changed": changed,
            "written": not check,
            "unreadable": [found.path for found in unreadable],
        }
        click.echo(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        for name in changed:
            click.echo(f"{'would change' if check else 'formatted'} {name}")
    show_diagnostics(diagnostics, unreadable, "full", err=True)
    if output_format != "json":
        done = plural(len(files) - len(changed), "file")
        click.echo(f"{done} already in form, {len(changed)} {'to change' if check else 'changed'}", err=True)
    raise click.exceptions.Exit(1 if broken or (check and changed) else 0)
