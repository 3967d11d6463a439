"""An agreement becomes objects of OpenSLO v1: an SLO for each goal, and what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from attrs import define, field

from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText, Span
from wsla.interop.formats import Exported, ExportedFile
from wsla.interop.openslo.indicators import variable
from wsla.interop.openslo.kept import merged
from wsla.interop.openslo.matching import Level, Matcher, Measure, Unsaid, Weighted
from wsla.interop.openslo.policies import Policies
from wsla.interop.openslo.remembered import Remembered, part, text_at
from wsla.interop.openslo.spans import Spans, duration, minutes_of
from wsla.interop.openslo.writing import documents_text
from wsla.interop.writing import cannot_be_said, identifier
from wsla.syntax import surface

_VERSION: Final = "openslo/v1"
_EVERY: Final = "1m"
_DEFAULT_PARTIES: Final = {
    "team": ("Service team", ("provider",)),
    "users": ("Users", ("consumer",)),
}


def export_document(agreement: surface.Agreement, document: surface.Document, source: SourceText) -> Exported:
    """The objects of an agreement that was checked, and what they do not say."""
    work = _Export(agreement=agreement, remembered=Remembered.of(document), source=source)
    things = work.objects()
    found = tuple(sorted(work.found, key=lambda one: one.span.start))
    if not any(one["kind"] == "SLO" for one in things):
        return Exported(files=(), diagnostics=found)
    name = slug(identifier(agreement.title.value)) or "agreement"
    return Exported(
        files=(ExportedFile(name=f"{name}.yaml", text=documents_text(things)),), diagnostics=found
    )


def slug(own: str) -> str:
    """A name as OpenSLO writes them, of which an import makes the same again."""
    return own.replace("_", "-").strip("-")


def thing(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """An object."""
    return {"apiVersion": _VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


@define(kw_only=True)
class _Export:
    """An export under way."""

    agreement: surface.Agreement
    remembered: Remembered
    source: SourceText
    found: list[Diagnostic] = field(factory=list)
    _used: set[str] = field(factory=set)
    _before: dict[int, int] = field(factory=dict)
    _servers: list[dict[str, Any]] = field(factory=list)

    def objects(self) -> list[dict[str, Any]]:
        """The objects, in an order in which an import of them gives the same text again."""
        declared = self.agreement.declarations
        places = [self.agreement.span.start, *[one.span.end for one in declared]]
        self._before = {one.span.start: place for one, place in zip(declared, places, strict=False)}
        metrics = {one.name.text: one for one in self._all(surface.Metric)}
        sources = {one.name.text: one for one in self._all(surface.Source)}
        matcher = Matcher(metrics=metrics)
        spans = self._spans()
        policies = Policies(remembered=self.remembered, before=self._before, say=self.unsaid)
        for rule in self._all(surface.Rule):
            policies.read(rule)
        whole = self.remembered.whole()
        slos, slis = shared(list(self._slos(matcher, sources, spans, policies)))
        targets = [one for party in self._all(surface.Party) for one in self._targets(party, policies)]
        services = [self._service(one) for one in self._all(surface.Service)]
        self._rest(spans, metrics, sources, policies)
        return [*services, *slos, *slis, *policies.objects(), *targets, *whole, *self._servers]

    def unsaid(self, what: str, span: Span) -> None:
        """Tells of something that OpenSLO cannot say."""
        one = cannot_be_said(self.source, span, what, "OpenSLO")
        if one not in self.found:
            self.found.append(one)

    def _all(self, kind: Any) -> Iterator[Any]:
        return (one for one in self.agreement.declarations if isinstance(one, kind))

    def _above(self, kind: str, declared: Any) -> dict[str, Any]:
        start = declared.span.start
        return self.remembered.above(kind, start, self._before.get(start, 0))

    def _spans(self) -> Spans:
        (effective,) = self._all(surface.Effective)
        if effective.until is not None:
            self.unsaid("when an agreement ends", effective.until.span)
        zone = effective.zone.value if effective.zone is not None else ""
        start = datetime.fromisoformat(effective.start.text)
        if start.tzinfo is not None:
            self.unsaid("a start with an offset", effective.start.span)
            start = start.replace(tzinfo=None)
        return Spans(start=start, zone=zone, at=effective.span)

    def _slos(
        self,
        matcher: Matcher,
        sources: Mapping[str, surface.Source],
        spans: Spans,
        policies: Policies,
    ) -> Iterator[dict[str, Any]]:
        goals = list(self._all(surface.Goal))
        read: dict[str, tuple[surface.Goal, Level | Weighted, Decimal]] = {}
        for goal in goals:
            try:
                measured, target = matcher.goal(goal.condition)
                read[goal.name.text] = (goal, matcher.level(measured), target)
            except Unsaid as unsaid:
                self.unsaid(unsaid.what, unsaid.span)
        by_metric = {
            measured.text: goal.name.text
            for goal in goals
            if isinstance(goal.condition, surface.Binary)
            and isinstance(measured := goal.condition.left, surface.Reference)
        }
        inside = {
            by_metric.get(metric, "")
            for _, level, _ in read.values()
            if isinstance(level, Weighted)
            for metric, _ in level.parts
        }
        for name, (goal, level, target) in read.items():
            try:
                if isinstance(level, Level):
                    if name not in inside:
                        yield self._slo(goal, level, target, sources, spans, policies)
                else:
                    yield self._composite(goal, level, by_metric, read, sources, spans, policies)
                self._goal_rest(goal)
            except Unsaid as unsaid:
                self.unsaid(unsaid.what, unsaid.span)

    def _slo(
        self,
        goal: surface.Goal,
        level: Level,
        target: Decimal,
        sources: Mapping[str, surface.Source],
        spans: Spans,
        policies: Policies,
    ) -> dict[str, Any]:
        kept = self._above("SLO", goal)
        objectives = kept.get("objectives")
        described = objectives[0] if isinstance(objectives, list) and len(objectives) == 1 else {}
        window = spans.time_window(level.window)
        objective = _objective(level, target)
        if isinstance(described, dict):
            objective = merged(
                {key: one for key, one in described.items() if key == "displayName"}, objective
            )
        spec: dict[str, Any] = {
            "service": self._service_of(goal),
            "indicator": self._indicator(level.measure, sources),
            "timeWindow": [window],
            "budgetingMethod": level.method,
            "objectives": [objective],
        }
        return self._finished(goal, kept, spec, policies)

    def _composite(
        self,
        goal: surface.Goal,
        level: Weighted,
        by_metric: Mapping[str, str],
        read: Mapping[str, tuple[surface.Goal, Level | Weighted, Decimal]],
        sources: Mapping[str, surface.Source],
        spans: Spans,
        policies: Policies,
    ) -> dict[str, Any]:
        objectives: list[dict[str, Any]] = []
        windows: list[dict[str, Any]] = []
        methods: set[str] = set()
        own = goal.name.text
        for metric, weight in level.parts:
            named = by_metric.get(metric, "")
            if named not in read or not isinstance(inner := read[named][1], Level):
                raise Unsaid("a part of a composite without a goal of its own", goal.span)
            windows.append(spans.time_window(inner.window))
            methods.add(inner.method)
            shown = slug(named.removeprefix(f"{own}_"))
            one = {"displayName": shown, **_objective(inner, read[named][2]), "compositeWeight": weight}
            objectives.append({**one, "indicator": self._indicator(inner.measure, sources)})
        if len(methods) > 1 or any(one != windows[0] for one in windows):
            raise Unsaid("a composite of several windows or budgeting methods", goal.span)
        spec: dict[str, Any] = {
            "service": self._service_of(goal),
            "timeWindow": windows[:1],
            "budgetingMethod": methods.pop(),
            "objectives": objectives,
        }
        return self._finished(goal, self._above("SLO", goal), spec, policies)

    def _finished(
        self, goal: surface.Goal, kept: dict[str, Any], spec: dict[str, Any], policies: Policies
    ) -> dict[str, Any]:
        """With what was kept of it, and its alert policies."""
        watched = policies.of_goal(goal.name.text)
        if watched:
            spec["alertPolicies"] = [{"alertPolicyRef": one} for one in watched]
        described = text_at(kept, "spec", "description")
        made = thing(
            "SLO", slug(goal.name.text), {**({"description": described} if described else {}), **spec}
        )
        return self._named(made, kept, goal.name.text)

    def _named(self, made: dict[str, Any], kept: dict[str, Any], own: str) -> dict[str, Any]:
        """With the metadata that was kept; a name only where an import makes the same of it."""
        metadata = dict(part(kept, "metadata"))
        if identifier(str(metadata.get("name", ""))) != own:
            metadata.pop("name", None)
        made["metadata"] = merged(made["metadata"], metadata)
        return made

    def _indicator(self, measure: Measure, sources: Mapping[str, surface.Source]) -> dict[str, Any]:
        source = sources[measure.source]
        self._used.add(measure.source)
        kept = self._above("SLI", source)
        columns = {
            one.name.text: one.value.value
            for one in source.fields or ()
            if isinstance(one.value, surface.Text)
        }
        asked = source.kinds[-1].text == "prometheus"
        reference = self._server(source, kept) if asked else ""
        metrics: dict[str, Any] = {}
        for role, own in measure.fields.items():
            if role != own:
                self.unsaid(f"that a field is called `{own}`", source.span)
            remembered = part(kept, "metrics", role)
            if "metricSource" in remembered:
                metrics[role] = remembered
            elif asked:
                named = {"metricSourceRef": reference} if reference else {}
                metrics[role] = {
                    "metricSource": {**named, "type": "Prometheus", "spec": {"query": columns.get(own, own)}}
                }
            else:
                metrics[role] = {"metricSource": {"type": source.kinds[-1].text, "spec": {"field": own}}}
        self._source_rest(source, asked=asked)
        if "value" in metrics:
            spec: dict[str, Any] = {"thresholdMetric": metrics["value"]}
        elif "raw" in metrics:
            spec = {"ratioMetric": {"rawType": "failure" if measure.failure else "success", **metrics}}
            spec["ratioMetric"]["counter"] = False
        else:
            spec = {"ratioMetric": {"counter": measure.counter, **metrics}}
        described = text_at(kept, "spec", "description")
        made = {"metadata": {"name": slug(measure.source)}, "spec": spec}
        if described:
            made["spec"] = {"description": described, **spec}
        return self._named(made, kept, measure.source)

    def _source_rest(self, source: surface.Source, *, asked: bool) -> None:
        if source.every is None or source.every.text != _EVERY:
            self.unsaid("how often a source is looked at", source.span)
        for one in source.fields or ():
            known = isinstance(one.value, surface.Text) or (
                one.name.text,
                getattr(one.value, "text", ""),
            ) == (
                "numbers",
                "rounded",
            )
            if one.unit is not None or not known:
                self.unsaid(f"`{one.name.text}` of a source", one.span)
        if len(source.kinds) > 1 or source.timeout is not None or source.measured_by is not None:
            self.unsaid("records, time limits and measuring parties of a source", source.span)
        if not asked and source.kinds[-1].text != "push":
            self.unsaid(f"where a source of kind `{source.kinds[-1].text}` looks", source.span)

    def _server(self, source: surface.Source, kept: dict[str, Any]) -> str:
        """The name of the data source of a server; made where the text has an address that no object has."""
        text, reference = source.texts[0], text_at(kept, "dataSource")
        if text.environment:
            if text.value == variable(reference):
                return reference
            named = slug(text.value.removesuffix("_URL").lower())
            if variable(named) != text.value:
                self.unsaid("the address of a source", source.span)
            return named
        for one in (*self.remembered.whole(), *self._servers):
            if one["kind"] == "DataSource" and text.value in str(one.get("spec")):
                return str(part(one, "metadata").get("name"))
        name = reference or f"{slug(source.name.text)}-server"
        details = {"type": "Prometheus", "connectionDetails": {"url": text.value}}
        self._servers.append(thing("DataSource", name, details))
        return name

    def _service_of(self, goal: surface.Goal) -> str:
        services = list(self._all(surface.Service))
        if goal.service is None:
            self.unsaid("a goal that is about no service", goal.span)
            return slug(identifier(self.agreement.title.value)) or "service"
        (declared,) = [one for one in services if one.name.text == goal.service.text]
        return self._service_name(declared)

    def _service_name(self, service: surface.Service) -> str:
        own = service.name.text
        shown = service.title.value if service.title is not None else ""
        named = text_at(self._above("Service", service), "metadata", "name")
        return next(
            (one for one in (named, shown) if " " not in one and one and identifier(one) == own), slug(own)
        )

    def _service(self, service: surface.Service) -> dict[str, Any]:
        if service.items or service.origin is not None:
            self.unsaid("fees of a service, and what it needs", service.span)
        kept = self._above("Service", service)
        made = thing("Service", self._service_name(service), dict(part(kept, "spec")))
        shown = service.title.value if service.title is not None else service.name.text
        metadata = {"displayName": shown} if shown != made["metadata"]["name"] else {}
        made["metadata"] = merged(
            made["metadata"],
            metadata,
            {key: one for key, one in part(kept, "metadata").items() if key != "name"},
        )
        return made

    def _targets(self, party: surface.Party, policies: Policies) -> Iterator[dict[str, Any]]:
        title = party.title.value if party.title is not None else ""
        roles = tuple(one.text for one in party.roles)
        if _DEFAULT_PARTIES.get(party.name.text) != (title, roles):
            self.unsaid("the parties of an agreement", party.span)
        before = party.span.start
        for channel in party.channels or ():
            kind = channel.kind or channel.name
            kept = self.remembered.above("AlertNotificationTarget", channel.span.start, before)
            before = channel.span.end
            if not channel.address.environment or channel.secret is not None:
                self.unsaid("the address of a channel", channel.span)
            own = channel.name.text
            made = thing("AlertNotificationTarget", slug(own), {"target": kind.text})
            made["spec"] = merged(made["spec"], part(kept, "spec"))
            made = self._named(made, kept, own)
            policies.channels[party.name.text, own] = made["metadata"]["name"]
            yield made

    def _goal_rest(self, goal: surface.Goal) -> None:
        if goal.provided is not None:
            self.unsaid("when a promise applies", goal.provided.span)
        for one in goal.items or ():
            self.unsaid("what follows from a goal, and what counts in it", one.span)

    def _rest(
        self,
        spans: Spans,
        metrics: Mapping[str, surface.Metric],
        sources: Mapping[str, surface.Source],
        policies: Policies,
    ) -> None:
        """Tells of all that no object says."""
        if spans.unsaid():
            self.unsaid("when an agreement begins, and where", spans.at)
        if self.agreement.version.text != "1" or self.agreement.amends is not None:
            self.unsaid("versions of an agreement", self.agreement.version.span)
        titles = [
            one.title.value if one.title is not None else one.name.text for one in self._all(surface.Service)
        ]
        if self.agreement.title.value not in titles[:1]:
            self.unsaid("the title of an agreement", self.agreement.title.span)
        for name, source in sources.items():
            if name not in self._used:
                self.unsaid("a source that no objective is about", source.span)
        for one in self.agreement.declarations:
            match one:
                case surface.Setting() | surface.Unit() | surface.Schedule() | surface.Use():
                    self.unsaid("settings, units, schedules and templates", one.span)
                case surface.Cap() | surface.Recurring():
                    self.unsaid("caps, reports and reviews", one.span)
                case _:
                    pass
        policies.rest()


def shared(slos: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """SLOs that refer to the indicators that several of them have, and the objects of these."""
    holders = [one for slo in slos for one in (slo["spec"], *slo["spec"]["objectives"]) if "indicator" in one]
    by_name: dict[str, list[dict[str, Any]]] = {}
    for one in holders:
        by_name.setdefault(one["indicator"]["metadata"]["name"], []).append(one)
    slis: list[dict[str, Any]] = []
    for users in by_name.values():
        first = users[0]["indicator"]
        if len(users) > 1 and all(one["indicator"] == first for one in users):
            slis.append({"apiVersion": _VERSION, "kind": "SLI", **first})
            for one in users:
                one["indicatorRef"] = one.pop("indicator")["metadata"]["name"]
    return slos, slis


def _objective(level: Level, target: Decimal) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if level.measure.op:
        made |= {"op": level.measure.op, "value": level.measure.value}
    made["target"] = target
    if level.slice_target is not None:
        made["timeSliceTarget"] = level.slice_target
    if level.slice is not None:
        made["timeSliceWindow"] = duration(minutes_of(level.slice))
    return made
