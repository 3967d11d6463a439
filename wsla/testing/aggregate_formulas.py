"""Draws functions over samples, over records, and over the windows of a series."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from wsla.analysis.operations import Forgiving, OutageWindow, Window
from wsla.testing.over_time import forgiving_outages
from wsla.testing.plans import ALL_TIME

if TYPE_CHECKING:
    from wsla.testing.formulas import Formulas

RANKS: Final = (Fraction(0), Fraction(1, 3), Fraction(1, 2), Fraction(95, 100), Fraction(1))
REGION: Final = ("region",)
HOSTS: Final = ("region", "host")
ERRORS: Final = (Fraction(1, 100), Fraction(1, 10), Fraction(1, 2), Fraction(1, 30_000))

_RANKED: Final = frozenset({"percentile", "median"})


def numeric(formulas: Formulas) -> tuple[str, Fraction | None]:
    function = formulas.pick(
        "sum", "mean", "median", "min", "max", "percentile", "mode", "span", "variance", "stddev"
    )
    if function == "stddev":
        return function, formulas.pick(Fraction(1), Fraction(1, 1_000_000))
    return function, formulas.pick(*RANKS) if function == "percentile" else None


def within(formulas: Formulas, function: str) -> Fraction | None:
    """The error with which a percentile is told: none of half of them."""
    return formulas.pick(*ERRORS) if function in _RANKED and formulas.sometimes(2) else None


def over_samples(formulas: Formulas, window: Window, by: tuple[str, ...]) -> int:
    # With fewer labels than the source has, several streams are in one window.
    source = "regional" if by or formulas.sometimes(4) else "probe"
    if by == HOSTS or formulas.sometimes(4):
        source = "hosts"
    labels: tuple[str, ...] = {"probe": (), "regional": REGION, "hosts": HOSTS}[source]
    function, parameter = numeric(formulas)
    argument: int | None
    match formulas.pick("count", "share", "number", "number", "last", "counter", "counter"):
        case "count":
            function, parameter, argument = "count", None, None
        case "share":
            function, parameter = formulas.pick("share", "share", "streak"), None
            argument = formulas.truth(labels, depth=1)
        case "last" if labels == by:
            function, parameter, argument = (
                formulas.pick("first", "last"),
                None,
                formulas.build.field(source, "load"),
            )
        case "counter":
            function, parameter = formulas.pick("increase", "rate"), None
            plain = formulas.sometimes(2)
            argument = formulas.build.field(source, "load") if plain else formulas.number(labels)
        case _:
            argument = formulas.number(labels)
    return formulas.build.aggregate(
        function,
        argument,
        window,
        source=source,
        where=formulas.truth(labels, depth=1) if formulas.sometimes(3) else None,
        parameter=parameter,
        within=within(formulas, function),
        filter=formulas.filter(),
        by=by,
        idle=formulas.idle(),
    )


def over_records(formulas: Formulas, window: Window, by: tuple[str, ...]) -> int:
    source = "cases" if by else formulas.pick("tickets", "events", "cases")
    function, parameter = numeric(formulas)
    argument: int | None
    match formulas.pick("count", "share", "number"):
        case "count":
            function, parameter, argument = "count", None, None
        case "share":
            function, parameter = formulas.pick("share", "share", "streak"), None
            argument = formulas.of_records(source, truth=True)
        case _:
            argument = formulas.of_records(source, truth=False)
    return formulas.build.aggregate(
        function,
        argument,
        window,
        source=source,
        where=formulas.of_records(source, truth=True) if formulas.sometimes(3) else None,
        parameter=parameter,
        within=within(formulas, function),
        filter=formulas.filter(),
        by=by,
        idle=formulas.idle(),
    )


def over_series(formulas: Formulas, window: Window, by: tuple[str, ...]) -> int:
    kind = formulas.pick(*formulas.scale.inner)
    if not isinstance(window, OutageWindow) and formulas.sometimes(4):
        kind = formulas.outage(by)
    inner = formulas.series(kind, by, depth=0)
    function, parameter = numeric(formulas)
    forgiving: Forgiving | None = None
    match formulas.pick("count", "share", "number", "number", "last"):
        case "count":
            function, parameter = "count", None
        case "last":
            function, parameter = formulas.pick("first", "last"), None
        case "share":
            function, parameter, inner = "share", None, formulas.condition_of(inner)
            if formulas.sometimes(3):
                function = "streak"
            elif not isinstance(kind, OutageWindow):
                forgiving = forgiving_outages(formulas)
        case _:
            pass
    where = formulas.condition_of(formulas.leaf(kind, by, depth=0)) if formulas.sometimes(4) else None
    return formulas.build.aggregate(
        function,
        inner,
        window,
        where=where,
        parameter=parameter,
        within=within(formulas, function),
        filter=formulas.pick(ALL_TIME, ALL_TIME, formulas.filter()),
        by=by,
        idle=formulas.idle(),
        forgiving=forgiving,
    )
