"""``wsla test``: the examples that an agreement states, in virtual time."""

from __future__ import annotations

import json
import sys

import click

from wsla.cli.files import (
    Unreadable,
    format_option,
    plural,
    read_sources,
    show_diagnostics,
    wants_colour,
)
from wsla.diagnostics.diagnostic import Diagnostic, has_errors


@click.command("test")
@click.argument("paths", nargs=-1, required=True)
@format_option("text", "json", default="text")
@click.option("--match", "-k", default="", help="Run only tests whose title contains this text.")
def command(paths: tuple[str, ...], output_format: str, match: str) -> None:
    """Run the `test` blocks of agreements. A month of probes takes a moment: time is virtual.

    Exit code 0: all came out as expected; 1: one did not, or a file has errors; 2: wrong usage.
    """
    from wsla.analysis.check import check_text
    from wsla.plan.build import build_plan
    from wsla.testing.examples import run_example

    sources, unreadable = read_sources(paths)
    problems: list[Diagnostic] = []
    results: list[dict[str, object]] = []
    green, red = ("\x1b[32m", "\x1b[31m") if wants_colour(sys.stdout) else ("", "")
    end = "\x1b[0m" if green else ""
    failed = 0
    for source in sources:
        agreements, diagnostics = check_text(source)
        if has_errors(diagnostics):
            problems.extend(diagnostics)
            continue
        for agreement in agreements:
            plan = build_plan(agreement)
            for example in agreement.examples:
                if match not in example.title:
                    continue
                result = run_example(agreement, example, plan)
                failed += not result.passed
                failures = [
                    {
                        "line": source.position(failure.span.start)[0],
                        "message": failure.message,
                        "details": list(failure.details),
                    }
                    for failure in result.failures
                ]
                results.append(
                    {
                        "path": source.name,
                        "agreement": agreement.title,
                        "title": example.title,
                        "line": source.position(example.span.start)[0],
                        "passed": result.passed,
                        "observations": result.observations,
                        "failures": failures,
                    }
                )
                if output_format == "text":
                    mark = f"{green}passed{end}" if result.passed else f"{red}FAILED{end}"
                    click.echo(f"{mark}  {source.name}: {example.title}")
                    for failure in result.failures:
                        line, column = source.position(failure.span.start)
                        click.echo(f"        {source.name}:{line}:{column}: {failure.message}")
                        click.echo(f"            | {source.line(line).strip()}")
                        for detail in failure.details:
                            click.echo(f"            {detail}")
    _close(results, problems, unreadable, output_format, failed)


def _close(
    results: list[dict[str, object]],
    problems: list[Diagnostic],
    unreadable: list[Unreadable],
    output_format: str,
    failed: int,
) -> None:
    if output_format == "json":
        click.echo(json.dumps(results, indent=2, ensure_ascii=False))
    show_diagnostics(problems, unreadable, "full", err=True)
    if output_format == "text":
        passed = plural(len(results) - failed, "test")
        closing = f"{passed} passed, {failed} failed" if results else "there are no tests here"
        click.echo(closing, err=not results)
    raise click.exceptions.Exit(1 if failed or problems or unreadable else 0)
