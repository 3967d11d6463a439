"""Percentiles that may be off by a stated error (M101)."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from wsla.analysis.reporter import nearest, replace
from wsla.analysis.scope import Scope
from wsla.syntax import surface
from wsla.values.quantities import QuantityError, format_percentage, parse_quantity

APPROXIMATE: Final = "approximate"
FUNCTIONS: Final = ("percentile", "median")
SMALLEST: Final = Fraction(1, 100_000)
"""A smaller error would keep about as much as all the values."""

EXAMPLE: Final = "`approximate within 1%`"


def refused(scope: Scope, call: surface.Call) -> bool:
    """True, and an error, where ``approximate`` stands where it cannot, or stands alone."""
    written = call.approximate
    if written is None:
        for argument in call.arguments:
            if isinstance(argument, surface.Reference) and argument.text == APPROXIMATE:
                if APPROXIMATE in scope.declared:
                    return False
                scope.reporter.error(
                    "E0336", f"`approximate` needs an error: {EXAMPLE}", argument.span, label="not complete"
                )
                return True
        return False
    if nearest(written.words[0].text, ["forgiving", APPROXIMATE]) == "forgiving":
        said = "`forgiving outages under 5m` or `forgiving outages up to 5m`"
        scope.reporter.error("E0333", f"it is said {said}", written.span)
        return True
    if call.function.text not in FUNCTIONS:
        scope.reporter.error(
            "E0335",
            f"`{call.function.text}` is always exact",
            written.span,
            notes=("only `percentile(…)` and `median(…)` may be approximate: all else needs little memory",),
        )
        return True
    return False


def error_of(scope: Scope, call: surface.Call) -> tuple[Fraction | None, bool]:
    """The error with which a percentile may be told, as a share; False, and an error, where it is none."""
    written = call.approximate
    if written is None:
        return None, True
    for word, wanted in zip(written.words, (APPROXIMATE, "within"), strict=True):
        if word.text != wanted:
            scope.reporter.error(
                "E0336",
                f"`{word.text}` cannot stand here: write {EXAMPLE}",
                word.span,
                suggestion=replace(word.span, wanted),
            )
            return None, False
    text, span = written.error.text, written.error.span
    try:
        quantity = parse_quantity(text)
    except QuantityError as problem:
        scope.reporter.error("E0301", str(problem), span)
        return None, False
    if not quantity.is_percentage:
        scope.reporter.error("E0336", f"the error is a percentage of the value, as in {EXAMPLE}", span)
        return None, False
    error = quantity.value
    if error == 0:
        note = "leave `approximate` out: every percentile is exact without it"
        scope.reporter.error("E0336", "an error of 0 % is none", span, notes=(note,))
    elif error >= 1:
        note = "a value off by all of itself says nothing"
        scope.reporter.error("E0336", f"an error of {text} is not below 100 %", span, notes=(note,))
    elif error < SMALLEST:
        note = "so small an error keeps about as much as all the values: leave `approximate` out"
        least = f"the error is at least {format_percentage(SMALLEST)}"
        scope.reporter.error("E0336", f"{least}, not {text}", span, notes=(note,))
    else:
        return error, True
    return None, False
