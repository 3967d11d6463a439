"""One cell of data: a text or a Python value as the number, truth, text or instant that its field stores, exactly."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Final, SupportsIndex, assert_never
from zoneinfo import ZoneInfo

from wsla.analysis.checked import Field
from wsla.analysis.types import BooleanType, InstantType, NumberType, TextType
from wsla.values.instants import SECOND, LocalTimeError, from_datetime, from_local, midnight, parse_instant
from wsla.values.observations import Raw
from wsla.values.quantities import DATA, DIMENSIONLESS, TIME, QuantityError, parse_quantity

LONGEST_TEXT: Final = 1024
"""Characters that a text may have."""

LARGEST: Final = 2**63 - 1
"""Steps of its resolution that a number may have, either way."""

Encoder = Callable[[object], Raw]

_LONGEST_NUMBER: Final = 60
_LARGEST_EXPONENT: Final = 60
_REMEMBERED: Final = 20_000
_SHORT_NUMBER: Final = 18
_SHOWN: Final = 40
_PLAIN_NUMBER: Final = re.compile(
    r"(?P<sign>[+-]?)(?P<digits>\d+\.?\d*|\.\d+)(?:[eE](?P<power>[+-]?\d{1,9}))?", re.ASCII
)
_LONG_FRACTION: Final = re.compile(r"[.,]\d{9}\d*[1-9]", re.ASCII)
_NOT_FINITE: Final = frozenset({"nan", "inf", "infinity"})
_TRUTHS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_FIRST_INSTANT: Final = parse_instant("0002-01-01T00:00:00Z")
_LAST_INSTANT: Final = parse_instant("9998-12-31T23:59:59Z")


class EncodingError(ValueError):
    """A value that does not fit its field.

    ``reason`` says why in words that are the same for all such values; the message shows the value as well.
    """

    def __init__(self, reason: str, value: object = None) -> None:
        super().__init__(reason if value is None else f"{_shown(value)} {reason}")
        self.reason = reason


def encode(field: Field, value: object, zone: ZoneInfo | None = None) -> Raw:
    """The stored form of a value: a text from a file, or a Python value. None and empty cells are unknown.

    Times without an offset are read in ``zone``. Raises EncodingError for what does not fit the field exactly.
    """
    return _plain_encoder(field, zone)(value)


def encoder(field: Field, zone: ZoneInfo | None = None) -> Encoder:
    """``encode`` for many values of one field: what a text meant is remembered, up to a few thousand texts."""
    plain = _plain_encoder(field, zone)
    if isinstance(field.type, InstantType):
        return plain if field.unit_stated else _quick_instants(plain)
    known: dict[str, Raw] = {}

    def remembering(value: object) -> Raw:
        if type(value) is not str:
            return plain(value)
        raw = known.get(value)
        if raw is None:
            raw = plain(value)
            if len(known) < _REMEMBERED:
                known[value] = raw
        return raw

    return remembering


def _quick_instants(plain: Encoder) -> Encoder:
    """Remembers the minute of the last time in UTC: most times in a file share it with the one before."""
    minute = ""
    start = 0

    def quick(value: object) -> Raw:
        nonlocal minute, start
        # 2026-03-04T10:00:00Z, with a fraction or without one
        if type(value) is not str or not 20 <= len(value) <= 30 or value[-1] != "Z" or not value.isascii():
            return plain(value)
        second, point, fraction = value[17:19], value[19], value[20:-1]
        has_form = fraction.isdigit() if point == "." else len(value) == 20
        if not has_form or not second.isdigit() or second > "59":
            return plain(value)
        into_minute = int(second) * SECOND + (int(fraction.ljust(9, "0")) if fraction else 0)
        if value[:17] != minute:
            start = int(plain(value) or 0) - into_minute
            minute = value[:17]
        return start + into_minute

    return quick


def decode(field: Field, raw: Raw) -> Fraction | int | bool | str | None:
    """What a stored value means: numbers as fractions of their base unit, instants as nanoseconds since the epoch."""
    if raw is None or isinstance(raw, bool | str) or not isinstance(field.type, NumberType):
        return raw
    return raw * field.resolution


def _plain_encoder(field: Field, zone: ZoneInfo | None) -> Encoder:
    kind = field.type
    match kind:
        case BooleanType():
            return _boolean
        case TextType():
            return _text
        case InstantType():
            return partial(_instant, field, zone)
        case NumberType():
            return _number_encoder(field, kind)
        case _:
            assert_never(kind)


def _boolean(value: object) -> Raw:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip()
        if not word:
            return None
        found = _TRUTHS.get(word.casefold())
        if found is not None:
            return found
    elif isinstance(value, int) and value in (0, 1):
        return value == 1
    raise EncodingError("is neither true nor false (true, false, yes, no, 1 or 0)", value)


def _text(value: object) -> Raw:
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise EncodingError("is no text", value)
    if len(value) > LONGEST_TEXT:
        raise EncodingError(f"is longer than {LONGEST_TEXT} characters", value)
    if is_not_utf8(value):
        raise EncodingError("is not written in UTF-8", value)
    return value


def is_not_utf8(text: str) -> bool:
    """True for bytes that are no UTF-8, which files are read with as surrogates, and for JSON's half characters."""
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)


# --- instants


def _instant(field: Field, zone: ZoneInfo | None, value: object) -> Raw:
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if not field.unit_stated or not _PLAIN_NUMBER.fullmatch(text):
            return _written_instant(text, zone)
        value = text
    if isinstance(value, datetime | date):
        return _dated_instant(value, zone)
    digits = _as_number(value)
    if digits is None:
        raise EncodingError("is not a time such as 2026-03-04T10:00:00Z", value)
    if not field.unit_stated:
        raise EncodingError(
            "is a number where a time such as 2026-03-04T10:00:00Z is expected: state in the agreement that the "
            "column counts s, ms, us or ns",
            value,
        )
    instant = _scaled(digits, field.unit_factor, value, "is not a whole number of nanoseconds")
    return _in_range(instant, value)


def _written_instant(text: str, zone: ZoneInfo | None) -> int:
    if len(text) > 29 and _LONG_FRACTION.search(text):
        raise EncodingError("is finer than a nanosecond", text)
    try:
        return parse_instant(text, zone)
    except LocalTimeError:
        raise EncodingError("has no zone: write an offset such as Z or +01:00", text) from None
    except (ValueError, OverflowError):
        raise EncodingError("is not a time such as 2026-03-04T10:00:00Z", text) from None


def _dated_instant(value: date, zone: ZoneInfo | None) -> int:
    try:
        if not isinstance(value, datetime):
            if zone is None:
                raise LocalTimeError
            return _in_range(midnight(value, zone), value)
        local = zone if value.tzinfo is None else None
        instant = from_datetime(value) if local is None else from_local(value, local)
        # Timestamps of data frames count nanoseconds beside the microseconds that a datetime has.
        return _in_range(instant + getattr(value, "nanosecond", 0), value)
    except LocalTimeError:
        raise EncodingError("has no zone: give it one, such as UTC", str(value)) from None
    except (TypeError, ValueError, OverflowError) as problem:
        if isinstance(problem, EncodingError):
            raise
        raise EncodingError("is no time of the years 2 to 9998", str(value)) from None


def _in_range(instant: int, value: object) -> int:
    if not _FIRST_INSTANT <= instant <= _LAST_INSTANT:
        raise EncodingError("does not lie in the years 2 to 9998", str(value))
    return instant


# --- numbers


def _number_encoder(field: Field, kind: NumberType) -> Encoder:
    needs_unit = not field.unit_stated and (kind.share or kind.dimension != DIMENSIONLESS)
    factor = field.unit_factor / field.resolution
    misfit = None if field.rounded else _misfit(field, kind)
    missing_unit = _missing_unit(kind)
    multiple = factor.numerator if factor.denominator == 1 and not needs_unit else None
    # What a number without a point, with one decimal, with two … is multiplied with.
    scales = [(factor / 10**places).as_integer_ratio() for places in range(_SHORT_NUMBER)]

    def encode_number(value: object) -> Raw:
        if type(value) is int and multiple is not None and -LARGEST <= value <= LARGEST:
            return _limited(value * multiple, value)
        if value is None:
            return None
        if isinstance(value, str):
            whole, _, decimals = value.partition(".")
            digits = whole + decimals
            if len(digits) < _SHORT_NUMBER and digits.isascii() and digits.isdigit() and not needs_unit:
                numerator, denominator = scales[len(decimals)]
                steps, rest = divmod(int(digits) * numerator, denominator)
                if rest == 0:
                    return _limited(steps, value)
            number = value = value.strip()
            if not number:
                return None
            if not _PLAIN_NUMBER.fullmatch(number):
                return _stored(_with_unit(kind, number) / field.resolution, value, misfit)
        elif isinstance(value, timedelta):
            if kind.dimension != TIME:
                raise EncodingError(f"is a duration, not {kind.dimension.describe()}", str(value))
            microseconds = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
            # Lengths in data frames count nanoseconds beside the microseconds that a timedelta has.
            nanoseconds = microseconds * 1_000 + getattr(value, "nanoseconds", 0)
            return _stored(nanoseconds / field.resolution, value, misfit)
        else:
            if isinstance(value, Fraction) and not needs_unit:
                return _stored(value * factor, value, misfit)
            found = str(value) if isinstance(value, Fraction) else _as_number(value)
            if found is None:
                raise EncodingError(f"is not {_wanted(kind)}", value)
            number = found
        if needs_unit:
            raise EncodingError(missing_unit, value)
        return _limited(_scaled(number, factor, value, misfit), value)

    return encode_number


def _as_number(value: object) -> str | None:
    """The decimal digits of a number; None for anything else. Raises EncodingError for NaN and infinities."""
    match value:
        case bool():
            return None
        case str():
            return value
        case float():
            if not math.isfinite(value):
                raise EncodingError("is not a finite number", float.__repr__(value))
            return float.__repr__(value)
        case Decimal():
            if not value.is_finite():
                raise EncodingError("is not a finite number", str(value))
            return str(value)
        case SupportsIndex():
            whole = value.__index__()
            # Python refuses to write out numbers of many thousand digits.
            return str(whole) if whole.bit_length() < 190 else f"1e{_LARGEST_EXPONENT + 1}"
    return None


def _scaled(number: str, factor: Fraction, value: object, misfit: str | None) -> int:
    """A decimal number times a factor, which has to come out whole; without a ``misfit`` it is rounded half to even."""
    match = _PLAIN_NUMBER.fullmatch(number)
    if match is None:
        raise EncodingError("is not a number", value)
    sign, digits, power = match.groups()
    whole, _, decimals = digits.partition(".")
    decimals = decimals.rstrip("0")
    if len(whole) + len(decimals) > _LONGEST_NUMBER:
        raise EncodingError(f"has more than {_LONGEST_NUMBER} digits", value)
    mantissa = int(whole + decimals)
    exponent = int(power or 0) - len(decimals)
    if mantissa == 0:
        return 0
    if exponent > _LARGEST_EXPONENT:
        raise EncodingError("is too large", value)
    if exponent < -2 * _LARGEST_EXPONENT:
        if misfit is None:
            return 0
        raise EncodingError(misfit, value)
    numerator, denominator = mantissa * factor.numerator, factor.denominator
    if exponent > 0:
        numerator *= 10**exponent
    else:
        denominator *= 10**-exponent
    quotient, rest = divmod(numerator, denominator)
    if rest:
        if misfit is not None:
            raise EncodingError(misfit, value)
        quotient = round(Fraction(numerator, denominator))
    return -quotient if sign == "-" else quotient


def _stored(steps: Fraction, value: object, misfit: str | None) -> int:
    if steps.denominator != 1 and misfit is not None:
        raise EncodingError(misfit, value)
    return _limited(round(steps), value)


def _limited(raw: int, value: object) -> int:
    if not -LARGEST <= raw <= LARGEST:
        raise EncodingError("is too large", value)
    return raw


def _with_unit(kind: NumberType, text: str) -> Fraction:
    """The value of a text with a unit, in base units: ``601ms``, ``2h 5m``, ``-0.5%``."""
    if text.lstrip("+-").casefold() in _NOT_FINITE:
        raise EncodingError("is not a finite number", text)
    sign = -1 if text.startswith("-") else 1
    unsigned = text[1:] if text.startswith(("-", "+")) else text
    try:
        quantity = parse_quantity(unsigned)
    except QuantityError as problem:
        parts = _sum_of_lengths(unsigned) if kind.dimension == TIME else None
        if parts is not None:
            return sign * parts
        hint = "" if problem.suggestion is None else f"; write `{problem.suggestion}`"
        raise EncodingError(f"is not {_wanted(kind)}{hint}", text) from None
    if quantity.dimension != kind.dimension:
        raise EncodingError(f"is {quantity.dimension.describe()}, not {kind.dimension.describe()}", text)
    return sign * quantity.value


def _sum_of_lengths(text: str) -> Fraction | None:
    """The sum of lengths such as ``2h 5m``; None for anything else."""
    try:
        parts = [parse_quantity(part) for part in text.split()]
    except QuantityError:
        return None
    if any(part.dimension != TIME for part in parts):
        return None
    return sum((part.value for part in parts), Fraction(0))


def _sample(kind: NumberType) -> str | None:
    """What a text of this type looks like."""
    if kind.dimension == TIME:
        return "250ms"
    if kind.dimension == DATA:
        return "1.5GiB"
    if kind.dimension.currency is not None:
        return f"500 {kind.dimension.currency}"
    if kind.dimension == DIMENSIONLESS:
        return "99.5%" if kind.share else "12.5"
    return None


def _wanted(kind: NumberType) -> str:
    sample = _sample(kind)
    if kind.dimension == DIMENSIONLESS:
        return f"a percentage such as {sample}" if kind.share else "a number"
    words = kind.dimension.describe()
    return words if sample is None else f"{words} such as {sample}"


def _missing_unit(kind: NumberType) -> str:
    sample = _sample(kind)
    written = "" if sample is None else f"write it as {sample}, or "
    return f"has no unit: {written}state the column's unit in the agreement"


def _misfit(field: Field, kind: NumberType) -> str:
    """Why a number that is no multiple of the field's step is refused."""
    if kind.dimension == TIME:
        return "is not a whole number of nanoseconds"
    step = field.resolution / field.unit_factor
    places = len(str(step.denominator)) - 1
    if step.numerator != 1 or step.denominator != 10**places:
        return f"is not a multiple of {step}"
    if places == 0:
        return "is not a whole number"
    return f"has more decimals than the {places} that are stored"


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else _described(value)
    cut = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return repr(cut) if isinstance(value, str) else cut


def _described(value: object) -> str:
    if isinstance(value, datetime | date | time | timedelta | Decimal | Fraction | bool | int | float):
        try:
            return str(value)
        except ValueError:
            return "a number of many thousand digits"
    return f"a value of the kind `{type(value).__name__}`"
