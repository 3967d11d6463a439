"""Finding and reading `.sla` files, and showing what is wrong with them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from wsla.diagnostics.diagnostic import Diagnostic, Severity, has_errors
from wsla.diagnostics.source import SourceText, Span
from wsla.values.records import Record

if TYPE_CHECKING:
    from pathlib import Path

Command = Callable[..., Any]

_DETOUR = frozenset({"", ".", ".."})
"""Parts of a path that `pathlib` writes in another way, or that need it."""


@frozen(eq=False, repr=False)
class Unreadable(Record):
    """A path that could not be read, and why, in plain words."""

    path: str
    reason: str
    code: str = "E0001"


def sla_files(paths: Sequence[str]) -> tuple[list[str], list[Unreadable]]:
    """Every `.sla` file that paths stand for; folders are searched through."""
    files: list[str] = []
    problems: list[Unreadable] = []
    for name in paths:
        if os.path.isfile(name) and not _DETOUR.intersection(name.removeprefix("/").split("/")):
            files.append(name)
            continue
        from pathlib import Path

        path = Path(name)
        if path.is_dir():
            from wsla.texts import agreements_in

            found = list(agreements_in(path))
            if not found:
                problems.append(Unreadable(name, "there is no .sla file in this folder"))
            files.extend(str(one) for one in found)
        elif path.exists():
            files.append(str(path))
        else:
            problems.append(Unreadable(name, "there is no such file"))
    return files, problems


def read_source(path: Path | str) -> SourceText | Unreadable:
    """The text of a file with what it imports, or why it cannot be read."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except IsADirectoryError:
        return Unreadable(str(path), "this is a folder")
    except OSError as problem:
        return Unreadable(str(path), (problem.strerror or "it cannot be read").lower())
    try:
        source = SourceText(name=str(path), text=content.decode("utf-8-sig"))
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        return Unreadable(str(path), f"the text is not UTF-8 (line {line})", code="E0100")
    if "import" not in source.text:
        return source
    from wsla.texts import read_imports

    return read_imports(source)


def read_sources(paths: Sequence[str]) -> tuple[list[SourceText], list[Unreadable]]:
    """The texts of all `.sla` files that paths stand for."""
    files, problems = sla_files(paths)
    sources: list[SourceText] = []
    for path in files:
        read = read_source(path)
        if isinstance(read, Unreadable):
            problems.append(read)
        else:
            sources.append(read)
    return sources, problems


def wants_colour(stream: Any) -> bool:
    """True where a person looks at a terminal that shows colour (the NO_COLOR convention is kept)."""
    return bool(stream.isatty()) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def show_diagnostics(
    diagnostics: Sequence[Diagnostic],
    unreadable: Iterable[Unreadable],
    output_format: str,
    *,
    err: bool = False,
) -> None:
    """Prints diagnostics: ``full`` with the text around them, ``concise`` a line each, or ``json``."""
    stream = sys.stderr if err else sys.stdout
    if output_format == "sarif":
        import json

        from wsla.diagnostics.sarif import to_sarif

        found_all = [*(_as_diagnostic(problem) for problem in unreadable), *diagnostics]
        click.echo(json.dumps(to_sarif(found_all, _version()), indent=2, ensure_ascii=False), file=stream)
        return
    if output_format == "json":
        import json

        values: list[dict[str, object]] = [
            {"path": found.path, "severity": "error", "code": found.code, "message": found.reason}
            for found in unreadable
        ]
        if diagnostics:
            from wsla.diagnostics.render import to_json

            values.extend(to_json(found) for found in diagnostics)
        click.echo(json.dumps(values, indent=2, ensure_ascii=False), file=stream)
        return
    for problem in unreadable:
        click.echo(f"{problem.path}: error[{problem.code}]: {problem.reason}", file=stream)
    if not diagnostics:
        return
    from wsla.diagnostics.render import render_concise, render_full

    colour = wants_colour(stream)
    for found in diagnostics:
        if output_format == "concise":
            click.echo(render_concise(found), file=stream)
        else:
            click.echo(render_full(found, colour=colour), file=stream)
            click.echo(file=stream)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("wsla")
    except PackageNotFoundError:
        # A checkout that was never installed.
        return "0"


def _as_diagnostic(problem: Unreadable) -> Diagnostic:
    source = SourceText(name=problem.path, text="")
    return Diagnostic(code=problem.code, message=problem.reason, source=source, span=Span(0, 0))


def count_of(diagnostics: Iterable[Diagnostic], unreadable: Sequence[Unreadable]) -> str:
    """``2 errors, 1 warning``."""
    found = list(diagnostics)
    errors = sum(one.severity is Severity.ERROR for one in found) + len(unreadable)
    warnings = sum(one.severity is Severity.WARNING for one in found)
    return f"{plural(errors, 'error')}, {plural(warnings, 'warning')}"


def plural(count: int, word: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def load_checked(path: str) -> Any:
    """The agreements of one file; otherwise its problems on stderr and exit code 1."""
    from wsla.api import AgreementError, load_all

    source = read_source(path) if os.path.exists(path) else Unreadable(path, "there is no such file")
    if isinstance(source, Unreadable):
        show_diagnostics((), (source,), "full", err=True)
        raise click.exceptions.Exit(1)
    try:
        agreements = load_all(source)
    except AgreementError as problem:
        show_diagnostics(problem.diagnostics, (), "full", err=True)
        raise click.exceptions.Exit(1) from None
    return agreements


def the_agreement(path: str, *, versions: bool = False) -> Any:
    """The one agreement of a file, with ``versions`` the latest of several; otherwise a message and exit code 1."""
    agreements = load_checked(path)
    if versions and len({agreement.title for agreement in agreements}) == 1:
        return max(agreements, key=lambda agreement: agreement.version)
    if len(agreements) != 1:
        titles = ", ".join(agreement.title for agreement in agreements)
        click.echo(
            f"{path}: this file holds {len(agreements)} agreements ({titles}); name a file with one", err=True
        )
        raise click.exceptions.Exit(1)
    return agreements[0]


def format_option(*choices: str, default: str) -> Callable[[Command], Command]:
    """The option ``--format`` with its choices."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(choices),
        default=default,
        show_default=True,
        help="How to print the result.",
    )


def exit_code(diagnostics: Iterable[Diagnostic], unreadable: Sequence[Unreadable]) -> int:
    """1 where something is wrong, else 0."""
    return 1 if unreadable or has_errors(list(diagnostics)) else 0


def write_text(path: Path | str, text: str) -> Unreadable | None:
    """Replaces a file in one step, so that a crash leaves the old or the new text, never half of one."""
    import tempfile
    from pathlib import Path

    try:
        mode = Path(path).stat().st_mode
        target = Path(path).resolve()
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            Path(temporary).chmod(mode)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as problem:
        return Unreadable(
            str(path), f"it cannot be written: {(problem.strerror or 'unknown reason').lower()}"
        )
    return None
