"""A file of objects becomes the text of an agreement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Final

from attrs import define, field

from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText, Span
from wsla.interop.formats import Imported
from wsla.interop.openslo.alerting import TEAM, Alerting
from wsla.interop.openslo.consistency import more_problems
from wsla.interop.openslo.context import Context, Thing
from wsla.interop.openslo.indicators import Indicators
from wsla.interop.openslo.kept import value_of, without
from wsla.interop.openslo.objectives import Objectives
from wsla.interop.openslo.reading import read
from wsla.interop.openslo.schema import VERSIONS, Mapped, Problem, problems
from wsla.interop.openslo.tree import Node, Shape
from wsla.interop.openslo.windows import Windows
from wsla.interop.writing import laid_out, quoted

_USERS: Final = "users"


def import_file(source: SourceText) -> Imported:
    """The agreement that a file means; without a text where nothing of it can be read."""
    documents = read(source)
    if isinstance(documents, Diagnostic):
        return Imported(text=None, diagnostics=(documents,))
    context = Context(source=source)
    file = _File(context=context)
    for node in documents:
        for one in node.items if node.shape is Shape.LIST else (node,):
            file.take(one)
    text = None
    if context.things:
        text = "\n".join([*file.lines(), ""])
        with suppress(ValueError):
            # What cannot be laid out cannot be read: the check of the text says why.
            text = laid_out(text)
    elif not context.found:
        context.problem(Problem("E1202", Span(0, 1), "there is no object in this file"))
    found = sorted(context.found, key=lambda one: (one.span.start, one.code))
    return Imported(text=text, diagnostics=tuple(found))


@define
class _File:
    """A file under way."""

    context: Context
    _again: list[Thing] = field(factory=list)

    def take(self, node: Node) -> None:
        """Looks at an object, and counts it among those of the file where nothing is wrong with it."""
        if node.shape is not Shape.MAPPING:
            self.context.problem(
                Problem("E1202", node.span, f"an object is a mapping, and not {node.shape.value}")
            )
            return
        kinds = self._kinds(node)
        if kinds is None:
            return
        version, kind = node.string("apiVersion"), node.get("kind")
        head = node.entries[0].span
        if kind is None:
            self.context.problem(Problem("E1202", head, "an object needs `kind`"))
            return
        rule = kinds.get(kind.text)
        if rule is None:
            known = ", ".join(kinds)
            message = f"`{version}` has no kind `{kind.text[:60]}`"
            self.context.problem(Problem("E1201", kind.span, message, (f"it has {known}",)))
            return
        wrong = [*problems(node, rule, f"this {kind.text}"), *more_problems(node)]
        for one in wrong:
            self.context.problem(one)
        if wrong:
            return
        thing = Thing(version=version, kind=kind.text, name=node.string("metadata", "name"), node=node)
        if (thing.kind, thing.name) in self.context.things:
            self._again.append(thing)
        else:
            self.context.things[thing.kind, thing.name] = thing

    def _kinds(self, node: Node) -> Mapping[str, Mapped] | None:
        stated = node.get("apiVersion")
        if stated is None:
            place = node.entries[0].span if node.entries else node.span
            self.context.problem(Problem("E1202", place, "an object needs `apiVersion`"))
            return None
        kinds = VERSIONS.get(stated.text)
        if kinds is None:
            near = get_close_matches(stated.text, VERSIONS, n=1, cutoff=0.8)
            notes = (f"did you mean `{near[0]}`?",) if near else (f"known are {', '.join(VERSIONS)}",)
            message = f"there is no version `{stated.text[:60]}` of OpenSLO"
            self.context.problem(Problem("E1201", stated.span, message, notes))
        return kinds

    def lines(self) -> Iterator[str]:
        """The text, not yet laid out."""
        context = self.context
        slos = [one for (kind, _), one in context.things.items() if kind == "SLO"]
        windows = Windows(context=context)
        windows.look_at(slos)
        services = self._services(slos)
        title = next((name for name in services.values()), None) or next(iter(context.things.values())).title
        alerting = Alerting(context=context)
        for party in (TEAM, _USERS):
            context.names.fresh(party)
        own_services = {name: context.names.of("service", name) for name in services}
        indicators = Indicators(context=context)
        objectives = Objectives(
            context=context, windows=windows, indicators=indicators, alerting=alerting, services=own_services
        )
        for one in slos:
            objectives.take(one)
        for one in self._unused("SLI"):
            indicators.of_thing(one)
        for one in self._unused("AlertNotificationTarget"):
            alerting.target(one.node, one.name)
        yield f"agreement {quoted(title)} version 1 {{"
        yield windows.effective
        yield ""
        lines = sorted(alerting.channel_lines, key=lambda one: one.rpartition("\n")[2])
        channels = f" {{\n{chr(10).join(lines)}\n}}" if lines else ""
        yield f'party {TEAM} "Service team" provider{channels}'
        yield f'party {_USERS} "Users" consumer'
        yield ""
        for name, shown in services.items():
            yield from self._service(name, own_services[name], shown)
        yield ""
        yield from self._kept(("DataSource",))
        yield from indicators.lines
        yield ""
        yield from objectives.metrics
        yield ""
        yield from objectives.goals
        yield ""
        yield from objectives.rules
        yield from self._kept(("AlertPolicy", "AlertCondition"))
        for one in self._again:
            yield from context.keep_whole(one)
        yield "}"

    def _services(self, slos: list[Thing]) -> dict[str, str]:
        """Names of services and how they are shown: those of objectives, and those that have an object."""
        named = [one.node.string("spec", "service") or one.node.string("spec", "serviceRef") for one in slos]
        named += [name for kind, name in self.context.things if kind == "Service"]
        things = {name: self.context.things.get(("Service", name)) for name in named if name}
        return {name: name if thing is None else thing.title for name, thing in things.items()}

    def _service(self, name: str, own: str, shown: str) -> Iterator[str]:
        thing = self.context.things.get(("Service", name))
        if thing is not None:
            rest = without(value_of(thing.node), ("apiVersion",), ("kind",), ("metadata", "displayName"))
            if name in (own, shown):
                rest = without(rest, ("metadata", "name"))
            if rest:
                what = f"what describes the service `{name}`"
                yield self.context.keep(thing.place, {"kind": "Service", **rest}, what)
        yield f"service {own}{f' {quoted(shown)}' if shown != own else ''}"

    def _unused(self, kind: str) -> list[Thing]:
        return [
            one for key, one in self.context.things.items() if key[0] == kind and key not in self.context.used
        ]

    def _kept(self, kinds: tuple[str, ...]) -> Iterator[str]:
        """Objects that no declaration says: data sources, and policies and conditions that nothing refers to."""
        for (kind, name), one in self.context.things.items():
            if kind in kinds and (kind == "DataSource" or (kind, name) not in self.context.used):
                yield from self.context.keep_whole(one)
