"""``wsla prove``: whether promises can be kept by the agreements that they stand on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from wsla.cli.files import format_option, read_sources, show_diagnostics

if TYPE_CHECKING:
    from wsla.plan.model import Plan

_TROUBLE = 2


@click.command("prove")
@click.argument("paths", nargs=-1, required=True)
@format_option("text", "json", default="text")
def command(paths: tuple[str, ...], output_format: str) -> None:
    """Say whether promises can be kept by the agreements that they stand on, and what it costs where they are not.

    PATHS are .sla files, or folders that are searched for them: all agreements that the promises stand on.
    Exit code 0: every promise can be kept, if failures are independent; 1: some promise cannot; 2: nothing can be
    said of some promise, a file cannot be read, or wrong usage.
    """
    from wsla.cli.prove_output import as_json, show
    from wsla.composition.prove import Standing, prove

    proofs, unproved = prove(_plans(paths))
    if output_format == "json":
        import json

        click.echo(json.dumps(as_json(proofs, unproved), indent=2, ensure_ascii=False))
    else:
        show(proofs, unproved, sys.stdout)
    if unproved:
        raise click.exceptions.Exit(_TROUBLE)
    raise click.exceptions.Exit(1 if any(one.standing is Standing.BROKEN for one in proofs) else 0)


def _plans(paths: tuple[str, ...]) -> list[Plan]:
    """The plans of all files; otherwise what is wrong with them on stderr, and exit code 2."""
    from wsla.api import AgreementError, load_all

    sources, unreadable = read_sources(paths)
    wrong: list[Any] = []
    plans: list[Plan] = []
    for source in sources:
        try:
            plans += [agreement.plan for agreement in load_all(source)]
        except AgreementError as problem:
            wrong += problem.diagnostics
    if wrong or unreadable:
        show_diagnostics(wrong, unreadable, "full", err=True)
        raise click.exceptions.Exit(_TROUBLE)
    return plans
