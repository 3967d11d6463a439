"""Streams of one source that have the same instants: one behind the other in columns, to be reduced at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from attrs import frozen

from wsla.evaluation.batch.columns import Column, Instants, StreamColumns
from wsla.evaluation.verdicts import Labels


@frozen(eq=False, kw_only=True)
class AlikeStreams:
    """Streams of several label combinations, each of which has a sample at each of the instants ``at``.

    ``fields`` have the rows of the first stream, then those of the second, and so on; labels are not among them.
    """

    source: str
    labels: tuple[Labels, ...]
    at: Instants
    fields: Mapping[str, Column]

    def before(self, instant: int) -> AlikeStreams:
        """What of the streams is earlier than an instant."""
        count = int(np.searchsorted(self.at, instant))
        if count == len(self.at):
            return self
        places = np.arange(len(self.labels))[:, np.newaxis] * len(self.at) + np.arange(count)
        fields = {name: column.rows(places.ravel()) for name, column in self.fields.items()}
        return AlikeStreams(source=self.source, labels=self.labels, at=self.at[:count], fields=fields)

    def singly(self) -> Iterator[StreamColumns]:
        """Each stream by itself, without copying rows."""
        rows = len(self.at)
        for number, labels in enumerate(self.labels):
            own = slice(number * rows, (number + 1) * rows)
            fields = {name: column.rows(own) for name, column in self.fields.items()}
            yield StreamColumns(
                source=self.source,
                labels=labels,
                at=self.at,
                fields={**fields, **label_columns(labels, rows)},
            )


Streams = StreamColumns | AlikeStreams
"""One stream, or several that are alike."""


def one_by_one(streams: Iterable[Streams]) -> Iterator[StreamColumns]:
    """Each stream by itself."""
    for some in streams:
        if isinstance(some, AlikeStreams):
            yield from some.singly()
        else:
            yield some


def label_columns(labels: Labels, rows: int) -> dict[str, Column]:
    """The labels of a stream as fields."""
    return {name: Column(np.broadcast_to(np.array([text], dtype=object), rows)) for name, text in labels}
