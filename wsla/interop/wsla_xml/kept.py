"""What of metrics, parameters and services has no place in an agreement."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from wsla.interop.wsla_xml.context import Context
from wsla.interop.wsla_xml.tree import Element

_BINDING = ("WSDLFile", "ServiceName", "SOAPBindingName", "SOAPOperationName", "Description", "Coverage")


def kept_of_metric(
    context: Context,
    metric: Element,
    *,
    measured: bool = False,
    asked: bool = False,
    left_out: str = "",
    windowed: bool = False,
) -> Iterator[str]:
    """The comment for the types, unit and party of a metric, and for how it is measured.

    ``left_out`` is an element that the agreement says in its own way; where ``windowed`` functions show how many values
    a series holds.
    """
    attributes = tuple(one for one in metric.attributes if one[1])
    children: list[Element] = []
    if not measured:
        children += [one for one in metric.all("Source") if one.name != left_out]
        children += [
            Element(
                name="Function",
                attributes=tuple(
                    (key, value) for key, value in one.attributes if key in ("xsi:type", "resultType")
                ),
                children=() if windowed else tuple(one.all("Window")),
            )
            for one in metric.walk()
            if one.name == "Function"
            and (
                one.attribute("resultType")
                or (one.first("Window") and not windowed and one in metric.children)
            )
        ]
    else:
        children += [
            one
            for one in metric.all("MeasurementDirective", "MeasurementDirectiveVariable")
            if not _plain(one, asked)
        ]
    children += [one for one in metric.all("MetricURI") if one.text]
    if len(attributes) < 2 and not children:
        return
    element = evolve(metric, attributes=attributes, children=tuple(children))
    yield context.keep(element, f"how the metric `{metric.attribute('name')}` is typed, and who computes it,")


def _plain(directive: Element, asked: bool) -> bool:
    """True where the source says all of a directive."""
    if directive.attribute("resultType"):
        return False
    bare = all(
        not one.text and not one.children for one in directive.children if one.name != "ReadingSchedule"
    )
    return asked or (directive.type == "Gauge" and bare)


def kept_of_parameter(context: Context, parameter: Element) -> list[str]:
    """The comment for the type and unit of a parameter, and for who sends it to whom."""
    attributes = tuple(one for one in parameter.attributes if one[1])
    children = tuple(parameter.all("Communication"))
    if len(attributes) < 2 and not children:
        return []
    element = evolve(parameter, attributes=attributes, children=children)
    return [context.keep(element, f"who sends `{parameter.attribute('name')}` to whom, and as what,")]


def kept_of_service(context: Context, service: Element) -> list[str]:
    """The comment for how a service is called, and for what belongs to an operation or a group."""
    own = [one for one in service.children if one.name in _BINDING]
    inside = [
        Element(name=one.name, attributes=(("name", one.attribute("name")),))
        for one in service.children
        if one.name
        in (
            "Schedule",
            "SLAParameter",
            "Metric",
            "Operation",
            "WSDLSOAPOperation",
            "OperationGroup",
            "WebHosting",
        )
    ]
    if (service.name == "ServiceDefinition" and service.attribute("name")) or not (own or inside):
        return []
    element = evolve(service, children=(*inside, *own))
    return [context.keep(element, "what belongs to a part of a service, and how it is called,")]
