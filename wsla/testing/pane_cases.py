"""Cases full of functions that partial results give: for comparing panes, and stores that make them, with the rules."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from wsla.analysis.operations import Aggregate
from wsla.plan.model import Plan
from wsla.testing.aggregate_formulas import REGION
from wsla.testing.formulas import Formulas
from wsla.testing.strategies import HOURS, SECONDS, Case, observations, stretches

_OVER_TIME: Final = ("availability", "duration", "downtime")
_OVER_SAMPLES: Final = ("count", "sum", "mean", "mean", "min", "max", "span", "share")
_COMPARISONS: Final = ("<=", "<", ">=", ">", "==", "!=")
_FACTORS: Final = (Fraction(3), Fraction(2, 3), Fraction(-7, 4))


def pane_cases() -> SearchStrategy[Case]:
    """Plans of metrics over samples and time, with observations and a stretch to judge."""
    return _pane_cases()


@st.composite
def _pane_cases(draw: DrawFn) -> Case:
    formulas = Formulas(draw, draw(st.sampled_from((HOURS, SECONDS))))
    formulas.sources()
    for number in range(formulas.pick(1, 2, 3)):
        formulas.build.metrics[f"metric{number}"] = _aggregate(formulas)
    plan = _without_the_rest(formulas)
    start, until = draw(stretches(plan))
    return Case(plan=plan, observations=draw(observations(plan, start, until)), start=start, until=until)


def _without_the_rest(formulas: Formulas) -> Plan:
    build = formulas.build
    read = {x.source for x in build.operations if isinstance(x, Aggregate)}
    build.sources = {name: source for name, source in build.sources.items() if name in read}
    return build.build()


def _aggregate(formulas: Formulas) -> int:
    build = formulas.build
    source, labels = formulas.pick(("probe", ()), ("regional", REGION), ("hosts", REGION))
    over_time = source != "hosts" and formulas.sometimes(2)
    function = formulas.pick(*(_OVER_TIME if over_time else _OVER_SAMPLES))
    argument: int | None
    if function == "count":
        argument = formulas.pick(None, build.field(source, "state"))
    elif over_time or function == "share":
        argument = _truth(formulas, source)
    else:
        argument = _number(formulas, source)
    return build.aggregate(
        function,
        argument,
        formulas.pick(*formulas.scale.outer),
        source=source,
        where=_truth(formulas, source) if formulas.sometimes(2) else None,
        filter=formulas.filter(),
        by=labels if over_time else formulas.pick((), labels),
    )


def _truth(formulas: Formulas, source: str, depth: int = 2) -> int:
    build = formulas.build
    match formulas.pick("ok", "number", "numbers", "text", "logical", "not", "downs") if depth else "ok":
        case "number":
            number = _number(formulas, source)
            return build.compare(number, formulas.pick(*_COMPARISONS), formulas.limit(number))
        case "numbers":
            load = build.field(source, "load")
            return build.compare(load, formulas.pick(*_COMPARISONS), build.arithmetic(load, "*", load))
        case "text":
            word = build.constant(formulas.pick("open", "closed"))
            return build.compare(build.field(source, "state"), formulas.pick("==", "!="), word)
        case "logical":
            left, right = _truth(formulas, source, depth - 1), _truth(formulas, source, depth - 1)
            return build.logical(left, formulas.pick("and", "or", "implies"), right)
        case "not":
            return build.negation(_truth(formulas, source, depth - 1))
        case "downs":
            parts = tuple(_truth(formulas, source, depth - 1) for _ in range(3))
            return build.at_least_down(parts, formulas.pick(1, 2, 3))
        case _:
            return build.field(source, "ok")


def _number(formulas: Formulas, source: str) -> int:
    build = formulas.build
    field = build.field(source, formulas.pick("load", "elapsed"))
    match formulas.pick("field", "field", "sum", "scaled", "square"):
        case "sum":
            return build.arithmetic(field, formulas.pick("+", "-"), formulas.limit(field))
        case "scaled":
            return build.arithmetic(field, formulas.pick("*", "/"), build.constant(formulas.pick(*_FACTORS)))
        case "square":
            return build.arithmetic(field, "*", build.field(source, "load"))
        case _:
            return field
