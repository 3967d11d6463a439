"""Pieces of PromQL text: names, quoted texts, exact numbers, lengths of time."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from wsla.values.instants import MILLISECOND

_UNITS: Final = (
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
)
_UNUSABLE: Final = re.compile(r"[^a-zA-Z0-9_]+")
LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def name(*words: str) -> str:
    """A part of a metric's name, of ASCII letters, digits and ``_``."""
    made = "_".join(_UNUSABLE.sub("_", word).strip("_") or "x" for word in words)
    return f"_{made}" if made[0].isdigit() else made


def camel(text: str) -> str:
    """Words as one in the way of alert names: ``web shop`` is ``WebShop``."""
    words = re.sub(r"[\W_]+", " ", text).split()
    return "".join(word[0].upper() + word[1:] for word in words)


def quoted(text: str) -> str:
    """A text between quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def label_value(title: str) -> str:
    """A title as the value of a label in which nobody finds a template: not Prometheus, nor vmalert."""
    return title.replace("{{", "{ {")


def duration(nanoseconds: int) -> str:
    """A length such as ``1h30m``; parts of a millisecond are left out."""
    left, made = nanoseconds // MILLISECOND, ""
    for unit, length in _UNITS:
        count, left = divmod(left, length)
        made += f"{count}{unit}" if count else ""
    return made or "0s"


def reach(nanoseconds: int) -> str:
    """A range that holds what lies in the last so many nanoseconds, its end with them and its begin without.

    Prometheus 2 takes in the sample at the very begin of a range, Prometheus 3 and VictoriaMetrics do not; a
    millisecond less makes them agree on samples that lie at regular instants.
    """
    return duration(nanoseconds - MILLISECOND)


def decimal(value: Fraction) -> str | None:
    """A number as it is written without a quotient; None where it has no end."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return None
    places = max(twos, fives)
    digits = f"{abs(value) * 10**places}".rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def balanced(query: str) -> bool:
    """True where quotes and brackets of a query are closed, so that it can stand inside another.

    More is not looked at: what the query means is known to the server alone.
    """
    closing: list[str] = []
    position = 0
    while position < len(query):
        sign = query[position]
        if sign in "\"'`":
            position = _end_of_text(query, position, sign)
        elif sign == "#":
            position = query.find("\n", position) % (len(query) + 1)
        elif sign in "([{":
            closing.append({"(": ")", "[": "]", "{": "}"}[sign])
        elif sign in ")]}" and (not closing or closing.pop() != sign):
            return False
        if position > len(query) or position < 0:
            return False
        position += 1
    return not closing and bool(query.strip())


def _end_of_text(query: str, start: int, quote: str) -> int:
    position = start + 1
    while position < len(query) and query[position] != quote:
        position += 2 if query[position] == "\\" and quote != "`" else 1
    return position if position < len(query) else len(query) + 1
