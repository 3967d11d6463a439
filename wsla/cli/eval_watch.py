"""``wsla eval --watch``: follows files that grow, and tells what changes as rows are added."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from wsla.cli.files import plural

if TYPE_CHECKING:
    from wsla.api import Agreement
    from wsla.engine import Output
    from wsla.sources.files.growing import GrowingFile
    from wsla.values.observations import Observation

SECONDS_BETWEEN_LOOKS: Final = 0.5

Tell = Callable[["Output"], None]


def follow(
    agreement: Agreement,
    files: Sequence[tuple[str, GrowingFile]],
    start: int | None,
    until: int | None,
    output_format: str,
    *,
    strict: bool,
) -> None:
    """Looks at the files again and again, until their rows have come to ``until`` (nanoseconds), or for ever.

    Time is that of the rows: it goes on with them, and stands still without them.
    """
    from wsla.engine import Engine

    tell = _json_teller(agreement) if output_format == "json" else _teller(agreement)
    engine: Engine | None = None
    click.echo(f"watching {plural(len(files), 'file')}; Ctrl-C ends it", err=True)
    while True:
        observations = sorted(_added(files, strict=strict), key=lambda observation: observation.at)
        for observation in observations:
            if engine is None:
                first = max(agreement.plan.effective_start, observation.at)
                engine = Engine(agreement.plan, first if start is None else start)
            if until is not None and observation.at >= until:
                for output in engine.advance(until):
                    tell(output)
                return
            for output in engine.observe(observation):
                tell(output)
        if engine is not None and observations:
            for output in engine.advance(observations[-1].at + 1):
                tell(output)
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _added(files: Sequence[tuple[str, GrowingFile]], *, strict: bool) -> Iterator[Observation]:
    from wsla.evaluation.encoding import DataError

    for name, file in files:
        known = file.anew
        try:
            history = file.look()
        except DataError as problem:
            raise click.ClickException(str(problem)) from None
        if file.anew > known:
            click.echo(
                f"note: another file took the place of that of `{name}`: read from its start", err=True
            )
        if history is None:
            continue
        for example in history.rejects.examples:
            click.echo(f"`{name}`, line {example.line} cannot be used: {example.reason}", err=True)
        unsaid = history.rejects.total - len(history.rejects.examples)
        if unsaid:
            click.echo(f"`{name}`: {plural(unsaid, 'more row')} cannot be used", err=True)
        if strict and history.rejects.total:
            raise click.exceptions.Exit(1)
        yield from history.observations


def _teller(agreement: Agreement) -> Tell:
    """Says in a line what happened."""
    from wsla.cli import show
    from wsla.cli.paint import Paint
    from wsla.evaluation.stream import JudgementFinal, StandingChanged, TooLate
    from wsla.remedies.decisions import Intent, LedgerEntry
    from wsla.reporting.verdicts import judgement_row
    from wsla.values.calendars import find_zone
    from wsla.values.instants import format_instant
    from wsla.values.money import format_money

    plan = agreement.plan
    zone = find_zone(plan.zone)
    paint = Paint(sys.stdout)

    def line(at: int, text: str, style: str | None) -> None:
        click.echo(f"{format_instant(at, zone)}  {paint.text(text, style)}")

    def tell(output: Output) -> None:
        match output:
            case JudgementFinal(at=at, judgement=one) | StandingChanged(at=at, judgement=one):
                row = judgement_row(plan, one)
                about = " ".join(filter(None, (one.goal, row["labels"], row["window"])))
                final = "" if isinstance(output, JudgementFinal) else " (open)"
                text = f"{about}: {one.verdict.value}{final}, measured {row['measured']}, promised {row['promised']}"
                line(at, text, show.STYLES.get(one.verdict))
            case LedgerEntry():
                amount = format_money(output.amount, output.currency)
                line(output.at, f"{output.kind} {amount}: {output.debtor} owes {output.creditor}", "red")
            case Intent():
                targets = ", ".join(str(target) for target in output.targets)
                verb = f"{output.verb} (held back)" if output.held else output.verb
                line(output.at, f"{verb} {targets}: {output.subject}", "yellow")
            case TooLate(observation=late):
                when = format_instant(late.at, zone)
                click.echo(f"note: an observation of `{late.source}` at {when} came too late", err=True)
            case _:
                pass

    return tell


def _json_teller(agreement: Agreement) -> Tell:
    """Says it as one JSON object a line."""
    from wsla.evaluation.stream import JudgementFinal, StandingChanged, TooLate
    from wsla.remedies.decisions import Intent, LedgerEntry
    from wsla.reporting.money import entry_value
    from wsla.reporting.verdicts import judgement_value
    from wsla.values.calendars import find_zone
    from wsla.values.instants import format_instant

    plan = agreement.plan
    zone = find_zone(plan.zone)

    def said(output: Output) -> dict[str, Any] | None:
        match output:
            case JudgementFinal(judgement=one):
                return {"event": "verdict"} | judgement_value(plan, one)
            case StandingChanged(judgement=one):
                return {"event": "standing"} | judgement_value(plan, one)
            case LedgerEntry():
                return {"event": "entry"} | entry_value(output, plan.zone)
            case Intent():
                return {
                    "event": "action",
                    "id": output.id,
                    "verb": output.verb,
                    "targets": [str(target) for target in output.targets],
                    "subject": output.subject,
                    **({"held_back": True} if output.held else {}),
                }
            case TooLate(observation=late):
                return {"event": "late", "source": late.source, "observed_at": format_instant(late.at, zone)}
            case _:
                return None

    def tell(output: Output) -> None:
        value = said(output)
        if value is not None:
            event = {"event": value.pop("event"), "at": format_instant(output.at, zone)}
            click.echo(json.dumps(event | value, ensure_ascii=False))

    return tell
