"""Observations of one stream as columns: differences, split into planes of bytes and compressed; exact."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import gcd
from typing import Any, Final, NamedTuple

from wsla.store import codecs
from wsla.values.instants import SECOND
from wsla.values.observations import Raw

CODEC: Final = 1
"""The version of what ``pack`` writes."""
MOST_LOOKS: Final = 4_096

_PLAIN: Final = 0
_STEPS: Final = 1
_BESIDE: Final = 2
_SAMPLE: Final = 64
_MIDDLE: Final = 1 << 63
_TELL_APART: Final = frozenset({bool, int, str, type(None)})
_LENGTH: Final = 4
# What nearly every content begins with, so that it need not be said each time.
_KNOWN_TEXT: Final = (
    b'null,false,true],"shapes":[["ok","elapsed","status","matched","certificate_left","resolve","connect","handshake",'
    b'"first_byte","body_size"]],"columns":[["number",[1,1,0,1,2]],["same",""],["same",null],["same",true],["same",0],'
    b'["mixed",[null],1,[0,1,1,3]],["texts",[],1],{"count":1024,"'
)

Column = Sequence[Any]


class Look(NamedTuple):
    """An observation as the store keeps it: everything but the names of its agreement, source and stream.

    Instants are nanoseconds. Packed, ``received_at`` is kept in whole seconds after ``at``, rounded upwards.
    """

    at: int
    received_at: int
    row: str
    fields: Mapping[str, Raw]
    reason: str | None
    failure: str | None


def pack(looks: Sequence[Look]) -> bytes:
    """The content of a segment: 1 to ``MOST_LOOKS`` looks of one stream, in this order."""
    shapes: dict[tuple[str, ...], int] = {}
    of_shape = [shapes.setdefault(tuple(look.fields), len(shapes)) for look in looks]
    names = dict.fromkeys(name for shape in shapes for name in shape)
    whole: list[Column] = [
        [look.at for look in looks],
        [-((look.at - look.received_at) // SECOND) for look in looks],
        of_shape,
        [look.row for look in looks],
        [look.reason for look in looks],
        [look.failure for look in looks],
        *([look.fields.get(name) for look in looks] for name in names),
    ]
    planes: list[bytes] = []
    specifications = []
    numbers: list[Sequence[int]] = []
    for column in whole:
        specifications.append(_encode(column, numbers, planes))
    header = codecs.dump_json({"count": len(looks), "shapes": [*shapes], "columns": specifications}).encode()
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _KNOWN_TEXT)
    written = len(header).to_bytes(_LENGTH, "little") + header + b"".join(planes)
    return compressor.compress(written) + compressor.flush()


def unpack(content: bytes) -> list[Look]:
    """The looks that ``pack`` was given. Raises ValueError, KeyError, IndexError or TypeError for other bytes."""
    try:
        written = zlib.decompressobj(-15, _KNOWN_TEXT).decompress(content)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    begin = _LENGTH + int.from_bytes(written[:_LENGTH], "little")
    header = codecs.load_json(written[_LENGTH:begin].decode())
    source = _Planes(written, begin, header["count"])
    numbers: list[Sequence[int]] = []
    columns = [_decode(specification, numbers, source) for specification in header["columns"]]
    ats, delays, of_shape, rows, reasons, failures, *values = columns
    shapes = [tuple(shape) for shape in header["shapes"]]
    names = dict.fromkeys(name for shape in shapes for name in shape)
    if len(shapes) == 1:
        fields = [dict(zip(names, cells, strict=True)) for cells in zip(*values, strict=True)]
        fields = fields or [{} for _ in ats]
    else:
        by_name = dict(zip(names, values, strict=True))
        fields = [{name: by_name[name][i] for name in shapes[shape]} for i, shape in enumerate(of_shape)]
    received = (at + delay * SECOND for at, delay in zip(ats, delays, strict=True))
    return [Look(*cells) for cells in zip(ats, received, rows, fields, reasons, failures, strict=True)]


class _Planes:
    """What follows the header, taken plane by plane."""

    def __init__(self, written: bytes, position: int, count: int) -> None:
        self.count: Final = count
        self._written: Final = written
        self._position = position

    def numbers(self, width: int, count: int) -> array[int]:
        """The next ``count`` numbers of ``width`` bytes."""
        filled = bytearray(8 * count)
        for plane in range(width):
            filled[plane::8] = self._written[self._position : self._position + count]
            self._position += count
        found = array("Q", bytes(filled))
        if sys.byteorder == "big":
            found.byteswap()
        return found


def _split(numbers: Sequence[int], planes: list[bytes]) -> int:
    """Adds the planes of numbers from 0 to 2^64 - 1; the bytes that each needs."""
    width = (max(numbers, default=0).bit_length() + 7) // 8
    whole = array("Q", numbers)
    if sys.byteorder == "big":
        whole.byteswap()
    raw = whole.tobytes()
    planes.extend(raw[plane::8] for plane in range(width))
    return width


def _encode(column: Column, numbers: list[Sequence[int]], planes: list[bytes]) -> list[object]:
    """What tells how to read a column back; its planes are added, and to ``numbers`` what later ones may refer to."""
    first = column[0]
    kind = type(first)
    if all(type(value) is kind and value == first for value in column):
        return ["same", first]
    known: dict[object, int] = {}
    specials: list[object] = []
    kinds: list[int] = []
    filled: list[int] = []
    last = next((value for value in column if _is_number(value)), 0)
    for value in column:
        if type(value) is int and -_MIDDLE <= value < _MIDDLE:
            last = value
            kinds.append(0)
        else:
            # True is no 1, and -0.0 no 0.0.
            key = (type(value), value) if type(value) in _TELL_APART else codecs.dump_json(value)
            kind_of = known.get(key)
            if kind_of is None:
                kind_of = known[key] = len(known) + 1
                specials.append(value)
            kinds.append(kind_of)
        filled.append(last)
    if not specials:
        return ["number", _encode_numbers(filled, numbers, planes)]
    width = _split(kinds, planes)
    if 0 not in kinds:
        return ["texts", specials, width]
    return ["mixed", specials, width, _encode_numbers(filled, numbers, planes)]


def _is_number(value: object) -> bool:
    return type(value) is int and -_MIDDLE <= value < _MIDDLE


def _encode_numbers(column: list[int], numbers: list[Sequence[int]], planes: list[bytes]) -> list[int]:
    way = _shortest_way(column, numbers)
    first, differences = 0, column
    if way == _STEPS:
        first = column[0]
        differences = [after - before for before, after in pairwise(column)]
    elif way >= _BESIDE:
        other = numbers[way - _BESIDE]
        differences = [value - beside for value, beside in zip(column, other, strict=True)]
    lowest = min(differences, default=0)
    if max(differences, default=0) - lowest >= 1 << 64:
        way, first, differences, lowest = _PLAIN, 0, column, min(column)
    above = [difference - lowest for difference in differences]
    unit = gcd(*above) or 1
    if unit > 1:
        above = [value // unit for value in above]
    width = _split(above, planes)
    numbers.append(column)
    return [way, first, lowest, unit, width]


def _shortest_way(column: list[int], numbers: list[Sequence[int]]) -> int:
    """Whether values, steps from one to the next, or distances from an earlier column need the fewest bits."""
    places = range(1, len(column), max(1, len(column) // _SAMPLE))
    values = [column[place] for place in places]
    if not values:
        return _PLAIN
    ways = [values, [column[place] - column[place - 1] for place in places]]
    ways += [[column[place] - other[place] for place in places] for other in numbers]
    return min(range(len(ways)), key=lambda way: _bits(ways[way]))


def _bits(values: list[int]) -> int:
    middle = sorted(values)[len(values) // 2]
    unit = gcd(*(value - middle for value in values)) or 1
    return sum(((value - middle) // unit).bit_length() for value in values)


def _decode(specification: list[Any], numbers: list[Sequence[int]], planes: _Planes) -> Column:
    match specification:
        case ["same", value]:
            return [value] * planes.count
        case ["number", encoded]:
            return _decode_numbers(encoded, numbers, planes)
        case ["texts", specials, width]:
            return [specials[kind - 1] for kind in planes.numbers(width, planes.count)]
        case ["mixed", specials, width, encoded]:
            kinds = planes.numbers(width, planes.count)
            found = _decode_numbers(encoded, numbers, planes)
            return [
                value if kind == 0 else specials[kind - 1] for kind, value in zip(kinds, found, strict=True)
            ]
        case _:
            raise ValueError("a column of no known kind")


def _decode_numbers(encoded: list[int], numbers: list[Sequence[int]], planes: _Planes) -> list[int]:
    way, first, lowest, unit, width = encoded
    above = planes.numbers(width, planes.count - (way == _STEPS))
    differences = [lowest + unit * value for value in above] if unit > 1 else [lowest + x for x in above]
    column = differences
    if way == _STEPS:
        column = [first]
        for difference in differences:
            column.append(column[-1] + difference)
    elif way >= _BESIDE:
        other = numbers[way - _BESIDE]
        column = [value + beside for value, beside in zip(differences, other, strict=True)]
    numbers.append(column)
    return column


Packer = Callable[[Sequence[Look]], bytes]
