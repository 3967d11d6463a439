"""What the objects of OpenSLO consist of, in each version, and what is wrong with one.

The published versions, their schema and their tools do not agree on everything; where they differ the wider reading
stands here. Fields that no version has are errors, since a misspelt one would be left out unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from attrs import frozen

from wsla.diagnostics.source import Span
from wsla.interop.openslo.tree import Node, Shape

LONGEST_DESCRIPTION: Final = 1050
_NUMBER: Final = re.compile(r"[-+]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][-+]?\d{1,2})?")
DURATION: Final = re.compile(r"([1-9]\d{0,5})([mhdwMQY])")
OPERATORS: Final = MappingProxyType({"lte": "<=", "gte": ">=", "lt": "<", "gt": ">"})


@frozen
class Problem:
    """What is wrong, where, with which code."""

    code: str
    span: Span
    message: str
    notes: tuple[str, ...] = ()


@frozen(kw_only=True)
class Scalar:
    """A single value: a text of at most so many signs, one of some words, a number within bounds, or of a pattern."""

    what: str = "a text"
    values: tuple[str, ...] = ()
    longest: int | None = None
    number: tuple[Decimal, Decimal] | None = None
    pattern: re.Pattern[str] | None = None


@frozen(kw_only=True)
class Mapped:
    """A mapping with these fields; of each group in ``one_of`` exactly one stands there, all of ``required`` do."""

    fields: Mapping[str, Rule]
    required: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()


@frozen(kw_only=True)
class Listed:
    """A list of so many items."""

    of: Rule
    least: int = 0
    most: int | None = None


@frozen(kw_only=True)
class Free:
    """Whatever the one who reads it wants; ``mapping`` where it has keys."""

    mapping: bool = True


@frozen(kw_only=True)
class Either:
    """What it is decides which of two rules holds: a text, or anything else."""

    text: Rule
    other: Rule


Rule = Scalar | Mapped | Listed | Free | Either

_TEXT: Final = Scalar()
_DESCRIPTION: Final = Scalar(longest=LONGEST_DESCRIPTION)
_FLAG: Final = Scalar(what="true or false", values=("true", "false"))
_SHARE: Final = Scalar(what="a share", number=(Decimal(0), Decimal(1)))
_PERCENT: Final = Scalar(what="a percentage", number=(Decimal(0), Decimal(100)))
_ANY_NUMBER: Final = Scalar(what="a number", number=(Decimal("-1e30"), Decimal("1e30")))
_POSITIVE: Final = Scalar(what="a number", number=(Decimal(0), Decimal("1e30")))
_DURATION: Final = Scalar(what="a length such as 5m, 1h, 7d, 4w, 1M, 1Q or 1Y", pattern=DURATION)
_SLICE: Final = Scalar(
    what="a length such as 1m, 5m or 1h, or a number of minutes",
    pattern=re.compile(rf"{DURATION.pattern}|[1-9]\d{{0,5}}"),
)
_OPERATOR: Final = Scalar(what="an operator", values=tuple(OPERATORS))
_NAME: Final = Scalar(what="a name", pattern=re.compile(r"\S.{0,252}"))
_SERVICE_NAME: Final = Scalar(what="a name without blanks", pattern=re.compile(r"\S{1,253}"))
_METHOD: Final = Scalar(
    what="a budgeting method", values=("Occurrences", "Timeslices", "RatioTimeslices", "TimeSlices")
)
_START: Final = Scalar(
    what="a date and a time such as 2022-01-01 12:00:00",
    pattern=re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?"),
)
_META: Final[Mapping[str, Rule]] = {"displayName": _TEXT, "labels": Free(), "annotations": Free()}
_METADATA: Final = Mapped(fields={"name": _NAME, **_META}, required=("name",))
_SERVICE_METADATA: Final = Mapped(fields={"name": _SERVICE_NAME, **_META}, required=("name",))
_CALENDAR: Final = Mapped(fields={"startTime": _START, "timeZone": _TEXT}, required=("startTime", "timeZone"))


def _object(spec: Mapped, metadata: Mapped = _METADATA, *, inline: bool = False) -> Mapped:
    fields: Mapping[str, Rule] = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": metadata, "spec": spec}
    return Mapped(fields=fields, required=("spec",) if inline else ("metadata", "spec"))


_CONNECTION: Final[Mapping[str, Rule]] = {
    "type": _TEXT,
    "description": _DESCRIPTION,
    "connectionDetails": Free(mapping=False),
}
_SERVICE: Final = _object(Mapped(fields={"description": _DESCRIPTION}), _SERVICE_METADATA)
_DATA_SOURCE: Final = _object(Mapped(fields=_CONNECTION, required=("type",)))
_TARGET: Final = _object(Mapped(fields={"description": _DESCRIPTION, "target": _TEXT}, required=("target",)))
_CONDITION: Final = _object(
    Mapped(
        fields={
            "description": _DESCRIPTION,
            "severity": _TEXT,
            "condition": Mapped(
                fields={
                    "kind": Scalar(what="a kind of condition", values=("burnrate",)),
                    "op": _OPERATOR,
                    "threshold": _POSITIVE,
                    "lookbackWindow": _DURATION,
                    "alertAfter": _DURATION,
                },
                required=("kind", "threshold", "lookbackWindow"),
            ),
        },
        required=("severity", "condition"),
    )
)


def _referred(key: str, inline: Mapped) -> Mapped:
    """A reference, or an object in its place; between several conditions some write an operator."""
    return Mapped(fields={key: _TEXT, "operator": _TEXT, **inline.fields}, one_of=((key, "spec"),))


_POLICY: Final = _object(
    Mapped(
        fields={
            "description": _DESCRIPTION,
            "alertWhenBreaching": _FLAG,
            "alertWhenResolved": _FLAG,
            "alertWhenNoData": _FLAG,
            "conditions": Listed(of=_referred("conditionRef", _CONDITION), least=1, most=1),
            "notificationTargets": Listed(of=_referred("targetRef", _TARGET), least=1),
        },
        required=("conditions", "notificationTargets"),
    )
)


def _indicator(metric: Mapped) -> Mapped:
    ratio = Mapped(
        fields={
            "counter": _FLAG,
            "good": metric,
            "bad": metric,
            "total": metric,
            "rawType": Scalar(what="a kind of ratio", values=("success", "failure")),
            "raw": metric,
        },
        one_of=(("good", "bad", "raw"), ("total", "raw")),
    )
    return Mapped(
        fields={"description": _DESCRIPTION, "ratioMetric": ratio, "thresholdMetric": metric},
        one_of=(("ratioMetric", "thresholdMetric"),),
    )


_METRIC_V1: Final = Mapped(
    fields={
        "metricSource": Mapped(
            fields={"metricSourceRef": _TEXT, "type": _TEXT, "spec": Free()}, required=("spec",)
        )
    },
    required=("metricSource",),
)
_METRIC_V2: Final = Mapped(
    fields={"dataSourceRef": _TEXT, "dataSourceSpec": Mapped(fields=_CONNECTION), "spec": Free()},
    required=("spec",),
    one_of=(("dataSourceRef", "dataSourceSpec"),),
)
_METRIC_ALPHA: Final = Mapped(
    fields={"source": _TEXT, "queryType": _TEXT, "query": _TEXT, "metadata": Free()},
    required=("source", "queryType", "query"),
)
_WINDOW: Final = Mapped(
    fields={"duration": _DURATION, "isRolling": _FLAG, "calendar": _CALENDAR}, required=("duration",)
)
UNITS: Final = ("Second", "Minute", "Hour", "Day", "Week", "Month", "Quarter", "Year")
_WINDOW_ALPHA: Final = Mapped(
    fields={
        "unit": Scalar(what="a unit", values=UNITS),
        "count": Scalar(what="a whole number", pattern=re.compile(r"[1-9]\d{0,5}")),
        "isRolling": _FLAG,
        "calendar": _CALENDAR,
    },
    required=("unit", "count"),
)
_OBJECTIVE: Final[Mapping[str, Rule]] = {
    "displayName": _TEXT,
    "op": _OPERATOR,
    "value": _ANY_NUMBER,
    "target": _SHARE,
    "targetPercent": _PERCENT,
    "timeSliceTarget": _SHARE,
    "timeSliceWindow": _SLICE,
}
_TARGETS: Final = ("target", "targetPercent")


def _slo(metric: Mapped, service: str, indicator: str) -> Mapped:
    inline = _object(_indicator(metric), inline=True)
    reference = f"{indicator}Ref"
    objective = Mapped(
        fields={**_OBJECTIVE, "compositeWeight": _POSITIVE, indicator: inline, reference: _TEXT},
        one_of=(_TARGETS,),
    )
    return _object(
        Mapped(
            fields={
                "description": _DESCRIPTION,
                service: _TEXT,
                indicator: inline,
                reference: _TEXT,
                "timeWindow": Listed(of=_WINDOW, least=1, most=1),
                "budgetingMethod": _METHOD,
                "objectives": Listed(of=objective, least=1),
                "alertPolicies": Listed(of=Either(text=_TEXT, other=_referred("alertPolicyRef", _POLICY))),
            },
            required=(service, "timeWindow", "budgetingMethod", "objectives"),
        )
    )


_RATIO_ALPHA: Final = Mapped(
    fields={
        "incremental": _FLAG,
        "counter": _FLAG,
        "good": _METRIC_ALPHA,
        "bad": _METRIC_ALPHA,
        "total": _METRIC_ALPHA,
    },
    required=("total",),
    one_of=(("good", "bad"),),
)
_SLO_ALPHA: Final = _object(
    Mapped(
        fields={
            "description": _DESCRIPTION,
            "service": _TEXT,
            "indicator": Mapped(fields={"thresholdMetric": _METRIC_ALPHA}, required=("thresholdMetric",)),
            "timeWindows": Listed(of=_WINDOW_ALPHA, least=1, most=1),
            "budgetingMethod": _METHOD,
            "objectives": Listed(
                of=Mapped(fields={**_OBJECTIVE, "ratioMetrics": _RATIO_ALPHA}, one_of=(_TARGETS,)),
                least=1,
            ),
        },
        required=("service", "timeWindows", "budgetingMethod", "objectives"),
    )
)


def _kinds(metric: Mapped, service: str, indicator: str) -> Mapping[str, Mapped]:
    return MappingProxyType(
        {
            "SLO": _slo(metric, service, indicator),
            "SLI": _object(_indicator(metric)),
            "Service": _SERVICE,
            "DataSource": _DATA_SOURCE,
            "AlertPolicy": _POLICY,
            "AlertCondition": _CONDITION,
            "AlertNotificationTarget": _TARGET,
        }
    )


VERSIONS: Final[Mapping[str, Mapping[str, Mapped]]] = MappingProxyType(
    {
        "openslo/v1": _kinds(_METRIC_V1, "service", "indicator"),
        "openslo/v1alpha": MappingProxyType({"SLO": _SLO_ALPHA, "Service": _SERVICE}),
        "openslo.com/v2alpha": _kinds(_METRIC_V2, "serviceRef", "sli"),
    }
)
"""The kinds of objects of each version, by the name of its interface."""


def problems(node: Node, rule: Rule, what: str) -> Iterator[Problem]:
    """What is wrong with a node that has to be as a rule says; ``what`` is its name for readers."""
    match rule:
        case Either(text=text, other=other):
            yield from problems(node, text if node.shape is Shape.TEXT else other, what)
        case Scalar():
            yield from _of_scalar(node, rule, what)
        case Listed():
            if node.shape is Shape.NOTHING and rule.least == 0:
                return
            if node.shape is not Shape.LIST:
                yield Problem("E1203", node.span, f"{what} is {node.shape.value}, and has to be a list")
                return
            if len(node.items) < rule.least or (rule.most is not None and len(node.items) > rule.most):
                wanted = f"exactly {rule.least}" if rule.least == rule.most else f"at least {rule.least}"
                found = f"{what} has {len(node.items)} items, and needs {wanted}"
                yield Problem("E1203", node.span, found)
                return
            for item in node.items:
                yield from problems(item, rule.of, what)
        case Free(mapping=mapping):
            if mapping and node.shape not in (Shape.MAPPING, Shape.NOTHING):
                message = f"{what} is {node.shape.value}, and has to be a mapping"
                yield Problem("E1203", node.span, message)
        case Mapped():
            yield from _of_mapping(node, rule, what)


def _of_scalar(node: Node, rule: Scalar, what: str) -> Iterator[Problem]:
    text = node.text.strip()
    if node.shape is not Shape.TEXT:
        yield Problem("E1203", node.span, f"{what} is {node.shape.value}, and has to be {rule.what}")
    elif rule.values and text not in rule.values:
        message = f"{what} is `{_shown(text)}`, and has to be {' or '.join(rule.values)}"
        yield Problem("E1203", node.span, message)
    elif rule.number is not None and not _within(text, rule.number):
        least, most = rule.number
        bounds = "" if most > 1000 else f" from {least} to {most}"
        yield Problem("E1203", node.span, f"{what} is `{_shown(text)}`, and has to be {rule.what}{bounds}")
    elif rule.pattern is not None and not rule.pattern.fullmatch(text):
        yield Problem("E1203", node.span, f"{what} is `{_shown(text)}`, and has to be {rule.what}")
    elif rule.longest is not None and len(node.text) > rule.longest:
        message = f"{what} has {len(node.text)} signs, and may have {rule.longest}"
        yield Problem("E1203", node.span, message)


def _of_mapping(node: Node, rule: Mapped, what: str) -> Iterator[Problem]:
    if node.shape is not Shape.MAPPING:
        yield Problem("E1203", node.span, f"{what} is {node.shape.value}, and has to be a mapping")
        return
    head = Span(node.span.start, node.span.start + 1)
    there = {one.key: one for one in node.entries if one.value.shape is not Shape.NOTHING}
    for name in rule.required:
        if name not in there:
            yield Problem("E1202", _head(node) or head, f"{what} has no `{name}`, which it needs")
    for group in rule.one_of:
        found = [name for name in group if name in there]
        names = " or ".join(f"`{name}`" for name in group)
        if not found:
            yield Problem("E1202", _head(node) or head, f"{what} needs {names}")
        elif len(found) > 1:
            message = f"{what} has {' and '.join(f'`{name}`' for name in found)}, which exclude each other"
            yield Problem("E1202", there[found[1]].span, message)
    for entry in node.entries:
        if entry.key not in rule.fields:
            near = get_close_matches(entry.key, rule.fields, n=1, cutoff=0.7)
            notes = (f"did you mean `{near[0]}`?",) if near else ()
            yield Problem("E1202", entry.span, f"{what} has no field `{_shown(entry.key)}`", notes)
        elif entry.value.shape is not Shape.NOTHING:
            yield from problems(entry.value, rule.fields[entry.key], f"`{entry.key}`")


def _head(node: Node) -> Span | None:
    return node.entries[0].span if node.entries else None


def _within(text: str, bounds: tuple[Decimal, Decimal]) -> bool:
    value = number_of(text)
    return value is not None and bounds[0] <= value <= bounds[1]


def number_of(text: str) -> Decimal | None:
    """The number that a text is, None where it is none. Exact; no more than thirty digits."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def plain(number: Decimal) -> str:
    """A number without an exponent and without zeros at its end."""
    text = f"{number:f}"
    text = (text.rstrip("0").rstrip(".") or "0") if "." in text else text
    return "0" if text == "-0" else text


def _shown(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
