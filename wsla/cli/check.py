"""``wsla check``: every mistake in one pass."""

from __future__ import annotations

import sys

import click
from attrs import evolve

from wsla.cli.files import (
    Unreadable,
    count_of,
    exit_code,
    format_option,
    plural,
    read_sources,
    show_diagnostics,
    write_text,
)
from wsla.diagnostics.source import SourceText

_MOST_ROUNDS = 100


@click.command("check")
@click.argument("paths", nargs=-1, required=True)
@format_option("full", "concise", "json", "sarif", default="full")
@click.option("--fix", is_flag=True, help="Apply suggestions that cannot change what was meant, then check.")
@click.option("--quiet", "-q", is_flag=True, help="Print problems only, no closing line.")
def command(paths: tuple[str, ...], output_format: str, fix: bool, quiet: bool) -> None:
    """Find every mistake in agreements: names, units, tiers, times, and promises that cannot be measured.

    PATHS are .sla files, or folders that are searched for them. Exit code 0: no errors; 1: errors; 2: wrong usage.
    """
    from wsla.analysis.check import check_together

    sources, unreadable = read_sources(paths)
    if fix:
        sources = [_mend(source, unreadable) for source in sources]
    # A mistake in a file that several import is said once.
    diagnostics = check_together(sources)
    if len(diagnostics) > 1:
        from wsla.diagnostics.assembled import merged

        diagnostics = merged(diagnostics)
    show_diagnostics(diagnostics, unreadable, output_format)
    if output_format in ("full", "concise") and not quiet:
        checked = plural(len(sources), "file")
        if diagnostics or unreadable:
            click.echo(f"{checked} checked: {count_of(diagnostics, unreadable)}", err=True)
        else:
            click.echo(f"{checked} checked: no problems", err=True)
        codes = [one.code for one in unreadable] + [one.code for one in diagnostics]
        if codes and output_format == "full" and sys.stderr.isatty():
            click.echo(f"`wsla explain {codes[0]}` says more", err=True)
    raise click.exceptions.Exit(exit_code(diagnostics, unreadable))


def _mend(source: SourceText, unreadable: list[Unreadable]) -> SourceText:
    """The text with all safe suggestions applied, in its file too. Each round may uncover further ones."""
    from wsla.analysis.check import check_text
    from wsla.diagnostics.fixes import apply_safe

    text, total = source.text, 0
    for _ in range(_MOST_ROUNDS):
        found = check_text(evolve(source, text=text))[1]
        text, applied = apply_safe(text, (one for one in found if one.source.name == source.name))
        total += applied
        if not applied:
            break
    if not total:
        return source
    problem = write_text(source.name, text)
    if problem is not None:
        unreadable.append(problem)
        return source
    click.echo(f"{source.name}: {plural(total, 'suggestion')} applied", err=True)
    return evolve(source, text=text)
