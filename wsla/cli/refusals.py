"""Rows that cannot be used: written to a file where that is asked for, or the end of the program at the first."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

import click
from attrs import define, field

_PASSWORD = re.compile(r"(?<=://)[^/@]*@")

Refused = Callable[[int, str, Mapping[str, object] | Sequence[object]], None]

_HEADER = ("source", "file", "line", "reason", "cells")


@define
class Refusals:
    """Where refused rows go. With ``strict`` the first of them ends the program."""

    strict: bool = False
    _out: IO[str] | None = None
    _told: set[tuple[str, str]] = field(factory=set)

    def of(self, source: str, path: str) -> Refused | None:
        """What a reader calls with the refused rows of a file; None where nobody wants them."""
        # Another version of the agreement that reads the file refuses the same rows.
        write = None
        if self._out is not None and (source, path) not in self._told:
            self._told.add((source, path))
            write = csv.writer(self._out).writerow
        if write is None and not self.strict:
            return None
        shown = without_password(path)

        def tell(line: int, reason: str, cells: Mapping[str, object] | Sequence[object]) -> None:
            if write is not None:
                write([source, shown, line, reason, _written(cells)])
            if self.strict:
                _stop(shown, line, reason)

        return tell

    def begin(self) -> None:
        """Forgets what was written, as everything is read anew."""
        self._told.clear()
        if self._out is not None:
            self._out.seek(0)
            self._out.truncate()
            csv.writer(self._out).writerow(_HEADER)


@contextmanager
def refusals(path: str | None, *, strict: bool) -> Iterator[Refusals]:
    """What takes the refused rows, and writes them to a CSV file where one is named. Raises ClickException."""
    if path is None:
        yield Refusals(strict=strict)
        return
    try:
        with open(path, "w", encoding="utf-8", newline="") as out:
            taking = Refusals(strict=strict, out=out)
            taking.begin()
            yield taking
    except OSError as problem:
        raise click.ClickException(f"{path} cannot be written: {problem.strerror or problem}") from None


def without_password(place: str) -> str:
    """What messages call a place of data: addresses without who asks and with which password."""
    return _PASSWORD.sub("", place)


def _stop(path: str, line: int, reason: str) -> None:
    click.echo(f"{path}: a row of it cannot be used, and `--strict` stops there:", err=True)
    click.echo(f"  line {line}: {reason}", err=True)
    raise click.exceptions.Exit(1)


def _written(cells: Mapping[str, object] | Sequence[object]) -> str:
    """Cells as JSON: an object where their columns are known, otherwise a list."""
    return json.dumps(cells, default=str, ensure_ascii=True)
