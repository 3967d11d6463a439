"""``wsla test``: the examples that an agreement states, in virtual time."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from attrs import evolve

from wsla.cli.files import format_option, plural, read_sources, show_diagnostics
from wsla.diagnostics.diagnostic import Diagnostic, has_errors

if TYPE_CHECKING:
    from wsla.cli.paint import Paint
    from wsla.cli.test_output import Part, Ran
    from wsla.diagnostics.source import SourceText


@click.command("test")
@click.argument("paths", nargs=-1, required=True)
@format_option("text", "json", default="text")
@click.option("--match", "-k", default="", help="Run only tests whose title contains this text.")
@click.option(
    "--cover", is_flag=True, help="Name the goals, lines of tables and reactions that no test reaches."
)
@click.option(
    "--junit",
    "junit_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the results to this file as JUnit XML, too.",
)
def command(
    paths: tuple[str, ...], output_format: str, match: str, cover: bool, junit_file: Path | None
) -> None:
    """Run the `test` blocks of agreements. A month of probes takes a moment: time is virtual.

    Exit code 0: all came out as expected; 1: one did not, or a file has errors; 2: wrong usage.
    """
    from wsla.cli import test_output
    from wsla.cli.paint import Paint

    sources, unreadable = read_sources(paths)
    problems: list[Diagnostic] = []
    results: list[Ran] = []
    parts: list[Part] = []
    paint = Paint(sys.stdout)
    for source in sources:
        ran, reached, errors = _run_file(source, match, cover, paint if output_format == "text" else None)
        results += ran
        parts += reached
        problems += errors
    written = junit_file is None or _write(junit_file, test_output.junit(results, problems, unreadable))
    if output_format == "json":
        tests = [test_output.result_value(ran) for ran in results]
        value = {"tests": tests, "coverage": test_output.coverage_value(parts)} if cover else tests
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
    show_diagnostics(problems, unreadable, "full", err=True)
    failed = sum(not ran.result.passed for ran in results)
    if output_format == "text":
        passed = plural(len(results) - failed, "test")
        closing = f"{passed} passed, {failed} failed" if results else "there are no tests here"
        click.echo(closing, err=not results)
        if parts:
            test_output.print_coverage(parts, paint)
    raise click.exceptions.Exit(1 if failed or problems or unreadable or not written else 0)


def _run_file(
    source: SourceText, match: str, cover: bool, paint: Paint | None
) -> tuple[list[Ran], list[Part], list[Diagnostic]]:
    """Runs the tests of a file, and tells of each at once where there is something to paint on."""
    from wsla.analysis.check import check_assembled
    from wsla.cli import test_output
    from wsla.plan.succession import plans_of
    from wsla.testing.coverage import Place, covered, reached_by
    from wsla.testing.examples import run_example

    agreements, diagnostics, assembled = check_assembled(source)
    if has_errors(diagnostics):
        return [], [], list(diagnostics)
    results: list[Ran] = []
    parts: list[Part] = []
    for agreement, plan in zip(agreements, plans_of(agreements), strict=True):
        reached: set[Place] = set()
        for example in agreement.examples:
            if match not in example.title:
                continue
            result = run_example(agreement, example, plan)
            if result.history is not None and cover:
                reached |= reached_by(plan, result.history, result.decisions)
            # A month of probes is large, and many tests may follow.
            result = evolve(result, history=None, decisions=())
            ran = test_output.Ran(source=assembled, agreement=agreement.title, plan=plan, result=result)
            results.append(ran)
            if paint is not None:
                test_output.print_result(ran, paint)
        if cover:
            parts += [
                test_output.Part(source=assembled, agreement=agreement.title, part=part)
                for part in covered(agreement, plan, source, reached)
            ]
    return results, parts, []


def _write(path: Path, content: bytes) -> bool:
    try:
        path.write_bytes(content)
    except OSError as problem:
        reason = (problem.strerror or "it cannot be written").lower()
        click.echo(f"{path}: error[E0001]: {reason}", err=True)
        return False
    return True
