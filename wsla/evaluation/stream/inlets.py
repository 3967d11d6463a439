"""Where observations come in: streams of samples, and what else a signal can read (rules M2, M3, M20, M25)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from wsla.analysis.operations import Value
from wsla.analysis.types import NumberType
from wsla.evaluation.stream.exact import whole
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Field, Source
from wsla.values.observations import Raw


class Watcher(Protocol):
    """Somebody who looks again when something that it reads has changed."""

    def refresh(self, at: int) -> None: ...


class Taker(Protocol):
    """Somebody who looks at every sample of a stream."""

    def take(self, at: int) -> None: ...


class Stream:
    """The latest sample of one label combination of a source. ``values`` starts with True while a sample is held.

    ``fields`` is what they were taken from, if that is known: the same object again brings nothing new.
    """

    __slots__ = (
        "at",
        "fields",
        "fresh",
        "labels",
        "lane",
        "seen",
        "source",
        "takers",
        "values",
        "watchers",
    )

    def __init__(self, source: str, labels: Labels, width: int) -> None:
        self.source: Final = source
        self.labels: Final = labels
        self.values: Final[list[Value]] = [None] * (width + 1)
        self.fields: Mapping[str, Raw] | None = None
        self.at = 0
        self.seen = False
        # True while the first sample takes effect: what ended at that instant has not seen it.
        self.fresh = False
        self.watchers: Final[list[Watcher]] = []
        self.takers: Final[list[Taker]] = []
        # The short way that its samples can take while it is open.
        self.lane: Any = None

    def clear(self) -> None:
        """The sample is stale: everything is unknown."""
        if self.lane is not None:
            self.lane.open = False
        self.fields = None
        for position in range(len(self.values)):
            self.values[position] = None


class Held:
    """A value that changes when windows end or verdicts become final."""

    __slots__ = ("labels", "value", "watchers")

    def __init__(self, labels: Labels, value: Value) -> None:
        self.labels: Final = labels
        self.value = value
        self.watchers: Final[list[Watcher]] = []

    def read(self) -> Value:
        return self.value


Holder = Stream | Held


def converter(field: Field) -> Callable[[Any], Value] | None:
    """What turns a stored number into its value; None where they are the same."""
    resolution = field.resolution
    if not isinstance(field.type, NumberType) or resolution == 1:
        return None

    def convert(raw: Raw) -> Value:
        # A truth in a column of numbers is kept as it came.
        if raw is None or isinstance(raw, bool | str):
            return raw
        return whole(raw * resolution)

    return convert


class Inlet:
    """A source of samples: its columns that are needed, and its streams by the values of its labels."""

    __slots__ = (
        "_agenda",
        "_looked",
        "columns",
        "converters",
        "due",
        "names",
        "only",
        "plain",
        "positions",
        "source",
        "staleness",
        "streams",
    )

    def __init__(self, source: Source, columns: tuple[str, ...]) -> None:
        self.source: Final = source
        self.columns: Final = columns
        self.positions: Final = {name: position for position, name in enumerate(columns, 1)}
        fields = {field.name: field for field in source.fields}
        self.converters: Final = [converter(fields[name]) for name in columns]
        self.plain: Final = all(convert is None for convert in self.converters)
        self.names: Final = tuple(sorted(source.labels))
        self.staleness: Final = source.staleness
        self.streams: Final[dict[Labels, Stream]] = {}
        # The one stream of a source without labels, once it is seen.
        self.only: Stream | None = None
        # Somebody waits for this instant, at which a sample goes stale at the earliest.
        self.due: int | None = None
        # When the samples that were held at some instant go stale, in order; newer ones do so after all of them.
        self._agenda: list[tuple[int, int, Stream]] = []
        self._looked = 0

    def stale_from(self) -> int | None:
        """The earliest instant at which a sample goes stale; None where none does."""
        staleness = self.staleness
        if staleness is None:
            return None
        only = self.only
        if only is not None:
            return only.at + staleness if only.values[0] is not None else None
        for _ in range(2):
            agenda = self._agenda
            for position in range(self._looked, len(agenda)):
                due, _, stream = agenda[position]
                if stream.at + staleness == due and stream.values[0] is not None:
                    self._looked = position
                    return due
            held = (stream for stream in self.streams.values() if stream.values[0] is not None)
            self._agenda = sorted(
                (stream.at + staleness, number, stream) for number, stream in enumerate(held)
            )
            self._looked = 0
        return None

    def go_stale(self, instant: int) -> list[Stream]:
        """The samples that are held no longer from this instant on are forgotten."""
        found = []
        while self.stale_from() == instant:
            stream = self.only or self._agenda[self._looked][2]
            stream.clear()
            found.append(stream)
        return found

    def stream(self, labels: Labels) -> Stream:
        """The stream of a label combination, whether or not it was seen."""
        found = self.streams.get(labels)
        if found is None:
            found = self.streams[labels] = Stream(self.source.name, labels, len(self.columns))
        return found

    def labels_of(self, fields: Any) -> Labels | None:
        """The labels of an observation; None where one is unknown."""
        if not self.names:
            return ()
        values = [fields.get(name) for name in self.names]
        if not all(isinstance(value, str) for value in values):
            return None
        return tuple(zip(self.names, values, strict=True))

    def take_in(self, stream: Stream, at: int, fields: Any) -> None:
        """A new sample of a stream."""
        stream.at = at
        stream.fields = fields
        if stream.lane is not None:
            stream.lane.open = False
        if not stream.seen:
            stream.seen = stream.fresh = True
            if not self.names:
                self.only = stream
        values = stream.values
        values[0] = True
        position = 1
        if self.plain:
            for name in self.columns:
                values[position] = fields.get(name)
                position += 1
            return
        for name, convert in zip(self.columns, self.converters, strict=True):
            raw = fields.get(name)
            values[position] = raw if convert is None else convert(raw)
            position += 1
