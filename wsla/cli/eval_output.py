"""What ``wsla eval`` found: as a table, JSON, CSV, a Parquet file, and as pictures."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from wsla.cli.files import plural

if TYPE_CHECKING:
    from wsla.api import Report
    from wsla.evaluation.verdicts import Judgement

_AT_ONCE: Final = 1_000
"""So many verdicts are written together."""
_FEW: Final = 10_000
"""Longer tables are printed plainly, and are not kept in memory."""
_PLACE_OF_LABELS: Final = 1

OUTPUTS = (".json", ".csv", ".parquet")
PICTURES = (".svg", ".png")


def check_endings(output: str | None, picture: str | None) -> None:
    """Says before any work is done what cannot be written after it. Raises UsageError and ClickException."""
    for option, name, endings in (("--output", output, OUTPUTS), ("--save-plot", picture, PICTURES)):
        if name is None:
            continue
        if Path(name).suffix.casefold() not in endings:
            raise click.UsageError(f"{option}: `{name}` should end in {', '.join(endings)}")
        if not Path(name).absolute().parent.is_dir():
            raise click.ClickException(f"there is no folder `{Path(name).parent}` for {option}")
    if output is not None and output.casefold().endswith(".parquet"):
        _needs("polars", "Parquet files", "columns")
    if picture is not None:
        _needs("matplotlib", "pictures as files", "plot")


def _needs(library: str, what: str, extra: str) -> None:
    from importlib.util import find_spec

    if find_spec(library) is None:
        raise click.ClickException(f"{what} need what writes them: pip install 'wsla[{extra}]'")


def print_reports(reports: Sequence[Report], output_format: str) -> None:
    """Prints the reports on standard output."""
    match output_format:
        case "json":
            for piece in _json(reports):
                click.echo(piece, nl=False)
            click.echo()
        case "csv":
            for piece in _csv(reports):
                click.echo(piece, nl=False)
        case _:
            for place, report in enumerate(reports):
                if place:
                    click.echo()
                _print_table(report)


def write_reports(reports: Sequence[Report], name: str) -> None:
    """Writes the verdicts, of JSON the entries and actions too, to a file, by its ending. Raises ClickException."""
    path = Path(name)
    try:
        match path.suffix.casefold():
            case ".json":
                with path.open("w", encoding="utf-8") as file:
                    file.writelines(_json(reports))
                    file.write("\n")
            case ".csv":
                with path.open("w", encoding="utf-8", newline="") as file:
                    file.writelines(_csv(reports))
            case _:
                _write_parquet(reports, path)
    except OSError as problem:
        raise click.ClickException(f"{name} cannot be written: {problem.strerror or problem}") from None


def draw_reports(reports: Sequence[Report]) -> None:
    """Draws the windows of each goal on standard output."""
    from wsla.cli.paint import Paint
    from wsla.cli.pictures import terminal
    from wsla.cli.pictures.charts import charts_of

    for report in reports:
        plan = report.agreement.plan
        charts = charts_of(plan, report.judgements, report.entries)
        if charts:
            click.echo("\n" + terminal.draw(charts, plan.zone, Paint(sys.stdout)))


def save_picture(reports: Sequence[Report], name: str) -> None:
    """Draws the windows of each goal into a file. Raises ClickException."""
    from wsla.cli.pictures import image
    from wsla.cli.pictures.charts import CannotDraw, charts_of

    charts = [
        chart
        for report in reports
        for chart in charts_of(report.agreement.plan, report.judgements, report.entries)
    ]
    if not charts:
        raise click.ClickException("there is no window that could be drawn")
    first, last = reports[0].agreement, reports[-1].agreement
    versions = f"version {first.version}" if first is last else f"versions {first.version} to {last.version}"
    try:
        image.save(charts, first.plan.zone, f"{first.title}, {versions}", Path(name))
    except CannotDraw as problem:
        raise click.ClickException(str(problem)) from None


# --- forms


def _json(reports: Sequence[Report]) -> Iterator[str]:
    """The text of JSON in pieces: there may be more verdicts than fit into memory."""
    if len(reports) == 1:
        yield from _json_of(reports[0])
        return
    yield "["
    for place, report in enumerate(reports):
        yield ",\n  " if place else "\n  "
        for piece in _json_of(report):
            # No text of JSON holds a line's end.
            yield piece.replace("\n", "\n  ")
    yield "\n]" if reports else "]"


def _json_of(report: Report) -> Iterator[str]:
    from wsla.reporting.verdicts import Shown

    first, last = (
        json.dumps(part, indent=2, ensure_ascii=False) for part in (_head_value(report), _tail_value(report))
    )
    yield first.removesuffix("\n}") + ',\n  "judgements": ['
    shown, encode = Shown(report.agreement.plan), json.JSONEncoder(ensure_ascii=False).encode
    between = "\n    {\n"
    for some in _portions(report):
        lines = []
        for judgement in some:
            value = shown.value(judgement)
            labels = value["labels"]
            told = ",\n".join(f"        {encode(name)}: {encode(text)}" for name, text in labels.items())
            value["labels"] = None
            fields = [f'      "{name}": {encode(one)}' for name, one in value.items()]
            fields[_PLACE_OF_LABELS] = '      "labels": ' + (f"{{\n{told}\n      }}" if told else "{}")
            lines.append(between + ",\n".join(fields) + "\n    }")
            between = ",\n    {\n"
        yield "".join(lines)
    yield ("\n  ],\n" if len(report.judgements) else "],\n") + last.removeprefix("{\n")


def _portions(report: Report) -> Iterator[list[Judgement]]:
    coming = iter(report.judgements)
    while some := list(islice(coming, _AT_ONCE)):
        yield some


def _labels(reports: Sequence[Report]) -> list[str]:
    """The names of all labels."""
    return sorted({name for report in reports for _, labels in report.counts for name, _ in labels})


def _csv(reports: Sequence[Report]) -> Iterator[str]:
    """The text of CSV in pieces."""
    from wsla.reporting.verdicts import Shown

    labels = _labels(reports)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names: list[str] | None = None
    for report in reports:
        shown = Shown(report.agreement.plan)
        version = [report.agreement.version] if len(reports) > 1 else []
        for some in _portions(report):
            values = [shown.value(judgement) for judgement in some]
            if names is None:
                names = [name for name in values[0] if name != "labels"]
                writer.writerow([*labels, *(["version"] if version else []), *names])
            for row in values:
                found = row["labels"]
                told = [found.get(label, "") for label in labels]
                cells = [row[name] for name in names]
                words = [x if x is not True and x is not False else str(x).lower() for x in cells]
                writer.writerow([*told, *version, *words])
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    if names is None:
        writer.writerow(labels)
        yield text.getvalue()


def _write_parquet(reports: Sequence[Report], path: Path) -> None:
    """The columns of CSV, but instants as such, and beside each exact value the nearest number for who draws it."""
    import polars

    from wsla.reporting.verdicts import Shown

    labels, values, judgements = _labels(reports), [], []
    for report in reports:
        shown = Shown(report.agreement.plan)
        version = {"version": report.agreement.version} if len(reports) > 1 else {}
        for judgement in report.judgements:
            judgements.append(judgement)
            values.append(version | shown.value(judgement))
    columns: dict[str, Any] = {label: [row["labels"].get(label) for row in values] for label in labels}
    if len(reports) > 1:
        columns["version"] = polars.Series([row["version"] for row in values], dtype=polars.Int64)
    for name in ("goal", "window", "verdict"):
        columns[name] = polars.Series([row[name] for row in values], dtype=polars.String)
    for name in ("start", "end"):
        instants = polars.Series([getattr(one.window, name) for one in judgements], dtype=polars.Int64)
        columns[name] = instants.cast(polars.Datetime("ns", "UTC"))
    columns["final"] = polars.Series([row["final"] for row in values], dtype=polars.Boolean)
    for name in ("value", "lower", "upper", "coverage", "budget", "budget_left"):
        exact = [getattr(one, name) for one in judgements]
        columns[name] = polars.Series([_text(value) for value in exact], dtype=polars.String)
        columns[f"{name}_number"] = polars.Series([_number(value) for value in exact], dtype=polars.Float64)
    polars.DataFrame(columns).write_parquet(path)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | Fraction):
        return None
    return float(value)


def _head_value(report: Report) -> dict[str, Any]:
    from wsla.values.calendars import find_zone
    from wsla.values.instants import format_instant

    plan = report.agreement.plan
    zone = find_zone(plan.zone)
    return {
        "agreement": plan.title,
        "version": plan.version,
        "start": format_instant(report.start, zone),
        "until": format_instant(report.until, zone),
    }


def _tail_value(report: Report) -> dict[str, Any]:
    from wsla.reporting.money import entry_value
    from wsla.reporting.verdicts import Shown

    plan = report.agreement.plan
    instant = Shown(plan).instant
    return {
        "entries": [entry_value(entry, plan.zone) for entry in report.entries],
        "actions": [
            {
                "id": intent.id,
                "verb": intent.verb,
                "targets": [str(target) for target in intent.targets],
                "at": instant(intent.at),
                "subject": intent.subject,
            }
            for intent in report.intents
        ],
    }


def _print_table(report: Report) -> None:
    from wsla.cli import show
    from wsla.reporting.money import entry_row
    from wsla.reporting.verdicts import Shown

    plan, judgements = report.agreement.plan, report.judgements
    shown = Shown(plan)
    heading = f"{plan.title}, version {plan.version}"
    counts: Counter[str] = Counter()
    if not judgements:
        click.echo(f"{heading}: no goal has a window there")
    elif len(judgements) > _FEW:
        counts = show.print_long_table(lambda: map(shown.row, judgements), heading, "verdict")
    else:
        rows = [shown.row(judgement) for judgement in judgements]
        styles = [show.STYLES.get(judgement.verdict) for judgement in judgements]
        show.print_table(rows, heading, styles)
        counts = Counter(row["verdict"] for row in rows)
    if report.entries:
        click.echo()
        show.print_table([entry_row(plan, entry) for entry in report.entries], "Ledger")
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    booked = plural(len(report.entries), "ledger entry").replace("entrys", "entries")
    due = plural(len(report.intents), "action")
    click.echo(f"\n{plural(len(judgements), 'window')}: {summary or 'none'}; {booked}, {due} due")
