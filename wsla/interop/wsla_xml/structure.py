"""What may stand in what, so that nothing that stands elsewhere is passed over; and macros, written out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import evolve

from wsla.interop.wsla_xml.context import Context, named
from wsla.interop.wsla_xml.tree import Element
from wsla.interop.wsla_xml.vocabulary import INTERVAL_PARTS

_OBJECT: Final = "Schedule Trigger Constant MetricMacroDefinition MetricMacroExpansion SLAParameter Metric"
_BINDING: Final = "WSDLFile ServiceName SOAPBindingName SOAPOperationName Description Address"
_OBLIGATIONS: Final = "Constant ServiceLevelObjective ActionGuarantee"
_EVALUATED: Final = "Obliged Validity Expression Expresssion EvaluationEvent Schedule"
_EXPRESSION: Final = "Expression Expresssion"
_CHILDREN: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(children.split())
    for name, children in {
        "SLA": "Parties ServiceDefinition Obligations",
        "Parties": "ServiceProvider ServiceConsumer SupportingParty",
        "ServiceProvider": "Contact Action",
        "ServiceConsumer": "Contact Action",
        "SupportingParty": "Contact Action Sponsor Role",
        "Contact": "Street City",
        "Action": f"{_BINDING} NotificationType CausingGuarantee SLAParameter",
        "ServiceDefinition": f"{_OBJECT} Operation WSDLSOAPOperation OperationGroup WebHosting",
        "Operation": f"{_OBJECT} {_BINDING}",
        "WSDLSOAPOperation": f"{_OBJECT} {_BINDING}",
        "OperationGroup": f"{_OBJECT} Operation WSDLSOAPOperation",
        "WebHosting": f"{_OBJECT} Coverage",
        "Schedule": "Period Interval",
        "Period": "",
        "Interval": " ".join(INTERVAL_PARTS),
        "TimeOut": " ".join(INTERVAL_PARTS),
        "Trigger": "Time",
        "Constant": "String Integer Float",
        "SLAParameter": "Metric Communication",
        "Communication": "Source Pull Push",
        "Metric": "Source MetricURI MeasurementDirective Function MeasurementDirectiveVariable",
        "MetricMacroDefinition": "Metric",
        "MetricMacroExpansion": "MeasurementDirectiveAssignment",
        "MeasurementDirectiveAssignment": "MeasurementDirective",
        "MeasurementDirective": "ReadingSchedule MeasurementURI RequestURL TimeOut CounterURI RequestURI",
        "Function": "Schedule Metric Function Window Operand Element Digits Value Interval BaseMetric ValidationMetric",
        "Operand": "Metric Function LongScalar FloatScalar StringScalar Constant",
        "Digits": "Metric Function LongScalar FloatScalar StringScalar Constant",
        "Value": "Metric Function LongScalar FloatScalar StringScalar Constant",
        "Obligations": f"{_OBLIGATIONS} ObligationGroup",
        "ObligationGroup": _OBLIGATIONS,
        "ServiceLevelObjective": _EVALUATED,
        "ActionGuarantee": f"{_EVALUATED} QualifiedAction ExecutionModality".replace("Validity ", ""),
        "QualifiedAction": "Party Action",
        "Expression": "Predicate And Or Not Implies",
        "Expresssion": "Predicate And Or Not Implies",
        "And": _EXPRESSION,
        "Or": _EXPRESSION,
        "Not": _EXPRESSION,
        "Implies": _EXPRESSION,
        "Predicate": "SLAParameter SLAParameterList Value ServiceLevelObjective",
    }.items()
}
_PERIOD: Final = re.compile(r"Start|End|Condition\w+")
_ATTRIBUTES: Final = frozenset(
    [
        *(
            "name",
            "partyName",
            "type",
            "unit",
            "counter",
            "resultType",
            "macroName",
            "expansionName",
            "metricName",
        ),
        *("actionName", "role", "xsi:type", "xsi:schemaLocation", "schemaLocation", "xml:lang"),
    ]
)
_NAMELESS: Final = re.compile(r"[^0-9a-zA-Z]+")


def misplaced(context: Context, element: Element) -> Iterator[Element]:
    """Elements that WSLA does not have where they stand, each told of; attributes are told of alone."""
    allowed = _CHILDREN.get(element.name)
    for key, value in element.attributes:
        if key not in _ATTRIBUTES:
            context.remark(
                "W1101",
                element.span,
                f"`{element.name}` has no attribute `{key}` (`{value}`); it is left out",
            )
    for child in element.children:
        there = allowed is None or child.name in allowed
        if element.name in ("Period", "Validity"):
            there = _PERIOD.fullmatch(child.name) is not None
        if there:
            yield from misplaced(context, child)
        else:
            context.remark("W1101", child.span, f"`{child.name}` does not belong into `{element.name}`")
            yield child


def expanded(context: Context, owner: Element) -> list[Element]:
    """The metrics of a service object, those of its macros written out with the expansion's name before theirs."""
    metrics = owner.all("Metric")
    macros = named(owner.all("MetricMacroDefinition"))
    for expansion in owner.all("MetricMacroExpansion"):
        wanted = Element(
            name="macroName",
            text=expansion.attribute("macroName"),
            span=expansion.span,
            inside=expansion.span,
        )
        found = context.resolve("macro", wanted, macros, "macro")
        if found is not None:
            metrics += _written_out(context, macros[found], expansion)
    return metrics


def _written_out(context: Context, macro: Element, expansion: Element) -> Iterator[Element]:
    prefix = expansion.attribute("expansionName") or expansion.attribute("macroName")
    inside = {metric.attribute("name") for metric in macro.all("Metric")}
    given = {one.attribute("metricName"): one for one in expansion.all("MeasurementDirectiveAssignment")}
    for name, one in given.items():
        if name not in inside:
            context.remark(
                "W1102", one.span, f"the macro has no metric `{name}`, so its directive is left out"
            )
    for metric in macro.all("Metric"):
        name = metric.attribute("name")
        children = tuple(_renamed(child, inside, prefix) for child in metric.children)
        if name in given:
            directive = given[name].first("MeasurementDirective")
            holes = [one for one in children if one.name != "MeasurementDirectiveVariable"]
            children = (*holes, *([directive] if directive is not None else []))
        attributes = tuple(
            (key, f"{prefix}_{name}" if key == "name" else value) for key, value in metric.attributes
        )
        yield evolve(metric, attributes=attributes, children=children)


def _renamed(element: Element, inside: set[str], prefix: str) -> Element:
    children = tuple(_renamed(child, inside, prefix) for child in element.children)
    named_here = element.name in ("Metric", "BaseMetric", "ValidationMetric") and element.text in inside
    return evolve(element, children=children, text=f"{prefix}_{element.text}" if named_here else element.text)


def by_any_separator(name: Element, known: Mapping[str, Element]) -> Element:
    """A name such as `macro.metric`, which is nowhere said how to write, as it stands in ``known``."""
    if name.text in known:
        return name
    plain = {_NAMELESS.sub("", one): one for one in known}
    found = plain.get(_NAMELESS.sub("", name.text))
    return name if found is None else evolve(name, text=found)
