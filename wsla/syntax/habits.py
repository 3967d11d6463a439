"""Habits with dates, amounts and ranges: what people write who know them from other documents."""

from __future__ import annotations

import re
from typing import Final

from lark import Token

from wsla.diagnostics.diagnostic import Suggestion
from wsla.diagnostics.source import Span
from wsla.syntax.notation import Finding
from wsla.values.money import MINOR_UNIT_PLACES

_NUMBERS: Final = frozenset({"NUMBER", "QUANTITY"})
_DAY_FIRST: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)")
_YEAR_FIRST: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_EITHER: Final = re.compile(r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}(?!\d)")
_THOUSANDS: Final = re.compile(r"(\d{1,3})((?:[ \u00a0]\d{3})+)(?!\d)")


def other_date(text: str, stopped: Token, accepts: frozenset[str]) -> Finding | None:
    """``31.1.2026`` or ``2026-1-31`` where a date is expected; of ``1/2/2026`` nobody knows the month."""
    if "DATE" not in accepts or stopped.type not in _NUMBERS:
        return None
    at = stopped.start_pos or 0
    message = "a date is written year, month, day: `2026-01-31`"
    if found := _DAY_FIRST.match(text, at):
        return _finding(Span(at, found.end()), f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}", message)
    if found := _YEAR_FIRST.match(text, at):
        return _finding(Span(at, found.end()), f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}", message)
    if found := _EITHER.match(text, at):
        return Finding(code="E0114", message=message, span=Span(at, found.end()), label="write it like that")
    return None


def other_amount(text: str, read: tuple[Token, ...], stopped: Token) -> Finding | None:
    """``EUR 100`` and ``1 000 EUR``."""
    if not read or stopped.type not in _NUMBERS:
        return None
    before = read[-1]
    span = Span(before.start_pos or 0, stopped.end_pos or 0)
    if before.type == "NAME" and before in MINOR_UNIT_PLACES:
        return _finding(span, f"{stopped} {before}", "a currency stands behind its number")
    if before.type == "NUMBER" and (found := _THOUSANDS.match(text, span.start)):
        mended = re.sub(r"\s", "", found[0])
        message = "a number has no blank between its thousands"
        return _finding(Span(span.start, found.end()), mended, message)
    return None


def other_range(read: tuple[Token, ...], stopped: Token, following: tuple[Token, ...]) -> Finding | None:
    """``99.0% - 99.9%: …`` as the line of a table."""
    if not read or len(following) < 2 or following[1] != ":":
        return None
    first, last = read[-1], following[0]
    if stopped not in ("-", "to") or first.type not in _NUMBERS or last.type not in _NUMBERS:
        return None
    span = Span(first.start_pos or 0, last.end_pos or 0)
    return _finding(
        span,
        f">= {first} and < {last}",
        "a line from one value to another says of both bounds whether they belong to it",
    )


def _finding(span: Span, mended: str, message: str) -> Finding:
    return Finding(
        code="E0114",
        message=message,
        span=span,
        label=f"for example `{mended}`" if " and " in mended else f"expected `{mended}`",
        suggestion=Suggestion(text=f"write `{mended}`", span=span, replacement=mended),
    )
