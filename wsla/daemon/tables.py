"""Reading a TOML table strictly: every problem is noted with its place, and reading goes on."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from wsla.values.instants import format_length
from wsla.values.quantities import TIME, QuantityError, parse_quantity

_BARE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_LONGEST_FILE: Final = 64 * 1024
_REFERENCES: Final = '{ env = "NAME" } or { file = "path" }'


class SecretMissing(ValueError):
    """A secret that is not there. The message names the place to look, never a value."""


@frozen(kw_only=True)
class Reference:
    """Where a secret lies: a variable of the environment, or a file."""

    variable: str | None = None
    file: str | None = None

    def resolve(self, environ: Mapping[str, str]) -> str:
        """The secret, without the line end that editors add to files. Raises SecretMissing."""
        if self.variable is not None:
            value = environ.get(self.variable)
            if not value:
                state = "not set" if value is None else "empty"
                raise SecretMissing(f"the environment variable {self.variable} is {state}")
            return value
        assert self.file is not None
        try:
            with Path(self.file).open("rb") as opened:
                content = opened.read(_LONGEST_FILE + 1)
            text = content.decode("utf-8").rstrip("\r\n")
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise SecretMissing(f"the file {self.file} cannot be read: {reason}") from None
        except UnicodeDecodeError:
            raise SecretMissing(f"the file {self.file} is not UTF-8") from None
        if not text or len(content) > _LONGEST_FILE:
            raise SecretMissing(f"the file {self.file} is {'empty' if not text else 'too long'}")
        return text


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean "x"?``, or the known names, or nothing."""
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, n=1)
    if near:
        return f'; did you mean "{near[0]}"?'
    return f"; known: {', '.join(names)}" if names else ""


@define
class Table:
    """One table of a file. ``place`` is its key path; problems are collected in a list that all tables share.

    So are the ``files`` in which secrets lie.
    """

    values: Mapping[str, Any]
    place: tuple[str, ...]
    problems: list[str]
    folder: str
    files: list[str] = field(factory=list)
    _seen: set[str] = field(factory=set)

    def problem(self, key: str | None, what: str) -> None:
        """Notes a problem at a key of this table."""
        path = self.place if key is None else (*self.place, key)
        self.problems.append(f"{'.'.join(_quoted(part) for part in path)}: {what}")

    def text(self, key: str, choices: Iterable[str] | None = None) -> str | None:
        """A text that is not empty."""
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            self.problem(key, "this is a text in quotes, not empty")
            return None
        if choices is not None and value not in choices:
            self.problem(key, f'there is no "{value}"{nearest(value, choices)}')
        return value

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number between two bounds, both included."""
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.problem(key, f"this is a whole number between {low} and {high}")
            return default
        return value

    def truth(self, key: str) -> bool | None:
        """``true`` or ``false``."""
        value = self._get(key)
        if value is None or isinstance(value, bool):
            return value
        self.problem(key, "this is true or false")
        return None

    def length(self, key: str, default: int, low: int, high: int) -> int:
        """A length of time such as ``"24h"``, in nanoseconds."""
        return self.optional_length(key, low, high) or default

    def optional_length(self, key: str, low: int, high: int) -> int | None:
        """A length of time such as ``"24h"``, in nanoseconds; None where it is not given."""
        value = self._get(key)
        if value is None:
            return None
        try:
            quantity = parse_quantity(value) if isinstance(value, str) else None
        except QuantityError:
            quantity = None
        if quantity is None or quantity.dimension != TIME:
            self.problem(key, 'this is a length of time in quotes, such as "30s" or "24h"')
            return None
        if not low <= quantity.value <= high:
            self.problem(key, f"this lies between {format_length(low)} and {format_length(high)}")
            return None
        return int(quantity.value)

    def option(self, key: str) -> str | int | tuple[str, ...] | None:
        """A text, a whole number, or several texts."""
        match self._get(key):
            case None:
                return None
            case str() as text:
                return text
            case int() as number if not isinstance(number, bool):
                return number
            case [*several] if all(isinstance(one, str) for one in several):
                return tuple(several)
        self.problem(key, "this is a text in quotes, a whole number, or several texts in brackets")
        return None

    def texts(self, key: str, choices: Iterable[str] | None = None) -> tuple[str, ...] | None:
        """Several texts in brackets."""
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            self.problem(key, 'these are texts in brackets, such as ["one", "two"]')
            return None
        known = None if choices is None else [str(one) for one in choices]
        for one in value:
            if known is not None and one not in known:
                self.problem(key, f'there is no "{one}"{nearest(one, known)}')
                return None
        return tuple(value)

    def path(self, key: str) -> str | None:
        """The path of a file, relative to the folder of the one that is read."""
        value = self.text(key)
        return None if value is None else os.path.join(self.folder, value)

    def reference(self, key: str) -> Reference | None:
        """``{ env = "NAME" }`` or ``{ file = "path" }``."""
        value = self._get(key)
        match value:
            case None:
                return None
            case {"env": str(variable)} if variable and len(value) == 1:
                return Reference(variable=variable)
            case {"file": str(file)} if file and len(value) == 1:
                path = os.path.join(self.folder, file)
                self.files.append(path)
                return Reference(file=path)
            case str():
                self.problem(key, f"a secret is not written here; say where it lies: {_REFERENCES}")
            case _:
                self.problem(key, f"this is {_REFERENCES}")
        return None

    def table(self, key: str) -> Table | None:
        """A table within this one."""
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.problem(key, f"this is a table: [{'.'.join(_quoted(part) for part in (*self.place, key))}]")
            return None
        return Table(value, (*self.place, key), self.problems, self.folder, self.files)

    def tables(self) -> Iterable[tuple[str, Table]]:
        """Every table within this one, whatever its name."""
        for key in self.values:
            table = self.table(key)
            if table is not None:
                yield key, table

    def finish(self) -> None:
        """Notes every key that nobody asked for."""
        for key in self.values:
            if key not in self._seen:
                self.problem(key, f"there is no such setting{nearest(key, self._seen)}")

    def _get(self, key: str) -> Any:
        self._seen.add(key)
        return self.values.get(key)
        return None


def _quoted(part: str) -> str:
    return part if part and set(part) <= _BARE else '"' + part.replace('"', '\\"') + '"'
