"""A document becomes the text of an agreement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from attrs import define, evolve, field

from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import Imported
from wsla.interop.writing import comment, laid_out, quoted
from wsla.interop.wsla_xml.conditions import Conditions
from wsla.interop.wsla_xml.context import Context, Unreadable, named
from wsla.interop.wsla_xml.formulas import Formulas
from wsla.interop.wsla_xml.kept import kept_of_metric, kept_of_parameter, kept_of_service
from wsla.interop.wsla_xml.measuring import Measuring
from wsla.interop.wsla_xml.obligations import Obligations
from wsla.interop.wsla_xml.parties import Parties
from wsla.interop.wsla_xml.periods import instant_of, length_text, moment_text, offset_of
from wsla.interop.wsla_xml.reading import read
from wsla.interop.wsla_xml.structure import by_any_separator, expanded, misplaced
from wsla.interop.wsla_xml.tree import Element
from wsla.interop.wsla_xml.values import ATOM, Grids, Series, Value
from wsla.values.instants import HOUR, MINUTE, SECOND

_SERVICES = ("ServiceDefinition", "OperationGroup", "Operation", "WSDLSOAPOperation", "WebHosting")
LATE = MINUTE
"""How long late observations are waited for: WSLA knows none, so not long."""

OPEN_END = 253_402_214_400 * SECOND
"""From here on, 9999-12-31, a term has no end."""


def import_document(source: SourceText) -> Imported:
    """The agreement that a document means; without a text where its root is no agreement."""
    root = read(source)
    if isinstance(root, Diagnostic):
        return Imported(text=None, diagnostics=(root,))
    context = Context(source=source)
    if root.name != "SLA":
        context.error(root.span, f"the root of the document is `{root.name}`, and not an agreement, `SLA`")
        return Imported(text=None, diagnostics=tuple(context.found))
    document = _Document(context=context, root=root)
    text = "\n".join([*document.lines(), ""])
    with suppress(ValueError):
        # What stands too deeply in one another cannot be laid out; the check of the text says so.
        text = laid_out(text)
    found = sorted(context.found, key=lambda one: (one.span.start, one.code))
    return Imported(text=text, diagnostics=tuple(found))


@define
class _Document:
    """A document under way: its metrics and parameters by name, and where the parts of an agreement come from."""

    context: Context
    root: Element
    services: list[Element] = field(factory=list)
    metrics: dict[str, Element] = field(factory=dict)
    parameters: dict[str, Element] = field(factory=dict)
    own_parameters: dict[str, str] = field(factory=dict)
    _looked_at: set[str] = field(factory=set)

    def lines(self) -> Iterator[str]:
        """The text, not yet laid out."""
        context, root = self.context, self.root
        title = root.attribute("name") or "WSLA agreement"
        yield f"agreement {quoted(title)} version 1 {{"
        lost = [context.keep(one, f"`{one.name}` at this place") for one in misplaced(context, root)]
        self.services = [one for one in root.walk() if one.name in _SERVICES]
        self.metrics = dict(named(one for service in self.services for one in expanded(context, service)))
        self.parameters = dict(named(one for service in self.services for one in service.all("SLAParameter")))
        groups = [one for part in root.all("Obligations") for one in (part, *part.all("ObligationGroup"))]
        objectives = named(one for group in groups for one in group.all("ServiceLevelObjective"))
        schedules = named(one for service in self.services for one in service.all("Schedule"))
        constants = named(one for owner in (*self.services, *groups) for one in owner.all("Constant"))
        start, end = self._term(objectives, schedules)
        zone, ahead = self._zone()
        yield f"effective {moment_text(start)}{f' until {moment_text(end)}' if end is not None else ''}{zone}"
        yield f"grace {length_text(LATE)}"
        yield ""
        yield from lost
        parties = Parties(context=context)
        yield from parties.read(root.first("Parties"), root)

        measuring = Measuring(
            context=context, schedules=schedules, start=start, end=end, parties=parties.own, ahead=ahead
        )
        for metric in self.metrics.values():
            self._guarded(measuring.measure, metric)
        self._look_at_ticks(measuring)
        grids = Grids(start=start)
        formulas = Formulas(
            context=context, grids=grids, measuring=measuring, metrics=self.metrics, constants=constants
        )
        declared = list(self._metrics(formulas))
        own_objectives = {name: context.names.of("objective", name) for name in objectives}
        conditions = Conditions(
            context=context,
            formulas=formulas,
            parameters=self.parameters,
            objectives=objectives,
            value_of=lambda name, asked: self._parameter(formulas, name, asked),
        )
        declared += self._parameters(formulas)
        obligations = Obligations(
            context=context,
            conditions=conditions,
            grids=grids,
            measuring=measuring,
            parties=parties,
            objectives=objectives,
            own=own_objectives,
        )
        loose = [line for name, one in objectives.items() for line in obligations.objective(name, one)]
        loose += [
            line
            for group in groups
            for one in group.all("ActionGuarantee")
            for line in obligations.guarantee(one)
        ]
        yield ""
        yield from self._services()
        for name, hours in measuring.declared.items():
            block = "\n".join(hours)
            yield f"schedule {name} {{\n{block}\n}}"
        for reading, line in measuring.source_lines():
            for metric in reading.metrics:
                yield from kept_of_metric(context, metric, measured=True, asked=reading.address is not None)
            yield line
        yield ""
        yield from declared
        yield ""
        yield from self._remains(groups)
        for goal in obligations.goals.values():
            yield from goal.lines()
        yield ""
        yield from obligations.rules
        yield from loose
        yield "}"

    def _term(
        self, objectives: Mapping[str, Element], schedules: Mapping[str, Element]
    ) -> tuple[int, int | None]:
        """(start, end) of the time that the periods of objectives span, or where these have none those of schedules."""
        validities = [period for one in objectives.values() for period in one.all("Validity")]
        for periods in (validities, [period for one in schedules.values() for period in one.all("Period")]):
            starts: list[int] = []
            ends: list[int] = []
            for period in periods:
                if period.first("Start", "End") is not None:
                    try:
                        starts.append(instant_of(self.context, period.first("Start"), period))
                        ends.append(instant_of(self.context, period.first("End"), period))
                    except Unreadable:
                        continue
            if starts and ends and max(ends) > min(starts):
                return min(starts), max(ends) if max(ends) < OPEN_END else None
        self.context.remark(
            "W1104", self.root.span, "no period says when the agreement begins; 2003-01-01 is read"
        )
        return 1_041_379_200_000_000_000, None

    def _zone(self) -> tuple[str, int]:
        """(clause that names the zone, nanoseconds ahead of UTC) of the conditions of periods."""
        periods = [
            one
            for one in self.root.walk()
            if one.name in ("Period", "Validity") and one.first("ConditionTimeZone")
        ]
        zones = [offset_of(self.context, period) for period in periods]
        first = zones[0] if zones else ""
        for period, zone in zip(periods, zones, strict=True):
            if zone != first:
                self.context.remark(
                    "W1104",
                    period.span,
                    "an agreement has one zone; this period is read in that of the first",
                )
        if not first:
            return "", 0
        return f' in "{first}"', -int(first.removeprefix("Etc/GMT")) * HOUR

    def _guarded(self, work: object, element: Element) -> None:
        assert callable(work)
        try:
            work(element)
        except Unreadable:
            return

    def _look_at_ticks(self, measuring: Measuring) -> None:
        """Tells sources how often time series look at them."""
        for metric in self.metrics.values():
            for function in metric.walk():
                schedule, read_from = function.first("Schedule"), function.first("Metric")
                if read_from is not None and function.type not in (
                    "TSConstructor",
                    "QConstructor",
                    "TSSelect",
                ):
                    self._looked_at.add(read_from.text)
                if function.type == "TSConstructor" and schedule is not None and read_from is not None:
                    try:
                        measuring.needs(read_from.text, measuring.schedule(schedule)[0])
                    except Unreadable:
                        continue

    def _metrics(self, formulas: Formulas) -> Iterator[str]:
        computed = {name: one for name, one in self.metrics.items() if name not in formulas.measuring.leaves}
        formulas.named.update({name: self.context.names.of("metric", name) for name in computed})
        self._without_repetitions(formulas, computed)
        for name, metric in computed.items():
            asked = Element(name="Metric", text=name, span=metric.span, inside=metric.span)
            try:
                value = formulas.definition(name, asked)
            except Unreadable:
                yield comment(f"the metric {name} could not be read")
                continue
            if value.text == formulas.named[name]:
                continue
            parties = formulas.measuring.parties
            implied = formulas.measuring.party(value.sources[0]) if value.sources else None
            source = metric.first("Source")
            own = None if source is None else self.context.resolve("party", source, parties, "party")
            plain = own is None or parties[own] == implied
            yield from kept_of_metric(
                self.context,
                metric,
                left_out="Source" if plain else "",
                windowed=name in self._looked_at,
            )
            yield f"metric {formulas.named[name]} = {value.text}"

    def _without_repetitions(self, formulas: Formulas, computed: Mapping[str, Element]) -> None:
        """A series of a metric at the metric's own ticks is that metric, and needs no other name."""
        for name, metric in computed.items():
            function = metric.first("Function")
            if function is not None and function.type == "TSConstructor" and len(metric.attributes) == 1:
                asked = Element(name="Metric", text=name, span=metric.span, inside=metric.span)
                try:
                    text = formulas.definition(name, asked).text
                except Unreadable:
                    continue
                if text in formulas.named.values():
                    formulas.named[name] = text

    def _parameters(self, formulas: Formulas) -> Iterator[str]:
        judged = {
            word
            for objective in self.root.walk()
            if objective.name == "ServiceLevelObjective"
            for one in objective.walk()
            if one.name in ("SLAParameter", "SLAParameterList")
            for word in one.text.split()
        }
        acted_on = {
            word
            for guarantee in self.root.walk()
            if guarantee.name == "Predicate"
            for one in guarantee.children
            for word in one.text.split()
        }
        for name, parameter in self.parameters.items():
            comments = kept_of_parameter(self.context, parameter)
            metric = parameter.first("Metric")
            if metric is None:
                self.context.error(parameter.span, "an SLA parameter needs a metric")
                yield from comments
                continue
            metric = by_any_separator(metric, self.metrics)
            try:
                made = formulas.metric(metric)
                yield from comments
                value = formulas.value(made)
                if value.signal is not None and value.grid is None and name in acted_on - judged:
                    # Rules look at the readings themselves.
                    continue
                if name in formulas.named and formulas.value(made).text == formulas.named[name]:
                    continue
                own = self.context.names.of("parameter", name)
                self.own_parameters[name] = own
                yield f"metric {own} = {formulas.changing(made).text}"
            except Unreadable:
                yield comment(f"the parameter {name} could not be read")

    def _parameter(self, formulas: Formulas, name: str, asked: Element) -> Value:
        metric = self.parameters[name].first("Metric")
        if metric is None:
            raise Unreadable(name)
        made = formulas.metric(by_any_separator(metric, self.metrics))
        value = made.item if isinstance(made, Series) else made
        own = self.own_parameters.get(name)
        if own is None:
            return value
        if value.signal is not None and value.grid is None:
            return evolve(value, alias=own)
        return evolve(value, text=own, level=ATOM, core=None)

    def _services(self) -> Iterator[str]:
        for service in self.services:
            kind = "service" if service.name == "ServiceDefinition" else "operation"
            name = service.attribute("name")
            yield from kept_of_service(self.context, service)
            if name:
                own = self.context.names.of(kind, name)
                yield f"service {own}{f' {quoted(name)}' if own != name else ''}"

    def _remains(self, groups: list[Element]) -> Iterator[str]:
        """Comments for what the formulas do not show: constants, triggers, macros, groups of obligations."""
        for owner in (*self.services, *groups):
            for one in owner.all("Constant"):
                yield self.context.keep(one, f"the name of the constant `{one.attribute('name')}`")
            for one in owner.all("Trigger"):
                yield self.context.keep(one, "a trigger, to which nothing can refer,")
            for one in owner.all("MetricMacroDefinition", "MetricMacroExpansion"):
                yield self.context.keep(one, "a macro, whose metrics are written out,")
            if owner.name == "ObligationGroup":
                members = tuple(
                    Element(name=one.name, attributes=(("name", one.attribute("name")),))
                    for one in owner.all("ServiceLevelObjective", "ActionGuarantee")
                )
                yield self.context.keep(evolve(owner, children=members), "a group of obligations")
