"""Sources whose rows carry instants of their own and are read on from where reading had come, each row once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from attrs import field, frozen

from wsla.analysis.checked import Field, Source
from wsla.evaluation.cells import Encoder, EncodingError
from wsla.sources.files.table import Request
from wsla.sources.pushed import MOST_AHEAD, Row
from wsla.values.instants import SECOND, format_length, parse_instant
from wsla.values.observations import Observation, Raw

MOST_ROWS: Final = 5_000
"""Rows that are read at once."""
_SHOWN: Final = 5
_FIRST: Final = parse_instant("1678-01-01T00:00:00Z")


class NotFollowed(Exception):
    """What is followed cannot be read at the moment; ``failure`` is the word for it, the message never a secret."""

    def __init__(self, failure: str, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure
        self.reason = reason


@frozen(kw_only=True)
class Found:
    """What was added. ``place`` (JSON-able) is up to where it was read, to be kept once ``rows`` are on the disk.

    ``told`` is what somebody should hear of, such as rows that cannot be used, of which there were ``refused``.
    ``more`` is True where there is more to be read at once.
    """

    rows: tuple[Row, ...] = ()
    place: object = None
    told: tuple[str, ...] = ()
    refused: int = 0
    more: bool = False


class Follower(Protocol):
    """Reads on. Used by one thread at a time; no method is called before ``begin``."""

    def begin(self, place: Any, since: int) -> None:
        """Goes on from a place that was kept (None: from the beginning). Rows from before ``since`` are passed over."""
        ...

    def look(self, now: int) -> Found:
        """What was added up to ``now``. Raises NotFollowed; whatever is called next, nothing is lost by it."""
        ...

    def cancel(self) -> None:
        """Called from another thread: a look that runs should end."""
        ...

    def close(self) -> None:
        """Give back files and connections."""
        ...


@frozen(kw_only=True)
class Following(Request):
    """What is wanted of something that is followed: no row may be dated ahead of ``now``."""

    now: int = field()

    def encoders(self, fields: Sequence[Field]) -> list[Encoder]:
        """Those of any request; the instant is looked at as well."""
        source = self.source
        instant = (source.updated or source.at) if source.records else source.at
        return [
            self._dated(encode) if x.name == instant else encode
            for x, encode in zip(fields, super().encoders(fields), strict=True)
        ]

    def _dated(self, encode: Encoder) -> Encoder:
        def encode_instant(cell: object) -> Raw:
            found = encode(cell)
            if isinstance(found, int):
                if found < _FIRST:
                    raise EncodingError("lies before the year 1678")
                if found - self.now > MOST_AHEAD:
                    ahead = format_length((found - self.now) // SECOND * SECOND)
                    raise EncodingError(f"lies {ahead} ahead of this machine's clock")
            return found

        return encode_instant


class Refusals:
    """The rows that cannot be used: all are counted, the first few told with their file and line, behind ``notes``."""

    def __init__(self, notes: Sequence[str] = ()) -> None:
        self.count = 0
        self.told: list[str] = []
        self._notes: Final = tuple(notes)

    def refuse(self, where: str, line: int, reason: str) -> None:
        """One row."""
        self.count += 1
        if len(self.told) < _SHOWN:
            self.told.append(f"{where}:{line}: {reason}")

    def lines(self) -> tuple[str, ...]:
        """What is told of them."""
        rest = self.count - len(self.told)
        more = (f"{rest} more rows cannot be used",) if rest else ()
        return (*self._notes, *self.told, *more)


def following(
    source: Source, shown: str, zone: ZoneInfo | None, fields: tuple[Field, ...], now: int, **refused: Any
) -> Following:
    """A request for what was added to a source, which messages call ``shown``."""
    return Following(source=source, path=shown, zone=zone, fields=fields, where=(), now=now, **refused)


def identified(
    source: Source, observations: Iterable[Observation], since: int, piece: str
) -> tuple[Row, ...]:
    """Observations from ``since`` on with what tells them from others of their source and instant.

    ``piece`` names where they were read from, and has to be the same whenever they are read again: it tells records
    apart that have no key and say the same.
    """
    seen: dict[tuple[int, str], int] = {}
    return tuple((*_identity(source, one, piece, seen), one) for one in observations if one.at >= since)


def _identity(
    source: Source, one: Observation, piece: str, seen: dict[tuple[int, str], int]
) -> tuple[str, str]:
    if not source.records:
        values = [one.fields[name] for name in source.labels]
        return (json.dumps(values, ensure_ascii=False) if values else "", "")
    digest = content_digest(one.fields)
    if source.key is not None and (key := one.fields.get(source.key)) is not None:
        return ("", f"{key} {digest}")
    count = seen[one.at, digest] = seen.get((one.at, digest), 0) + 1
    return ("", f"{digest} {piece}.{count}")


def content_digest(fields: Mapping[str, Raw]) -> str:
    """What tells records apart that say different things."""
    content = json.dumps(dict(sorted(fields.items())), ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]
