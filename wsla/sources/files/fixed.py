"""A column of a table in the fixed point of its field, at the speed of columns.

Where a value is not plainly what its field stores, its row is called *odd*: the encoder of single cells judges those,
so that there is one rule only for what is accepted and why something is not.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import polars
from attrs import frozen
from numpy.typing import NDArray

from wsla.analysis.checked import Field
from wsla.analysis.types import BooleanType, InstantType, NumberType, TextType
from wsla.evaluation.batch.columns import Flags
from wsla.evaluation.cells import Encoder, EncodingError, encoder
from wsla.sources.files.decimals import decimals, places_of
from wsla.sources.files.tables import exact
from wsla.values.instants import DAY, MINUTE, from_local
from wsla.values.quantities import DIMENSIONLESS, TIME

Positions = NDArray[np.int64]

_LARGEST: Final = 2**63 - 1
_FEW_PLACES: Final = 3
"""Decimals that most measurements do not exceed."""

_EXACT_IN_SHORT_FLOAT: Final = 2**22
_LARGEST_SHORT: Final = 2**32
SHORT_INTEGERS: Final = frozenset(
    {polars.Int8, polars.Int16, polars.Int32, polars.UInt8, polars.UInt16, polars.UInt32}
)
WHOLE: Final = r"^[0-9]{1,18}$"
"""Texts that are whole numbers and nothing else."""

_DECIMAL: Final = r"^-?[0-9]{1,8}(\.[0-9]{1,6})?$"
_IN_UTC: Final = r"^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,9})?Z$"
_BY_CLOCK: Final = r"^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,9})?$"
_OFFSET_BLOCK: Final = 15 * MINUTE
_FEW: Final = 1_000
_NANOSECONDS: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000}


@frozen(eq=False)
class Fixed:
    """Values, ``times`` so much, as ``Column`` has them; at the ``odd`` positions they mean nothing yet."""

    values: NDArray[Any]
    known: Flags | None
    odd: Positions
    times: int = 1


Converter = Callable[[polars.Series], Fixed]


def converter(field: Field, kind: polars.DataType, zone: ZoneInfo | None) -> Converter:
    """What turns a column of this kind into the values of a field; the general answer is that every row is odd."""
    match field.type:
        case InstantType():
            found = _instants(field, kind, zone)
        case NumberType():
            found = _numbers(field, field.type, kind)
        case BooleanType() if kind == polars.Boolean:
            found = _truths
        case _:
            found = None
    if found is not None:
        return found
    dtype = empty_values(field).dtype
    if isinstance(kind, polars.String | polars.Categorical | polars.Enum | polars.Date) or kind.is_integer():
        return _by_distinct_values(field, encoder(field, zone), kind)
    return lambda column: _all_odd(column, dtype)


def between(convert: Converter, first: int, last: int) -> Converter:
    """What is known and outside of ``[first, last)`` is odd, too."""

    def converted(column: polars.Series) -> Fixed:
        one = convert(column)
        if len(one.values) == 0 or (one.values.min() >= first and one.values.max() < last):
            return one
        outside = (one.values < first) | (one.values >= last)
        if one.known is not None:
            outside &= one.known
        return Fixed(one.values, one.known, np.union1d(one.odd, _positions(outside)))

    return converted


def empty_values(field: Field, rows: int = 0) -> NDArray[Any]:
    """Values of a field that mean nothing."""
    match field.type:
        case BooleanType():
            return np.zeros(rows, dtype=np.bool_)
        case TextType():
            return np.full(rows, "", dtype=object)
    return np.zeros(rows, dtype=np.int64)


def _all_odd(column: polars.Series, dtype: np.dtype[Any]) -> Fixed:
    odd = column.is_not_null().to_numpy().nonzero()[0]
    known = None if len(odd) == len(column) else column.is_not_null().to_numpy()
    return Fixed(np.zeros(len(column), dtype=dtype), known, odd)


def _known(column: polars.Series) -> tuple[polars.Series, Flags | None]:
    """The column without nulls, and where there were none."""
    if column.null_count() == 0:
        return column, None
    return column.fill_null(0 if column.dtype.is_numeric() else False), column.is_not_null().to_numpy()


_NONE: Final[Positions] = np.zeros(0, dtype=np.int64)


def _positions(flags: Flags) -> Positions:
    return flags.nonzero()[0]


# --- truths and texts


def _truths(column: polars.Series) -> Fixed:
    filled, known = _known(column)
    return Fixed(filled.to_numpy(), known, _NONE)


def _by_distinct_values(field: Field, encode: Encoder, kind: polars.DataType) -> Converter:
    """Each value encoded once; for columns of which most rows repeat others."""
    dtype = empty_values(field).dtype

    def convert(column: polars.Series) -> Fixed:
        distinct = column.unique().drop_nulls()
        if len(distinct) > _FEW + len(column) // 4:
            return _all_odd(column, dtype)
        cells = polars.select(exact(polars.lit(distinct), kind)).to_series().to_list()
        # The place after the last is for nulls.
        raws = empty_values(field, len(cells) + 1)
        known = np.zeros(len(cells) + 1, dtype=np.bool_)
        odd = np.zeros(len(cells) + 1, dtype=np.bool_)
        for place, cell in enumerate(cells):
            try:
                raw = encode(cell)
            except EncodingError:
                odd[place] = True
                continue
            if raw is not None and (dtype != np.int64 or -_LARGEST <= int(raw) <= _LARGEST):
                raws[place], known[place] = raw, True
            else:
                odd[place] = raw is not None
        if len(cells) == 1 and known[0] and column.null_count() == 0:
            return Fixed(np.broadcast_to(raws[0:1], len(column)), None, _NONE)
        codes = _codes(column, distinct).to_numpy()
        return Fixed(
            raws[codes],
            None if known[:-1].all() and column.null_count() == 0 else known[codes],
            _positions(odd[codes]) if odd.any() else _NONE,
        )

    return convert


def _codes(column: polars.Series, distinct: polars.Series) -> polars.Series:
    places = polars.Series(range(len(distinct)), dtype=polars.UInt32)
    if len(distinct) == 0:
        return polars.repeat(0, len(column), dtype=polars.UInt32, eager=True)
    return column.replace_strict(distinct, places, default=None, return_dtype=polars.UInt32).fill_null(
        len(distinct)
    )


# --- instants


def _instants(field: Field, kind: polars.DataType, zone: ZoneInfo | None) -> Converter | None:
    if isinstance(kind, polars.Datetime):
        scale = _NANOSECONDS[kind.time_unit]
        if kind.time_zone is not None:
            return lambda column: _whole(column.to_physical(), scale, 1)
        if zone is not None:
            return lambda column: _local(_whole(column.to_physical(), scale, 1), zone)
        return None
    if kind == polars.String and not field.unit_stated:
        return lambda column: _written_instants(column, zone)
    if not field.unit_stated:
        return None
    if kind == polars.String:
        return lambda column: _plainly(column, WHOLE, polars.Int64, _instants(field, polars.Int64(), zone))
    if kind.is_integer():
        return lambda column: _whole(column, *field.unit_factor.as_integer_ratio())
    if kind == polars.Float64:
        return lambda column: _fractions(column, field.unit_factor)
    return None


def _written_instants(column: polars.Series, zone: ZoneInfo | None) -> Fixed:
    """Times of the usual form, in UTC or, where a zone is given, as its clocks show them."""
    in_utc = column.str.contains(_IN_UTC)
    if zone is None or in_utc.all():
        return _plainly(column, _IN_UTC, polars.Datetime("ns"), _clock_times)
    local = _plainly(
        column, _BY_CLOCK, polars.Datetime("ns"), lambda times: _local(_clock_times(times), zone)
    )
    if not in_utc.any():
        return local
    own = _plainly(column, _IN_UTC, polars.Datetime("ns"), _clock_times)
    places = in_utc.fill_null(False).to_numpy()
    return Fixed(np.where(places, own.values, local.values), local.known, np.intersect1d(own.odd, local.odd))


def _clock_times(column: polars.Series) -> Fixed:
    return _whole(column.to_physical(), 1, 1)


def _plainly(
    column: polars.Series,
    pattern: str,
    kind: polars.DataType | type[polars.DataType],
    convert: Converter | None,
) -> Fixed:
    """Texts of a plain form as values of another kind; what has another form is odd."""
    plain = column.str.contains(pattern)
    texts = polars.select(polars.when(plain).then(column)).to_series()
    if kind == polars.Datetime:
        seconds = texts.str.slice(0, 19).str.replace(" ", "T", literal=True)
        fractions = texts.str.slice(20).str.strip_chars_end("Z").str.pad_end(9, "0")
        times = seconds.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="ns", strict=False)
        parsed = (times.to_physical() + fractions.cast(polars.Int64, strict=False)).cast(
            polars.Datetime("ns")
        )
    else:
        parsed = texts.cast(kind, strict=False)
    unread = (parsed.is_null() & column.is_not_null()).to_numpy()
    assert convert is not None
    found = convert(parsed)
    known = found.known if found.known is None else column.is_not_null().to_numpy()
    return Fixed(
        found.values, known, np.union1d(found.odd, _positions(unread)) if unread.any() else found.odd
    )


def _local(read: Fixed, zone: ZoneInfo) -> Fixed:
    """Wall-clock times as instants: between clock changes each quarter of an hour has one offset."""
    blocks = read.values // _OFFSET_BLOCK
    changes = np.flatnonzero(np.diff(blocks)) + 1
    if len(changes) > _FEW + len(blocks) // 16:
        found, places = np.unique(blocks, return_inverse=True)
    else:
        found = blocks[np.concatenate(([0], changes))] if len(blocks) else blocks
        places = np.zeros(len(blocks), dtype=np.int64)
        places[changes] = 1
        np.cumsum(places, out=places)
    offsets = np.zeros(len(found), dtype=np.int64)
    odd = np.zeros(len(found), dtype=np.bool_)
    for place, block in enumerate(found.tolist()):
        offset = _offset(block, zone)
        odd[place] = offset is None
        offsets[place] = offset or 0
    # A time that clocks leave out comes out after one that follows it: order is looked at later, not here.
    return Fixed(
        read.values - offsets[places],
        read.known,
        np.union1d(read.odd, _positions(odd[places])) if odd.any() else read.odd,
    )


def _offset(block: int, zone: ZoneInfo) -> int | None:
    """What local times of a quarter of an hour are ahead of UTC; None where that is not one length."""
    start = block * _OFFSET_BLOCK
    try:
        first = datetime.fromtimestamp(start // 10**9, UTC).replace(tzinfo=None)
        last = first + timedelta(microseconds=_OFFSET_BLOCK // 1_000 - 1)
        at_first = start - from_local(first, zone)
        at_last = start + _OFFSET_BLOCK - 1_000 - from_local(last, zone)
    except (ValueError, OverflowError, OSError):
        return None
    is_safe = abs(start) < _LARGEST - 2 * DAY
    return at_first if at_first == at_last and is_safe else None


# --- numbers


def _numbers(field: Field, number: NumberType, kind: polars.DataType) -> Converter | None:
    if isinstance(kind, polars.Duration):
        if number.dimension != TIME or field.resolution != 1:
            return None
        return lambda column: _whole(column.dt.total_nanoseconds(), 1, 1)
    if not field.unit_stated and (number.share or number.dimension != DIMENSIONLESS):
        return None
    factor = field.unit_factor / field.resolution
    if kind in SHORT_INTEGERS and factor.denominator == 1 and _LARGEST // factor.numerator > _LARGEST_SHORT:
        return lambda column: _short(column, factor.numerator)
    if kind == polars.String:
        return lambda column: _plainly(
            column,
            _DECIMAL,
            polars.Float64,
            lambda numbers: _fractions(numbers, factor, rounded=field.rounded),
        )
    if kind.is_integer():
        return lambda column: _whole(column, *factor.as_integer_ratio())
    if kind == polars.Float64:
        return lambda column: (
            _short_decimals(column, factor) or _fractions(column, factor, rounded=field.rounded)
        )
    if kind == polars.Float32:
        return lambda column: _short_fractions(column, factor)
    return None


def _short(column: polars.Series, factor: int) -> Fixed:
    """Whole numbers of few bits, which are not multiplied yet."""
    filled, known = _known(column)
    return Fixed(filled.to_numpy(), known, _NONE, factor)


def _whole(column: polars.Series, numerator: int, denominator: int) -> Fixed:
    """Whole numbers times a factor."""
    filled, known = _known(column)
    limit = _LARGEST // numerator
    odd = _NONE
    if not (filled.dtype in SHORT_INTEGERS and limit > _LARGEST_SHORT) and len(filled):
        smallest = int(filled.min())  # type: ignore[arg-type]
        # Of numbers that stay as they are only the least has no counterpart.
        is_in_range = numerator == 1 and filled.dtype == polars.Int64
        largest = 0 if is_in_range else int(filled.max())  # type: ignore[arg-type]
        if smallest < -limit or largest > limit:
            is_signed = filled.dtype.is_signed_integer()
            outside = (filled < -limit) | (filled > limit) if is_signed else filled > limit
            odd = _positions(outside.to_numpy())
            filled = filled.set(outside, 0)
    values = _multiplied(filled, numerator)
    if denominator != 1:
        values, rests = np.divmod(values, denominator)
        if rests.any():
            odd = np.union1d(odd, _positions(rests != 0))
    return Fixed(values, known, odd)


def _multiplied(column: polars.Series, numerator: int) -> NDArray[np.int64]:
    """One pass over the values, and none where they are the result as they are."""
    if column.dtype not in SHORT_INTEGERS:
        column = column.cast(polars.Int64)
    if numerator == 1 and column.dtype == polars.Int64:
        return column.to_numpy()
    values = np.empty(len(column), dtype=np.int64)
    start = 0
    for chunk in column.get_chunks():
        part = values[start : start + len(chunk)]
        if numerator == 1:
            part[:] = chunk.to_numpy()
        else:
            np.multiply(chunk.to_numpy(), np.int64(numerator), out=part, casting="same_kind")
        start += len(chunk)
    return values


def _fractions(column: polars.Series, factor: Fraction, *, rounded: bool = False) -> Fixed:
    """Floating-point numbers, meant as their shortest decimals, times a factor."""
    filled, known = _known(column)
    places = places_of(factor)
    values = np.empty(len(filled), dtype=np.int64)
    odd: list[Positions] = []
    start = 0
    for chunk in filled.get_chunks():
        floats = chunk.to_numpy()
        part = values[start : start + len(floats)]
        odd.append(decimals(floats, places, factor, part, rounded=rounded) + start)
        start += len(floats)
    found = np.concatenate(odd) if odd else _NONE
    # Large numbers have fewer decimals: a time in seconds has no room for nanoseconds.
    for fewer in (6, 3, 0):
        if len(found) and fewer < places:
            again = np.empty(len(found), dtype=np.int64)
            still = decimals(filled.gather(found).to_numpy(), fewer, factor, again)
            values[found] = again
            found = found[still]
    return Fixed(values, known, found)


def _short_decimals(column: polars.Series, factor: Fraction) -> Fixed | None:
    """Floating-point numbers as ``_fractions`` has them, where all have so few decimals, and are so small, that 32 bits
    hold them: those are not multiplied yet. None for others.
    """
    places = min(places_of(factor), _FEW_PLACES)
    times = factor / 10**places
    if times.denominator != 1 or times == 1 or _LARGEST // times.numerator <= _LARGEST_SHORT:
        return None
    filled, known = _known(column)
    values = np.empty(len(filled), dtype=np.int32)
    start = 0
    for chunk in filled.get_chunks():
        floats = chunk.to_numpy()
        part = values[start : start + len(floats)]
        # Most columns that do not fit show it early.
        for begin, end in pairwise((0, min(_FEW, len(floats)), len(floats))):
            if len(decimals(floats[begin:end], places, Fraction(10**places), part[begin:end])):
                return None
        start += len(floats)
    return Fixed(values, known, _NONE, times.numerator)


def _short_fractions(column: polars.Series, factor: Fraction) -> Fixed:
    """Numbers of 32 bits, meant as the shortest decimals that these can hold."""
    filled, known = _known(column)
    short = filled.to_numpy()
    places = places_of(factor)
    scale = float(10**places)
    step = factor / 10**places
    with np.errstate(invalid="ignore", over="ignore"):
        wide = short.astype(np.float64)
        steps = np.rint(wide * scale)
        nearest = np.abs(short - np.nextafter(short, np.float32(0))).astype(np.float64)
        fits = np.abs(steps / scale - wide) < 0.49 * nearest
        fits |= short == 0
        fits &= np.abs(steps) <= min(_EXACT_IN_SHORT_FLOAT, _LARGEST // step.numerator)
        values = np.where(fits, steps, 0.0).astype(np.int64) * step.numerator
    if step.denominator != 1:
        values, rests = np.divmod(values, step.denominator)
        fits &= rests == 0
    return Fixed(values, known, _positions(~fits))
