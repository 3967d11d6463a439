"""Whether single observations are stored already, asked by their identities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Final, NamedTuple

from wsla.store import codecs
from wsla.store.codecs import sound_text
from wsla.store.segments import looks_of
from wsla.store.statements import Session
from wsla.values.observations import Raw

_STREAM: Final = "SELECT id FROM streams WHERE agreement_id = ? AND source = ? AND stream = ?"
_THINNED: Final = "SELECT until FROM thinned WHERE stream_id = ?"
_ROWS: Final = (
    "WITH wanted (at, row) AS (VALUES {}) SELECT wanted.at, wanted.row, fields, late"
    " FROM wanted CROSS JOIN observations ON stream_id = ? AND observations.at = wanted.at"
    " AND observations.row = wanted.row"
)
_SEGMENTS: Final = (
    "SELECT id, codec, sha256, content FROM segments WHERE stream_id = ? AND last_at >= ? AND first_at <= ?"
)


_AT_ONCE: Final = 200
"""Rows asked for by one statement: a question each would be a way to the server and back each."""


class Identity(NamedTuple):
    """What an observation is known by within its source: see ``Observed``."""

    stream: str
    at: int
    row: str


class Stored(NamedTuple):
    """What stands under an identity: its fields and whether it came too late. ``fields`` is None where observations of
    that time are no longer kept, so that nobody knows, and none can be added."""

    fields: Mapping[str, Raw] | None
    late: bool


def find(session: Session, agreement: int, source: str, wanted: Iterable[Identity]) -> dict[Identity, Stored]:
    """Those of the wanted identities that are stored, or whose time is no longer kept."""
    found: dict[Identity, Stored] = {}
    for stream, group in groupby(sorted(wanted), key=lambda one: one.stream):
        number = session.read(_STREAM, (agreement, sound_text(source), sound_text(stream)))
        if number:
            _find_in(session, int(number[0][0]), list(group), found)
    return found


def _find_in(session: Session, stream: int, wanted: list[Identity], found: dict[Identity, Stored]) -> None:
    """``wanted`` are of one stream, in order of their instants."""
    kept = session.read(_THINNED, (stream,))
    kept_from = None if not kept else kept[0][0]
    packed = session.read("SELECT max(last_at) FROM segments WHERE stream_id = ?", (stream,))[0][0]
    looked_at: set[int] = set()
    looks: dict[tuple[int, str], Mapping[str, Raw]] = {}
    single = _singly_kept(session, stream, wanted)
    for one in wanted:
        if kept_from is not None and one.at < kept_from:
            found[one] = Stored(None, False)
            continue
        row = sound_text(one.row)
        kept_alone = single.get((one.at, row))
        if kept_alone is not None:
            found[one] = kept_alone
            continue
        if packed is None or one.at > packed:
            continue
        for number, codec, sha256, content in session.read(_SEGMENTS, (stream, one.at, one.at)):
            if number not in looked_at:
                looked_at.add(number)
                looks.update(
                    ((look.at, look.row), look.fields) for look in looks_of(number, codec, sha256, content)
                )
        fields = looks.get((one.at, row))
        if fields is not None:
            found[one] = Stored(fields, False)


def _singly_kept(session: Session, stream: int, wanted: list[Identity]) -> dict[tuple[int, str], Stored]:
    """Those that are not in a segment, by instant and row."""
    found = {}
    for start in range(0, len(wanted), _AT_ONCE):
        asked = wanted[start : start + _AT_ONCE]
        statement = _ROWS.format(", ".join(["(?, ?)"] * len(asked)))
        values = [value for one in asked for value in (one.at, sound_text(one.row))]
        for at, row, fields, late in session.read(statement, [*values, stream]):
            found[at, row] = Stored(codecs.load_fields(fields), bool(late))
    return found
