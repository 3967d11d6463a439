"""Later versions of what was observed of another agreement, where a correction changed its verdict (rule M106).

They are stored as what came too late, in a row of their own, and take the place of the versions before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from operator import itemgetter
from typing import Any, Final, NamedTuple

from wsla.store.columns import Look
from wsla.store.records import Observed
from wsla.store.together import Placed

_NAMED: Final = re.compile(r"(.*)\|(correction|withdrawn) (\d+)", re.DOTALL)
_BY_TIME: Final = itemgetter(0)

IS_VERSION: Final = "row LIKE '%|correction %' OR row LIKE '%|withdrawn %'"
VERSIONS: Final = f"""
    SELECT source, stream, at, row FROM observations CROSS JOIN streams ON streams.id = observations.stream_id
    WHERE observations.agreement_id = ? AND late = 1 AND ({IS_VERSION})
"""


class Versioned(NamedTuple):
    """What has versions: a source's observation of a stream and an instant, by its first row."""

    source: str
    stream: str
    at: int
    row: str


class Version(NamedTuple):
    """The number of a version, 0 for what was observed first; ``withdrawn`` where there is nothing any more."""

    number: int
    withdrawn: bool


Numbers = Mapping[Versioned, int]
"""The number of the latest version of what has several."""


def row_of_version(row: str, version: Version) -> str:
    """The row of a later version of what was observed first in a row."""
    return f"{row}|{'withdrawn' if version.withdrawn else 'correction'} {version.number}"


def version_of(source: str, stream: str, at: int, row: str) -> tuple[Versioned, Version]:
    """Which version of what lies in a row."""
    found = _NAMED.fullmatch(row)
    if found is None:
        return Versioned(source, stream, at, row), Version(0, False)
    return Versioned(source, stream, at, found[1]), Version(int(found[3]), found[2] == "withdrawn")


def latest(rows: Iterable[tuple[Any, ...]], more: Iterable[Observed] = ()) -> dict[Versioned, int]:
    """The numbers of the latest versions, by rows as ``VERSIONS`` asks for them, and others to come."""
    found: dict[Versioned, int] = {}
    others = ((one.observation.source, one.stream, one.observation.at, one.row) for one in more)
    for row in (*rows, *others):
        which, version = version_of(*row)
        found[which] = max(version.number, found.get(which, 0))
    return found


def that_stand(placed: Iterable[Placed], numbers: Numbers, more: Iterable[Observed] = ()) -> Iterator[Placed]:
    """Observations in order of time, and others to come (in order too): of what has versions the latest alone."""
    others = (
        (
            one.observation.at,
            one.observation.source,
            one.stream,
            Look(
                one.observation.at,
                one.received_at,
                one.row,
                one.observation.fields,
                one.observation.reason,
                None,
            ),
        )
        for one in more
    )
    for one in merge(placed, others, key=_BY_TIME):
        at, source, stream, look = one
        which, version = version_of(source, stream, at, look.row)
        if numbers.get(which, 0) == version.number and not version.withdrawn:
            yield one
