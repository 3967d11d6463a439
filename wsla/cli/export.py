"""``wsla export``: an agreement in another format."""

from __future__ import annotations

import click

from wsla.cli.files import Unreadable, format_option, plural, the_agreement
from wsla.cli.written import Written, needs, place_for, show


@click.command("export")
@click.argument("file", metavar="FILE.sla")
@click.option("--to", "named", required=True, metavar="FORMAT", help="The format to write.")
@click.option("--output", "-o", metavar="FILE|FOLDER", help="Where to write; standard output if left out.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@format_option("text", "concise", "json", default="text")
def command(file: str, named: str, output: str | None, force: bool, output_format: str) -> None:
    """Write an agreement in another format, and name what that format cannot say.

    Exit code 0: written; 1: the agreement has errors, or nothing of it can be said in the format; 2: wrong usage.
    """
    from wsla.interop.formats import FORMATS, exporter, names_of

    if named not in names_of(FORMATS, exported=True):
        known = ", ".join(names_of(FORMATS, exported=True))
        raise click.UsageError(f"there is no format `{named}` to export to; there are: {known}")
    agreement = the_agreement(file)
    try:
        made = exporter(FORMATS[named]).export_agreement(agreement.checked, agreement.source)
    except ModuleNotFoundError as problem:
        reason = f"what writes it, {problem.name}, is not installed: {needs(problem.name)}"
        raise click.ClickException(reason) from None
    several = len(made.files) > 1
    if several and output is None and output_format != "json":
        raise click.UsageError(f"this makes {len(made.files)} files, which need a folder: `-o FOLDER`")
    texts: list[tuple[str | None, str]] = []
    unreadable: list[Unreadable] = []
    for one in made.files:
        target, problems = place_for(one.name, output, force=force, folder=several)
        texts.append((target, one.text))
        unreadable += problems
    unsaid = len(made.diagnostics)
    result = Written(
        path=file,
        format=named,
        texts=tuple(texts),
        diagnostics=made.diagnostics,
        unreadable=tuple(unreadable),
        summary=f"{FORMATS[named].title}: {plural(len(made.files), 'file')}, {plural(unsaid, 'remark')}",
    )
    show([result], result.diagnostics, result.unreadable, output, output_format, empty_is_wrong=True)
