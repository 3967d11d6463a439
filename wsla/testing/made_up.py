"""The observations that a ``test`` block makes up: later lines change what earlier ones said."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from operator import attrgetter

from attrs import define, field

from wsla.analysis.checked import CheckedAgreement, Example, GivenData, Source
from wsla.values.instants import Interval
from wsla.values.observations import Observation, Raw


def span_of_time(agreement: CheckedAgreement, example: Example) -> Interval | None:
    """From the first to the last instant that a test speaks of; None where it names none."""
    starts: list[int] = []
    ends: list[int] = []
    for data in example.given:
        if data.start is not None:
            starts.append(data.start)
            ends.append(data.start + 1 if data.until is None else data.until)
    for expectation in example.expectations:
        if expectation.occasion is not None:
            starts.append(expectation.occasion.start)
            ends.append(expectation.occasion.end + (1 if expectation.occasion.length == 0 else 0))
    if not starts:
        return None
    return Interval(max(min(starts), agreement.effective_start), max(*ends, agreement.effective_start))


@define
class _Stream:
    """The samples of one label combination: values by instant, instants in order.

    Samples of equal values share one mapping, which nobody changes: the evaluator sees by that where nothing is new.
    """

    labels: Mapping[str, Raw]
    values: dict[int, Mapping[str, Raw]] = field(factory=dict)
    order: list[int] = field(factory=list)

    def put(self, at: int, values: Mapping[str, Raw]) -> None:
        if at not in self.values:
            insort(self.order, at)
        self.values[at] = values

    def before(self, at: int) -> Mapping[str, Raw]:
        """The values in force at an instant."""
        position = bisect_right(self.order, at)
        return self.values[self.order[position - 1]] if position else self.labels

    def within(self, start: int, end: int) -> list[int]:
        return self.order[bisect_left(self.order, start) : bisect_left(self.order, end)]


def observations(agreement: CheckedAgreement, example: Example, stretch: Interval) -> list[Observation]:
    """All observations of a test, in order of time."""
    sources = {source.name: source for source in agreement.sources}
    streams: dict[str, dict[tuple[Raw, ...], _Stream]] = {}
    rows: list[Observation] = []
    for data in example.given:
        source = sources[data.source]
        if source.records:
            rows.extend(_rows(source, data, stretch, rows))
        else:
            _samples(source, data, stretch, streams.setdefault(source.name, {}))
    found = rows + [
        Observation(source=name, at=at, fields=stream.values[at])
        for name, by_labels in streams.items()
        for stream in by_labels.values()
        for at in stream.order
        if at < stretch.end
    ]
    return sorted(found, key=attrgetter("at"))


def _samples(
    source: Source, data: GivenData, stretch: Interval, streams: dict[tuple[Raw, ...], _Stream]
) -> None:
    values = dict(data.values)
    labels = {name: values[name] for name in source.labels if name in values}
    chosen = [
        stream for stream in streams.values() if all(stream.labels[name] == labels[name] for name in labels)
    ]
    if len(labels) == len(source.labels) and not chosen:
        key = tuple(labels[name] for name in source.labels)
        chosen = [streams.setdefault(key, _Stream(labels))]
    for stream in chosen:
        _change(stream, values, data, stretch)


def _change(stream: _Stream, values: dict[str, Raw], data: GivenData, stretch: Interval) -> None:
    start = stretch.start if data.start is None else data.start
    if data.every is None and data.until is None:
        stream.put(start, {**stream.before(start), **values})
        return
    end = stretch.end if data.until is None else data.until
    there = stream.within(start, end)
    if not there:
        if data.every is not None:
            fields = {**stream.before(start), **values}
            stream.values.update(dict.fromkeys(range(start, end, data.every), fields))
            stream.order = sorted(stream.values)
            return
        before = stream.before(end)
        stream.put(start, {**stream.before(start), **values})
        if stream.order[0] < start and end < stretch.end:
            stream.put(end, before)
        return
    after = stream.before(end)
    if there[0] != start:
        stream.put(start, stream.before(start))
    earlier = changed = stream.before(start)
    for at in stream.within(start, end):
        if changed is earlier or stream.values[at] is not earlier:
            earlier = stream.values[at]
            changed = {**earlier, **values}
        stream.values[at] = changed
    # The change ends where the text says, even between two ticks; past the last sample nothing goes on.
    if end not in stream.values and end < stream.order[-1]:
        stream.put(end, after)


def _rows(
    source: Source, data: GivenData, stretch: Interval, earlier: list[Observation]
) -> list[Observation]:
    start = stretch.start if data.start is None else data.start
    end = stretch.end if data.until is None else data.until
    instants = [start] if data.every is None else list(range(start, end, data.every))
    values = dict(data.values)
    found = []
    for number, at in enumerate(instants):
        fields = dict(values)
        if source.key is not None:
            if source.key not in fields:
                fields[source.key] = f"{data.span.start}.{number}"
            for row in earlier:
                if (
                    row.source == source.name
                    and row.fields.get(source.key) == fields[source.key]
                    and row.at <= at
                ):
                    fields = {**row.fields, **values, source.key: fields[source.key]}
        if source.at not in values:
            fields.setdefault(source.at, at if source.updated is None else None)
        found.append(Observation(source=source.name, at=at, fields=fields))
    return found
