"""``wsla diff``: what changed for whom from one version of an agreement to the next."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click
from attrs import evolve

from wsla.cli.eval_data import Reading
from wsla.cli.files import format_option, plural
from wsla.cli.paint import Paint
from wsla.cli.show import print_table
from wsla.reporting.verdicts import labels_text, window_name
from wsla.values.calendars import find_zone
from wsla.values.instants import format_instant
from wsla.values.money import format_money

if TYPE_CHECKING:
    from wsla.api import Agreement
    from wsla.comparing.changes import Change, Effect
    from wsla.comparing.compare import Compared
    from wsla.comparing.replay import Replayed, Sums

_WIDTH = 100
_COLOURS = {
    "stricter": "yellow",
    "looser": "cyan",
    "dearer": "red",
    "cheaper": "green",
    "gains": "green",
    "loses": "red",
}
_TROUBLE = 2


@click.command("diff")
@click.argument("old", metavar="OLD.sla")
@click.argument("new", metavar="NEW.sla")
@click.option(
    "--data", multiple=True, metavar="SOURCE=FILE", help="Judge these observations under both, and compare."
)
@click.option("--from", "start", metavar="TIME", help="With --data: as `wsla eval` takes it.")
@click.option("--until", metavar="TIME", help="With --data: as `wsla eval` takes it.")
@click.option("--map", "columns", multiple=True, metavar="SOURCE.FIELD=COLUMN", help="With --data: likewise.")
@click.option("--where", multiple=True, metavar="SOURCE.COLUMN=VALUE", help="With --data: likewise.")
@click.option("--zone", metavar="ZONE", help="With --data: likewise.")
@click.option(
    "--time-unit", "time_units", multiple=True, metavar="SOURCE=UNIT", help="With --data: likewise."
)
@format_option("text", "json", default="text")
def command(
    old: str,
    new: str,
    data: tuple[str, ...],
    start: str | None,
    until: str | None,
    columns: tuple[str, ...],
    where: tuple[str, ...],
    zone: str | None,
    time_units: tuple[str, ...],
    output_format: str,
) -> None:
    """Say what changed in meaning from one version of an agreement to the next, for whom, and which way.

    Layout, comments and order do not count. With data, the windows that would have come out differently are listed.
    Exit code 0: nothing changed in meaning; 1: something did; 2: a file cannot be compared, or wrong usage.
    """
    from wsla.comparing.changes import Version
    from wsla.comparing.compare import compare
    from wsla.explaining.written import Written

    if not data and (start or until or columns or where or zone or time_units):
        raise click.UsageError("--from, --until, --map, --where, --zone and --time-unit go with --data")
    versions = [_load(path, which) for path, which in ((old, "older"), (new, "newer"))]
    before, after = versions
    compared = compare(
        *(
            Version(
                plan=one.plan,
                written=Written(source=one.source, title=one.title),
                tests=len(one.checked.examples),
            )
            for one in versions
        )
    )
    replayed = None
    if data:
        try:
            reading = Reading(data=data, columns=columns, where=where, zone=zone, time_units=time_units)
            replayed = _replay(before, after, compared, reading, start, until)
        except click.UsageError:
            raise
        except click.ClickException as problem:
            problem.show()
            raise click.exceptions.Exit(_TROUBLE) from None
    if output_format == "json":
        click.echo(json.dumps(_value(compared, replayed), indent=2, ensure_ascii=False))
    else:
        _print(compared, replayed, Paint(sys.stdout))
    if compared.changes or (replayed is not None and replayed.windows):
        raise click.exceptions.Exit(1)


def _load(path: str, which: str) -> Agreement:
    """The agreement of a file; otherwise its problems, which of the two it is, and exit code 2."""
    from wsla.cli.files import the_agreement

    try:
        found: Agreement = the_agreement(path)
    except click.exceptions.Exit:
        click.echo(f"nothing was compared: the {which} file {path} has to be mended first", err=True)
        raise click.exceptions.Exit(_TROUBLE) from None
    return found


def _replay(
    before: Agreement,
    after: Agreement,
    compared: Compared,
    reading: Reading,
    start: str | None,
    until: str | None,
) -> Replayed:
    from wsla.cli.eval_data import judge_counted, observations_of, stretch_of
    from wsla.comparing.replay import replay

    reports = []
    for agreement, title, names in (
        (before, "judging by the older", compared.renamed.sources),
        (after, "judging by the newer", {}),
    ):
        # Data are given by the names of the newer version.
        own = {new: old for old, new in names.items()}
        files, maps, rows, units = (
            tuple(_renamed(text, own) for text in texts)
            for texts in (reading.data, reading.columns, reading.where, reading.time_units)
        )
        named = evolve(reading, data=files, columns=maps, where=rows, time_units=units)
        observations = observations_of(agreement, named)
        first, last = stretch_of(agreement, observations, start, until)
        reports.append(judge_counted(agreement, observations, first, last, title))
    old, new = ((report.judgements, report.entries) for report in reports)
    return replay(old, new, compared.renamed)


def _renamed(text: str, names: dict[str, str]) -> str:
    """``SOURCE=…`` or ``SOURCE.FIELD=…`` with the source's own name."""
    for name, own in names.items():
        if text.startswith((f"{name}=", f"{name}.")):
            return own + text[len(name) :]
    return text


# --- for people


def _print(compared: Compared, replayed: Replayed | None, paint: Paint) -> None:
    old, new = compared.old.plan, compared.new.plan
    heading = f"{new.title}: version {old.version} to version {new.version}"
    click.echo(paint.text(heading, bold=True))
    if not compared.changes:
        click.echo("nothing changed in meaning")
    last = ""
    for change in compared.changes:
        group = _GROUPS.get(change.kind, change.kind)
        if group != last:
            click.echo(f"\n{paint.text(group, bold=True)}")
            last = group
        _print_change(change, paint)
    a, b = compared.old.tests, compared.new.tests
    if a != b:
        click.echo(f"\n{plural(b, 'test')} instead of {a}")
    if replayed is not None:
        click.echo()
        _print_replayed(compared, replayed)


_GROUPS = {
    kind: group
    for group, kinds in (
        ("The agreement", ("title", "kind", "zone", "currency", "grace", "term")),
        ("Parties", ("party",)),
        ("Services", ("service", "fee")),
        ("Schedules", ("schedule",)),
        ("Sources", ("source",)),
        ("Metrics", ("metric",)),
        ("Goals and credits", ("goal", "credit", "claim")),
        ("Rules", ("rule",)),
        ("Caps", ("cap",)),
    )
    for kind in kinds
}


def _print_change(change: Change, paint: Paint) -> None:
    effects = ", ".join(_effect_words(effect, paint) for effect in change.effects)
    lines = _wrapped(change.text, "  ")
    for line in lines:
        click.echo(line)
    quoted = change.kind in ("metric", "schedule") and change.place_before and change.place_after
    if quoted and change.before and change.after:
        for mark, text in (("-", change.before), ("+", change.after)):
            for line in _wrapped(text, f"    {mark} "):
                click.echo(paint.faint(line))
    if effects:
        click.echo(f"    {effects}")


def _effect_words(effect: Effect, paint: Paint) -> str:
    direction = effect.direction.value
    words = (
        f"{effect.party} {direction}"
        if direction in ("gains", "loses")
        else f"{direction} for {effect.party}"
    )
    if direction == "changed":
        words = f"concerns {effect.party}"
    return paint.text(words, _COLOURS.get(direction))


def _wrapped(text: str, start: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=start,
        subsequent_indent=" " * (len(start) + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _print_replayed(compared: Compared, replayed: Replayed) -> None:
    windows = plural(replayed.compared, "window")
    if not replayed.windows:
        click.echo(f"judged by these observations, {windows} would have come out the same")
    else:
        zone = compared.new.plan.zone
        rows = [
            {
                "goal": one.goal,
                "labels": labels_text(one.labels),
                "window": window_name(one.window, zone),
                "before": one.before or "–",
                "after": one.after or "–",
                "owed before": _sums_words(one.owed_before),
                "owed after": _sums_words(one.owed_after),
            }
            for one in replayed.windows
        ]
        title = f"{len(rows)} of {windows} would have come out differently"
        print_table(rows, title)
    before, after = _sums_words(replayed.owed_before), _sums_words(replayed.owed_after)
    click.echo(f"owed in all: {before or 'nothing'} before, {after or 'nothing'} after")


def _sums_words(sums: Sums) -> str:
    return ", ".join(
        f"{debtor} owes {creditor} {format_money(amount, currency)}"
        for debtor, creditor, currency, amount in sums
    )


# --- for machines


def _value(compared: Compared, replayed: Replayed | None) -> dict[str, Any]:
    old, new = compared.old, compared.new
    value: dict[str, Any] = {
        "agreement": new.plan.title,
        "versions": [old.plan.version, new.plan.version],
        "tests": [old.tests, new.tests],
        "changes": [
            {
                "kind": change.kind,
                "name": change.name,
                "text": change.text,
                "before": change.before,
                "after": change.after,
                "places": [change.place_before, change.place_after],
                "effects": [
                    {"party": effect.party, "direction": effect.direction.value} for effect in change.effects
                ],
            }
            for change in compared.changes
        ],
    }
    if replayed is not None:
        zone = find_zone(new.plan.zone)
        value["history"] = {
            "compared": replayed.compared,
            "windows": [
                {
                    "goal": one.goal,
                    "labels": dict(one.labels),
                    "window": window_name(one.window, new.plan.zone),
                    "start": format_instant(one.window.start, zone),
                    "end": format_instant(one.window.end, zone),
                    "before": one.before,
                    "after": one.after,
                    "owed_before": _sums_value(one.owed_before),
                    "owed_after": _sums_value(one.owed_after),
                }
                for one in replayed.windows
            ],
            "owed_before": _sums_value(replayed.owed_before),
            "owed_after": _sums_value(replayed.owed_after),
        }
    return value


def _sums_value(sums: Sums) -> list[dict[str, str]]:
    return [
        {"debtor": debtor, "creditor": creditor, "amount": str(amount), "currency": currency}
        for debtor, creditor, currency, amount in sums
    ]
