"""An observation: what one look at a source gave."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

Raw = bool | int | str | None
"""A measured value as it is stored: a truth, a fixed-point integer (nanoseconds for lengths and instants, millionths of
the unit for other numbers), a text, or None for *unknown*."""


@frozen(kw_only=True)
class Observation:
    """What one look at a source gave: values of its fields at an instant.

    ``at`` is nanoseconds since the epoch. ``reason`` is None for a look that succeeded; otherwise it says in a few
    words why some or all fields are unknown (the observer's fault) or why the service was found bad.
    ``failure`` is a stable word for the same (``timeout``, ``refused``, ``observer`` …), for machines.
    """

    source: str
    at: int
    fields: Mapping[str, Raw] = field(factory=dict)
    reason: str | None = None
    failure: str | None = None
