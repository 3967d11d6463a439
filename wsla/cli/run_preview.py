"""``wsla run --check``: what would run, as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from wsla.cli.files import plural
from wsla.values.instants import MILLISECOND, format_length

if TYPE_CHECKING:
    from wsla.daemon.http_config import Http
    from wsla.daemon.preview import AgreementPreview, Preview, SourcePreview


def show(found: Preview, http: Http | None, output_format: str) -> None:
    """Prints what would run to standard output; problems and warnings of the text form go to standard error."""
    if output_format == "json":
        click.echo(json.dumps(_value(found, http), indent=2, ensure_ascii=False))
        return
    for agreement in found.agreements:
        _agreement(agreement)
    if found.store is not None:
        click.echo(f"store {found.store}{'' if found.store_exists else ', which would be made'}")
    if http is not None:
        click.echo(f"answers at {_place(http)}")
    if found.remarks:
        click.echo(f"{plural(found.remarks, 'remark')} on the agreements; `wsla check` shows them", err=True)
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)
    for problem in found.problems:
        click.echo(problem, err=True)
    if found.problems:
        click.echo("Nothing would be started.", err=True)


def show_problems(problems: tuple[str, ...]) -> None:
    """Prints, as JSON, that nothing would run."""
    from wsla.daemon.preview import Preview

    nothing = Preview(
        agreements=(), store=None, store_exists=False, problems=problems, warnings=(), remarks=0
    )
    show(nothing, None, "json")


def _agreement(agreement: AgreementPreview) -> None:
    others = "".join(f", beside version {number}" for number in agreement.beside)
    click.echo(f"{agreement.title}, version {agreement.version}{others} ({agreement.file})")
    rows = [
        (
            f"source {one.name}",
            one.kind,
            one.target,
            _when(one),
        )
        for one in agreement.sources
    ]
    rows += [
        (
            f"channel {one.name}",
            one.kind or "nowhere",
            one.nowhere or one.address or "",
            "",
        )
        for one in agreement.channels
    ]
    rows += [
        (one.name, "to", ", ".join(one.targets), f"next at {one.next_at}" if one.next_at else "never again")
        for one in agreement.recurring
    ]
    for line in _aligned(rows):
        click.echo(f"  {line}")


def _when(one: SourcePreview) -> str:
    if one.every is None or one.phase is None:
        return ""
    return f"every {format_length(one.every)} + {format_length(one.phase // MILLISECOND * MILLISECOND)}"


def _length(length: int | None) -> str | None:
    return None if length is None else format_length(length)


def _aligned(rows: Iterable[tuple[str, ...]]) -> list[str]:
    rows = list(rows)
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _value(found: Preview, http: Http | None) -> dict[str, Any]:
    return {
        "agreements": [
            {
                "title": one.title,
                "version": one.version,
                "beside": list(one.beside),
                "file": one.file,
                "sources": [
                    {
                        "name": source.name,
                        "kind": source.kind,
                        "target": source.target,
                        "every": _length(source.every),
                        "timeout": _length(source.timeout),
                        "phase": _length(source.phase),
                    }
                    for source in one.sources
                ],
                "channels": [
                    {
                        "name": channel.name,
                        "kind": channel.kind,
                        "address": channel.address,
                        "nowhere": channel.nowhere,
                    }
                    for channel in one.channels
                ],
                "recurring": [
                    {"name": each.name, "targets": list(each.targets), "next_at": each.next_at}
                    for each in one.recurring
                ],
            }
            for one in found.agreements
        ],
        "store": found.store,
        "store_exists": found.store_exists,
        "http": None if http is None else _place(http),
        "warnings": list(found.warnings),
        "problems": list(found.problems),
        "remarks": found.remarks,
    }


def _place(http: Http) -> str:
    host = f"[{http.host}]" if ":" in http.host else http.host
    return f"{host}:{http.port}"
