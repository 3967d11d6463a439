"""What a verdict rests on, by hash: the observations of its sources in its window, hour by hour."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final, Protocol

from attrs import define, field, frozen

from wsla.store import codecs
from wsla.store.chain import Read
from wsla.store.columns import Look
from wsla.store.segments import LONGEST, looks_of
from wsla.values.instants import HOUR

_ORDER: Final = attrgetter("at", "row")
_MOST_OPEN: Final = 32

Hour = tuple[int, str]
"""How many observations of a stream lie in an hour, or in a part of it, and the SHA-256 of them."""


@frozen(kw_only=True)
class Evidence:
    """How many observations a verdict rests on, of which sources, and the SHA-256 of all of them."""

    sources: tuple[str, ...]
    observations: int
    sha256: str

    def dump(self) -> str:
        """As JSON."""
        return codecs.dump_json([list(self.sources), self.observations, self.sha256])

    @classmethod
    def load(cls, text: str) -> Evidence:
        """What ``dump`` wrote."""
        sources, observations, sha256 = codecs.load_json(text)
        return cls(sources=tuple(sources), observations=observations, sha256=sha256)


class Hours(Protocol):
    """Where digests of whole hours are kept. ``whole`` where every hour is there in which there is anything."""

    whole: bool

    def between(self, stream: int, start: int, end: int) -> dict[int, Hour]:
        """Those of a stream by the start of the hour, with ``start <= hour < end``."""
        ...

    def keep(self, stream: int, hour: int, digest: Hour) -> None:
        """One more."""
        ...

    def segment(self, read: Read, number: int) -> list[Look]:
        """The looks of a segment."""
        ...


@define
class HoursInMemory:
    """Digests of hours for as long as somebody looks."""

    whole: bool = False
    _found: dict[int, dict[int, Hour]] = field(factory=dict)
    _segments: dict[int, list[Look]] = field(factory=dict)

    def between(self, stream: int, start: int, end: int) -> dict[int, Hour]:
        """See ``Hours``."""
        known = self._found.get(stream, {})
        hours = range(start, end, HOUR)
        if len(hours) < len(known):
            return {hour: known[hour] for hour in hours if hour in known}
        return {hour: digest for hour, digest in known.items() if start <= hour < end}

    def keep(self, stream: int, hour: int, digest: Hour) -> None:
        """See ``Hours``."""
        self._found.setdefault(stream, {})[hour] = digest

    def segment(self, read: Read, number: int) -> list[Look]:
        """See ``Hours``."""
        looks = self._segments.get(number)
        if looks is None:
            if len(self._segments) >= _MOST_OPEN:
                self._segments.clear()
            looks = self._segments[number] = _segment(read, number)
        return looks


@define
class StoredHours:
    """Digests of hours in their table. ``write`` runs a statement."""

    _read: Read
    _write: Callable[[str, Sequence[object]], object]
    whole: bool = False

    def segment(self, read: Read, number: int) -> list[Look]:
        """See ``Hours``."""
        return _segment(read, number)

    def between(self, stream: int, start: int, end: int) -> dict[int, Hour]:
        """See ``Hours``."""
        rows = self._read(
            "SELECT hour, count, sha256 FROM digests WHERE stream_id = ? AND hour >= ? AND hour < ?",
            (stream, codecs.bounded(start), codecs.bounded(end)),
        )
        return {hour: (count, sha256.hex()) for hour, count, sha256 in rows}

    def keep(self, stream: int, hour: int, digest: Hour) -> None:
        """See ``Hours``."""
        self._write(
            "INSERT INTO digests (stream_id, hour, count, sha256) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (stream_id, hour) DO UPDATE SET count = excluded.count, sha256 = excluded.sha256",
            (stream, hour, digest[0], bytes.fromhex(digest[1])),
        )


def digest_of(looks: Iterable[Look]) -> Hour:
    """How many, and the SHA-256 of their canonical form: a JSON list each, by instant and row, fields by name."""
    found = sorted(looks, key=_ORDER)
    sha256 = hashlib.sha256()
    for look in found:
        form = [look.at, look.row, dict(sorted(look.fields.items())), look.reason, look.failure]
        sha256.update(codecs.dump_json(form).encode() + b"\n")
    return len(found), sha256.hexdigest()


def keep_whole_hours(read: Read, hours: Hours, stream: int, looks: Sequence[Look]) -> None:
    """Keep the digests of those hours of which looks about to be packed, in order of time, are everything."""
    for hour, group in groupby(looks, key=lambda look: _hour(look.at)):
        found = list(group)
        ((rows,),) = read(
            "SELECT count(*) FROM observations WHERE stream_id = ? AND at >= ? AND at < ? AND late = 0",
            (stream, hour, codecs.bounded(hour + HOUR)),
        )
        packed = read(
            "SELECT 1 FROM segments WHERE stream_id = ? AND last_at >= ? AND first_at < ? LIMIT 1",
            (stream, hour, codecs.bounded(hour + HOUR)),
        )
        if rows == len(found) and not packed and not hours.between(stream, hour, hour + 1):
            hours.keep(stream, hour, digest_of(found))


def evidence_of(
    read: Read, hours: Hours, agreement: int, sources: Sequence[str] | None, start: int, end: int
) -> Evidence:
    """What rests in ``[start, end)``, of the sources of an agreement (None: all of them). What came too late is no part
    of it."""
    start, end = codecs.bounded(start), codecs.bounded(end)
    streams = read(
        "SELECT id, source, stream FROM streams WHERE agreement_id = ? ORDER BY source, stream", (agreement,)
    )
    wanted = None if sources is None else {codecs.sound_text(source) for source in sources}
    whole = hashlib.sha256()
    total = 0
    for number, source, stream in streams:
        if wanted is not None and source not in wanted:
            continue
        pieces = _pieces(read, hours, number, start, end)
        if not pieces:
            continue
        whole.update(codecs.dump_json([source, stream]).encode() + b"\n")
        for hour, (count, sha256) in sorted(pieces.items()):
            whole.update(f"{hour} {count} {sha256}\n".encode())
            total += count
    named = tuple(sorted({source for _, source, _ in streams} if wanted is None else wanted))
    return Evidence(sources=named, observations=total, sha256=whole.hexdigest())


def _pieces(read: Read, hours: Hours, stream: int, start: int, end: int) -> dict[int, Hour]:
    first, last = -(-start // HOUR) * HOUR, end // HOUR * HOUR
    pieces = hours.between(stream, first, last)
    stretches = [(start, first), (last, end)] if hours.whole and first <= last else [(start, end)]
    looks = [look for one in stretches for look in _looks(read, hours, stream, *one, pieces)]
    looks.sort(key=_ORDER)
    for hour, found in groupby(looks, key=lambda look: _hour(look.at)):
        pieces[hour] = digest_of(found)
        if start <= hour and hour + HOUR <= end:
            hours.keep(stream, hour, pieces[hour])
    return pieces


def _looks(
    read: Read, hours: Hours, stream: int, start: int, end: int, known: Container[int]
) -> Iterator[Look]:
    """What lies in a stretch, but not in the hours that are known."""
    if start >= end:
        return
    yield from _rows(read, stream, start, end, known)
    for number, first_at, last_at in read(
        "SELECT id, first_at, last_at FROM segments"
        " WHERE stream_id = ? AND last_at >= ? AND last_at < ? AND first_at < ?",
        (stream, start, codecs.bounded(end + LONGEST + 1), end),
    ):
        inside = range(_hour(max(first_at, start)), min(last_at + 1, end), HOUR)
        if all(hour in known for hour in inside):
            continue
        for look in hours.segment(read, number):
            if start <= look.at < end and _hour(look.at) not in known:
                yield look


def _hour(at: int) -> int:
    return at // HOUR * HOUR


def _rows(read: Read, stream: int, start: int, end: int, known: Container[int]) -> list[Look]:
    rows = read(
        "SELECT at, received_at, row, fields, reason, failure FROM observations"
        " WHERE stream_id = ? AND at >= ? AND at < ? AND late = 0",
        (stream, start, end),
    )
    return [
        Look(at, received_at, row, codecs.load_fields(fields), reason, failure)
        for at, received_at, row, fields, reason, failure in rows
        if _hour(at) not in known
    ]


def _segment(read: Read, number: int) -> list[Look]:
    ((codec, sha256, content),) = read("SELECT codec, sha256, content FROM segments WHERE id = ?", (number,))
    return looks_of(number, codec, sha256, content)
