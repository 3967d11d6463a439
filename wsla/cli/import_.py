"""``wsla import``: agreements and objectives of other formats become `.sla` files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wsla.cli.files import Unreadable, format_option, plural
from wsla.cli.written import Written, needs, place_for, show, told

if TYPE_CHECKING:
    from wsla.interop.formats import Format, Imported


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--from", "named", metavar="FORMAT", help="Of which format the files are; recognised if left out."
)
@click.option("--output", "-o", metavar="FILE|FOLDER", help="Where to write; standard output if left out.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@format_option("text", "concise", "json", default="text")
def command(
    files: tuple[str, ...], named: str | None, output: str | None, force: bool, output_format: str
) -> None:
    """Turn agreements and objectives of other formats into .sla files that mean the same.

    What is wrong in a file is told with its line; what has no place in an agreement is kept as a comment, and told.
    Exit code 0: all were imported; 1: a file cannot be read or has errors; 2: wrong usage.
    """
    from wsla.interop.formats import FORMATS, names_of

    if named is not None and named not in names_of(FORMATS, imported=True):
        known = ", ".join(names_of(FORMATS, imported=True))
        raise click.UsageError(f"there is no format `{named}` to import; there are: {known}")
    if output is None and len(files) > 1 and output_format != "json":
        raise click.UsageError("several files need a folder to be written to: `-o FOLDER`")
    results = [_imported(path, named, output, force=force, several=len(files) > 1) for path in files]
    diagnostics = [one for written in results for one in written.diagnostics]
    unreadable = [one for written in results for one in written.unreadable]
    show(results, diagnostics, unreadable, output, output_format)


def _imported(path: str, named: str | None, output: str | None, *, force: bool, several: bool) -> Written:
    from wsla.diagnostics.diagnostic import Diagnostic, has_errors
    from wsla.interop.formats import FORMATS, import_text
    from wsla.interop.safety import LARGEST_FILE, text_of

    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as problem:
        reason = (problem.strerror or "it cannot be read").lower()
        return Written(path=path, unreadable=(Unreadable(path, reason),))
    source = text_of(path, content)
    if isinstance(source, Diagnostic):
        return Written(path=path, diagnostics=(source,))
    try:
        known, found = import_text(source, FORMATS[named] if named is not None else None)
    except ModuleNotFoundError as problem:
        reason = f"what reads it, {problem.name}, is not installed: {needs(problem.name)}"
        return Written(path=path, unreadable=(Unreadable(path, reason),))
    name = path.rpartition("/")[2].rpartition(".")[0] or path
    target, problems = place_for(f"{name}.sla", output, force=force, folder=several)
    summary = _summary(known, found) if not has_errors(found.diagnostics) else ""
    return Written(
        path=path,
        format=None if known is None else known.name,
        texts=() if found.text is None else ((target, found.text),),
        diagnostics=found.diagnostics,
        unreadable=problems,
        summary=summary,
    )


def _summary(known: Format | None, found: Imported) -> str:
    from wsla.syntax import surface
    from wsla.syntax.parse import parse

    assert known is not None
    document, _ = parse(told(found.text or ""))
    agreements: list[Any] = [item for item in document.items if isinstance(item, surface.Agreement)]
    declared = [one for agreement in agreements for one in agreement.declarations]
    goals = sum(isinstance(one, surface.Goal) for one in declared)
    kept = sum(one.code == "W1010" for one in found.diagnostics)
    told_too = len(found.diagnostics) - kept
    schedules = sum(isinstance(one, surface.Schedule) for one in declared)
    parts = [plural(len(agreements), "agreement")]
    parts += [plural(goals, "goal")] if goals or not schedules else [plural(schedules, "schedule")]
    parts += [f"{plural(kept, 'thing')} kept as comments"] if kept else []
    parts += [plural(told_too, "remark")] if told_too else []
    return f"{known.title}: {', '.join(parts)}"
