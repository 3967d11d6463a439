"""What ``wsla eval`` found: as a table, JSON, CSV, a Parquet file, and as pictures."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsla.cli.files import plural

if TYPE_CHECKING:
    from wsla.api import Report

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
            click.echo(_json(reports))
        case "csv":
            click.echo(_csv(reports), nl=False)
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
                path.write_text(_json(reports) + "\n", encoding="utf-8")
            case ".csv":
                path.write_text(_csv(reports), encoding="utf-8", newline="")
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


def _json(reports: Sequence[Report]) -> str:
    reported = [_value(report) for report in reports]
    return json.dumps(reported[0] if len(reported) == 1 else reported, indent=2, ensure_ascii=False)


def _rows(reports: Sequence[Report]) -> tuple[list[str], list[dict[str, Any]]]:
    """(the names of the labels, a row for each verdict)."""
    from wsla.reporting.verdicts import judgement_value

    values = [
        ({"version": report.agreement.version} if len(reports) > 1 else {})
        | judgement_value(report.agreement.plan, judgement)
        for report in reports
        for judgement in report.judgements
    ]
    return sorted({label for value in values for label in value["labels"]}), values


def _csv(reports: Sequence[Report]) -> str:
    labels, values = _rows(reports)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [name for name in values[0] if name != "labels"] if values else []
    writer.writerow([*labels, *names])
    for row in values:
        cells = (str(row[name]).lower() if isinstance(row[name], bool) else row[name] for name in names)
        writer.writerow([*(row["labels"].get(label, "") for label in labels), *cells])
    return text.getvalue()


def _write_parquet(reports: Sequence[Report], path: Path) -> None:
    """The columns of CSV, but instants as such, and beside each exact value the nearest number for who draws it."""
    import polars

    labels, values = _rows(reports)
    judgements = [judgement for report in reports for judgement in report.judgements]
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


def _value(report: Report) -> dict[str, Any]:
    from wsla.reporting.money import entry_value
    from wsla.reporting.verdicts import judgement_value
    from wsla.values.calendars import find_zone
    from wsla.values.instants import format_instant

    plan = report.agreement.plan
    zone = find_zone(plan.zone)
    return {
        "agreement": plan.title,
        "version": plan.version,
        "start": format_instant(report.start, zone),
        "until": format_instant(report.until, zone),
        "judgements": [judgement_value(plan, judgement) for judgement in report.judgements],
        "entries": [entry_value(entry, plan.zone) for entry in report.entries],
        "actions": [
            {
                "id": intent.id,
                "verb": intent.verb,
                "targets": [str(target) for target in intent.targets],
                "at": format_instant(intent.at, zone),
                "subject": intent.subject,
            }
            for intent in report.intents
        ],
    }


def _print_table(report: Report) -> None:
    from wsla.cli import show
    from wsla.reporting.money import entry_row
    from wsla.reporting.verdicts import judgement_row

    plan = report.agreement.plan
    rows = [judgement_row(plan, judgement) for judgement in report.judgements]
    styles = [show.STYLES.get(judgement.verdict) for judgement in report.judgements]
    heading = f"{plan.title}, version {plan.version}"
    if rows:
        show.print_table(rows, heading, styles)
    else:
        click.echo(f"{heading}: no goal has a window there")
    if report.entries:
        click.echo()
        show.print_table([entry_row(plan, entry) for entry in report.entries], "Ledger")
    counts = Counter(judgement.verdict.value for judgement in report.judgements)
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    booked = plural(len(report.entries), "ledger entry").replace("entrys", "entries")
    due = plural(len(report.intents), "action")
    click.echo(f"\n{plural(len(rows), 'window')}: {summary or 'none'}; {booked}, {due} due")
