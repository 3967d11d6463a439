"""``wsla check``: every mistake in one pass."""

from __future__ import annotations

import click

from wsla.cli.files import count_of, exit_code, format_option, plural, read_sources, show_diagnostics
from wsla.diagnostics.diagnostic import Diagnostic


@click.command("check")
@click.argument("paths", nargs=-1, required=True)
@format_option("full", "concise", "json", default="full")
@click.option("--quiet", "-q", is_flag=True, help="Print problems only, no closing line.")
def command(paths: tuple[str, ...], output_format: str, quiet: bool) -> None:
    """Find every mistake in agreements: names, units, tiers, times, and promises that cannot be measured.

    PATHS are .sla files, or folders that are searched for them. Exit code 0: no errors; 1: errors; 2: wrong usage.
    """
    from wsla.analysis.check import check_text

    sources, unreadable = read_sources(paths)
    diagnostics: list[Diagnostic] = []
    for source in sources:
        diagnostics.extend(check_text(source)[1])
    show_diagnostics(diagnostics, unreadable, output_format)
    if output_format != "json" and not quiet:
        checked = plural(len(sources), "file")
        if diagnostics or unreadable:
            click.echo(f"{checked} checked: {count_of(diagnostics, unreadable)}", err=True)
        else:
            click.echo(f"{checked} checked: no problems", err=True)
    raise click.exceptions.Exit(exit_code(diagnostics, unreadable))
