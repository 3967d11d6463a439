"""What comments of an agreement keep of a document, put back into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import evolve

from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText
from wsla.interop.writing import identifier, kept_in
from wsla.interop.wsla_xml.reading import read
from wsla.interop.wsla_xml.tree import Element

_ORDER: Final = {
    "ServiceProvider": ("Contact", "Action"),
    "ServiceConsumer": ("Contact", "Action"),
    "SupportingParty": ("Contact", "Action", "Sponsor", "Role"),
    "SLAParameter": ("Metric", "Communication"),
    "Metric": ("Source", "MetricURI", "MeasurementDirective", "Function", "MeasurementDirectiveVariable"),
}
_OBJECT: Final = ("Schedule", "SLAParameter", "Metric")
_ALONE: Final = ("MeasurementDirective", "MeasurementDirectiveVariable", "Function")


def kept_elements(source: SourceText) -> list[Element]:
    """The elements that comments of a text keep."""
    found: list[Element] = []
    for line in source.text.splitlines():
        kept = kept_in(line, "wsla")
        if kept is None:
            continue
        read_again = read(SourceText(name="<kept>", text=kept))
        if not isinstance(read_again, Diagnostic):
            found.append(_mended(read_again))
    return found


def restored(root: Element, kept: Sequence[Element]) -> Element:
    """The document with what was kept of each of its elements."""
    by_place: dict[tuple[str, str], Element] = {}
    for one in kept:
        if one.name in _ORDER:
            by_place.setdefault((one.name, identifier(one.attribute("name"))), one)
    guarantees = [one for one in kept if one.name == "ActionGuarantee" and not one.first("Expression")]
    names = iter(guarantees if len(guarantees) == len(_guarantees(root)) else ())
    made = _restored(root, by_place, names)
    for one in kept:
        if one.name in ("Operation", "WSDLSOAPOperation"):
            made = evolve(made, children=tuple(_with_operation(child, one) for child in made.children))
    return made


def _with_operation(definition: Element, kept: Element) -> Element:
    """A service definition in which an operation has again what belongs to it."""
    if not any(_is(child, "Operation", kept) for child in definition.children):
        return definition
    wanted = {(one.name, one.attribute("name")) for one in kept.children if one.attribute("name")}
    moved = [child for child in definition.children if (child.name, child.attribute("name")) in wanted]
    moved.sort(key=lambda child: _OBJECT.index(child.name))
    own = [one for one in kept.children if not one.attribute("name")]
    operation = evolve(kept, children=(*moved, *own))
    rest = [
        operation if _is(child, "Operation", kept) else child
        for child in definition.children
        if (child.name, child.attribute("name")) not in wanted
    ]
    return evolve(definition, children=tuple(rest))


def _is(element: Element, name: str, like: Element) -> bool:
    return element.name == name and element.attribute("name") == like.attribute("name")


def _mended(element: Element) -> Element:
    """With the names that the schema has for what documents often call otherwise."""
    name = "MeasurementURI" if element.name == "RequestURL" else element.name
    attributes = tuple(
        (
            key,
            value.replace("WSDLSOAPOperation", "WSDLSOAPAction")
            if name == "Action" and key == "xsi:type"
            else value,
        )
        for key, value in element.attributes
    )
    return evolve(element, name=name, attributes=attributes, children=tuple(map(_mended, element.children)))


def _guarantees(root: Element) -> list[Element]:
    return [one for one in root.walk() if one.name == "ActionGuarantee"]


def _restored(element: Element, kept: dict[tuple[str, str], Element], guarantees: object) -> Element:
    children = tuple(_restored(child, kept, guarantees) for child in element.children)
    element = evolve(element, children=children)
    if element.name == "ActionGuarantee":
        found = next(guarantees, None)  # type: ignore[call-overload]
        if isinstance(found, Element):
            rest = tuple(one for one in children if one.name != "Obliged")
            named = (*element.attributes, *(one for one in found.attributes if one[0] == "name"))
            return evolve(element, attributes=named, children=(*found.all("Obliged"), *rest))
        return element
    if element.name not in _ORDER or not element.attribute("name"):
        return element
    there = kept.get((element.name, identifier(element.attribute("name"))))
    return element if there is None else _merged(element, there)


def _merged(element: Element, kept: Element) -> Element:
    attributes = dict(element.attributes)
    attributes.update(
        {key: value for key, value in kept.attributes if key != "name" or not attributes.get("name")}
    )
    children = list(element.children)
    for one in kept.children:
        same = [at for at, child in enumerate(children) if _same(child, one)]
        if one.name == "Function":
            children = [_typed(child, one) if child.name == "Function" else child for child in children]
        elif same:
            children[same[0]] = one
        elif one.name not in ("Window",):
            children.append(one)
    if any(one.name == "Sponsor" for one in kept.children):
        sponsors = kept.all("Sponsor")
        children = [child for child in children if child.name != "Sponsor"] + sponsors
    order = _ORDER[element.name]
    children.sort(key=lambda child: order.index(child.name) if child.name in order else len(order))
    return evolve(element, attributes=tuple(attributes.items()), children=tuple(children))


def _same(child: Element, kept: Element) -> bool:
    if kept.name in _ALONE:
        return child.name in _ALONE
    return child.name == kept.name and child.attribute("name") == kept.attribute("name")


def _typed(function: Element, kept: Element) -> Element:
    """A function with the type of its result, where it is the one that was kept."""
    result = kept.attribute("resultType")
    if kept.type != function.type or not result or function.attribute("resultType"):
        return function
    return evolve(function, attributes=(*function.attributes, ("resultType", result)))
