"""Many observations of one source at once: columns of Python values or arrays, as the values that are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from wsla.analysis.checked import Field, Source
from wsla.analysis.types import BooleanType, NumberType
from wsla.evaluation.cells import Encoder, EncodingError
from wsla.values.observations import Observation, Raw
from wsla.values.quantities import DIMENSIONLESS

_LARGEST: Final = 2**63 - 1
_DIGITS: Final = 10**15
_INT: Final = frozenset({int})
_FLOAT: Final = frozenset({float})
_BOOL: Final = frozenset({bool})


class Rows:
    """Observations of one source in the order of their arrival: ``instants`` (nanoseconds) and a list a field."""

    def __init__(self, source: str, instants: list[int], fields: Mapping[str, list[Raw]]) -> None:
        self.source: Final = source
        self.instants: Final = instants
        self.fields: Final = fields
        # What was found out about the rows, for whoever takes them.
        self.prepared: Any = None

    def __len__(self) -> int:
        return len(self.instants)

    def observation(self, position: int) -> Observation:
        """The row at a position."""
        fields = {name: column[position] for name, column in self.fields.items()}
        return Observation(source=self.source, at=self.instants[position], fields=fields)


def rows_of(
    source: Source,
    columns: Mapping[str, Any],
    encoders: Mapping[str, Encoder],
    instant: Callable[[int | str | datetime], int],
) -> Rows:
    """Columns, by the names of the fields, as rows; the instants stand in ``at``, or as the source calls it.

    Raises EncodingError for a name that is no field, columns of different lengths, a missing column of instants and the
    first value that does not fit, with its row (from 1).
    """
    lists = {name: _listed(values) for name, values in columns.items()}
    name_of_at = "at" if "at" in lists and not (source.records and "at" in encoders) else source.at
    if name_of_at not in lists:
        raise EncodingError(f"`{source.name}` has no column `at` with the instants of its observations")
    lengths = {len(values) for values in lists.values()}
    if len(lengths) > 1:
        raise EncodingError(f"the columns of `{source.name}` have different lengths: {sorted(lengths)}")
    instants = _instants(source, lists.pop(name_of_at), instant)
    fields = {field.name: field for field in source.fields}
    found: dict[str, list[Raw]] = {}
    for name, values in lists.items():
        encode = encoders.get(name)
        if encode is None:
            raise EncodingError(f"`{source.name}` has no field `{name}`; its fields: {', '.join(encoders)}")
        found[name] = _column(source, fields[name], values, encode)
    return Rows(source.name, instants, found)


def _listed(values: Any) -> list[Any]:
    """A list, an array or a column of a data frame as a list of Python's own values."""
    kind = getattr(getattr(values, "dtype", None), "kind", None)
    if kind == "M":
        values = values.astype("datetime64[ns]").astype("int64")
    for name in ("tolist", "to_list"):
        listed = getattr(values, name, None)
        if listed is not None:
            return list(listed())
    return list(values)


def _instants(source: Source, values: list[Any], instant: Callable[[int | str | datetime], int]) -> list[int]:
    if set(map(type, values)) <= _INT:
        return values
    found = []
    for row, value in enumerate(values, 1):
        if isinstance(value, bool) or not isinstance(value, int | str | datetime):
            raise EncodingError(f"{source.name}, row {row}: {value!r} is no instant")
        try:
            found.append(instant(value))
        except ValueError as problem:
            raise EncodingError(f"{source.name}, row {row}: {problem}") from None
    return found


def _column(source: Source, field: Field, values: list[Any], encode: Encoder) -> list[Raw]:
    quick = _quick(field, values)
    if quick is not None:
        return quick
    found: list[Raw] = []
    try:
        for value in values:
            found.append(encode(value))
    except EncodingError as problem:
        raise EncodingError(f"{source.name}.{field.name}, row {len(found) + 1}: {problem}") from None
    return found


def _quick(field: Field, values: Sequence[Any]) -> list[Any] | None:
    """Truths, and numbers that are easily told; None where each value has to be looked at."""
    kinds, kind = set(map(type, values)), field.type
    if not isinstance(kind, NumberType):
        return list(values) if kinds == _BOOL and isinstance(kind, BooleanType) else None
    factor = field.unit_factor / field.resolution
    needs_unit = not field.unit_stated and (kind.share or kind.dimension != DIMENSIONLESS)
    if needs_unit or factor.denominator != 1:
        return None
    steps = factor.numerator
    if kinds == _INT and max(map(abs, values)) <= _LARGEST // steps:
        return [value * steps for value in values]
    if kinds == _FLOAT and steps == 10 ** (len(str(steps)) - 1) and steps <= _DIGITS:
        if not all(abs(value) < _DIGITS / steps for value in values):
            return None
        # A decimal of up to fifteen digits is the shortest that stands for the number: the one that is written.
        stored = [round(value * steps) for value in values]
        if all(number / steps == value for number, value in zip(stored, values, strict=True)):
            return stored
    return None
