"""What was observed, in order: streams of samples and versions of records (rules M1, M2, M4 and M5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from attrs import frozen

from wsla.analysis.operations import Value
from wsla.analysis.types import NumberType
from wsla.plan.model import Plan, Source
from wsla.values.observations import Observation, Raw

LabelSet = frozenset[tuple[str, str]]
"""Label names with their values, in no order."""

NO_LABELS: LabelSet = frozenset()


@frozen(kw_only=True)
class Row:
    """One observation with exact values by field name; ``order`` is its place among all that were accepted."""

    at: int
    values: Mapping[str, Value]
    order: int


@frozen(kw_only=True)
class Record:
    """The versions of one record, in order of ``at``; never empty."""

    key: Value
    labels: LabelSet
    versions: tuple[Row, ...]

    @property
    def latest(self) -> Row:
        """The version with the greatest ``at`` (M4)."""
        return self.versions[-1]


def exact(source: Source, fields: Mapping[str, Raw]) -> dict[str, Value]:
    """The values of all fields of a source; one that is missing or None is unknown (M1)."""
    values: dict[str, Value] = {}
    for field in source.fields:
        raw = fields.get(field.name)
        if raw is None or isinstance(raw, bool | str):
            values[field.name] = raw
        elif isinstance(field.type, NumberType):
            values[field.name] = raw * field.resolution
        else:
            values[field.name] = Fraction(raw)
    return values


def labels_of(source: Source, values: Mapping[str, Value]) -> LabelSet | None:
    """The labels that a row carries; None where one of them is unknown."""
    found = frozenset((name, value) for name in source.labels if isinstance(value := values[name], str))
    return found if len(found) == len(source.labels) else None


def restrict(labels: LabelSet, names: Iterable[str]) -> LabelSet:
    """The labels of these names."""
    kept = frozenset(names)
    return frozenset(label for label in labels if label[0] in kept)


class Facts:
    """All that was observed, asked for as it was known at an instant."""

    def __init__(self, plan: Plan, observations: Iterable[Observation]) -> None:
        self._sources = {source.name: source for source in plan.sources}
        self._rows: dict[str, list[Row]] = {source.name: [] for source in plan.sources}
        self._labels: dict[int, LabelSet | None] = {}
        seen: dict[tuple[object, ...], int] = {}
        for order, observation in enumerate(observations):
            source = self._sources.get(observation.source)
            if source is None:
                continue
            values = exact(source, observation.fields)
            labels = labels_of(source, values)
            identity = _identity(source, observation.at, values, order)
            rows = self._rows[source.name]
            row = Row(at=observation.at, values=values, order=order)
            # M1: of samples the first that was accepted stands, of a record's versions the last.
            if identity not in seen:
                seen[identity] = len(rows)
                rows.append(row)
            elif source.records:
                rows[seen[identity]] = row
            else:
                continue
            self._labels[order] = labels
        for rows in self._rows.values():
            rows.sort(key=lambda row: (row.at, row.order))

    def _known_at(self, source: str, asked: int) -> list[Row]:
        # M5: asked at T, only observations with at < T exist.
        return [row for row in self._rows[source] if row.at < asked]

    def first_seen(self, source: str, names: Iterable[str], asked: int) -> dict[LabelSet, int]:
        """The combinations of these labels in a source, each with the instant of its first observation."""
        names = tuple(names)
        first: dict[LabelSet, int] = {}
        for row in self._known_at(source, asked):
            labels = self._labels[row.order]
            if labels is not None:
                first.setdefault(restrict(labels, names), row.at)
        return first

    def streams(self, source: str, labels: LabelSet, asked: int) -> dict[LabelSet, list[Row]]:
        """The streams of a source that carry these labels (M2), by all of their labels."""
        found: dict[LabelSet, list[Row]] = {}
        for row in self._known_at(source, asked):
            own = self._labels[row.order]
            if own is not None and labels <= own:
                found.setdefault(own, []).append(row)
        return found

    def records(self, source: str, labels: LabelSet, asked: int) -> list[Record]:
        """The records whose latest version carries these labels (M4), in order of (instant, version, key)."""
        spec = self._sources[source]
        versions: dict[object, list[Row]] = {}
        for row in self._known_at(source, asked):
            key = None if spec.key is None else row.values[spec.key]
            versions.setdefault(("row", row.order) if key is None else ("key", key), []).append(row)
        found = []
        for (_, key), rows in versions.items():  # type: ignore[misc]
            own = self._labels[rows[-1].order]
            if labels <= (NO_LABELS if own is None else own):
                found.append(Record(key=key, labels=own or NO_LABELS, versions=tuple(rows)))
        return found

    def instant(self, source: str, row: Row) -> int | None:
        """The instant at which a record counts (M4); the observation's own where no field is named so."""
        name = self._sources[source].at
        value = row.values.get(name, row.at)
        return None if value is None else int(value)


def _identity(source: Source, at: int, values: Mapping[str, Value], order: int) -> tuple[object, ...]:
    if source.records:
        key = None if source.key is None else values[source.key]
        # M1: a record source without a key keeps every row.
        return (source.name, "row", order) if key is None else (source.name, "key", key, at)
    return (source.name, tuple(values[name] for name in source.labels), at)
