"""Objectives become goals: the budgeting method is a formula over the indicator, the time window its window."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from attrs import define, field, frozen

from wsla.interop.openslo.alerting import TEAM, Alerting
from wsla.interop.openslo.context import Context, Thing
from wsla.interop.openslo.indicators import Indicator, Indicators, compared
from wsla.interop.openslo.kept import value_of, without
from wsla.interop.openslo.schema import Problem, number_of, plain
from wsla.interop.openslo.tree import Node
from wsla.interop.openslo.windows import Windows, length_of, minutes_text
from wsla.interop.writing import comment

_INDICATORS: Final = ("indicator", "sli")
_REFERENCES: Final = ("indicatorRef", "sliRef")
_SAID: Final = (
    "target",
    "targetPercent",
    "timeSliceTarget",
    "timeSliceWindow",
    "compositeWeight",
    "ratioMetrics",
    *_INDICATORS,
    *_REFERENCES,
)


class Incomplete(Exception):
    """An objective that says too little to be read; it was told of."""


@frozen(kw_only=True)
class _Part:
    """A metric of an objective: its name, its target as a share, and its weight in a composite."""

    metric: str
    target: Decimal
    weight: Decimal


@define
class Objectives:
    """The metrics, goals and rules that the objectives of a file become."""

    context: Context
    windows: Windows
    indicators: Indicators
    alerting: Alerting
    services: Mapping[str, str]
    metrics: list[str] = field(factory=list)
    goals: list[str] = field(factory=list)
    rules: list[str] = field(factory=list)

    def take(self, slo: Thing) -> None:
        """Reads an SLO. One with indicators of its objectives is a composite, which has a goal of its own."""
        objectives = slo.node.each("spec", "objectives")
        composite = any(one.get(key) for one in objectives for key in (*_INDICATORS, *_REFERENCES))
        alone = len(objectives) == 1 and not composite
        window = self._window(slo)
        whole = self.context.names.fresh(slo.name, "objective") if alone or composite else ""
        self._keep(slo, whole, alone=alone)
        parts: list[_Part] = []
        for number, one in enumerate(objectives, 1):
            named = one.string("displayName") or str(number)
            goal = whole if alone else self.context.names.fresh(f"{slo.name} {named}", "objective")
            try:
                metric = self._metric(slo, one, goal, window)
            except Incomplete:
                self.goals.append(comment(f"the objective {named} of {slo.name} could not be read"))
                continue
            target = _target(one)
            weight = number_of(one.string("compositeWeight")) or Decimal(1)
            parts.append(_Part(metric=metric, target=target, weight=weight))
            self._goal(slo, goal, metric, target)
            if not composite:
                self.rules += self.alerting.rules(goal, slo, target)
        if composite and len(parts) == len(objectives):
            self._composite(slo, whole, parts)

    def _keep(self, slo: Thing, own: str, *, alone: bool) -> None:
        """The comment for names, descriptions and labels, of which agreements know nothing."""
        value = value_of(slo.node)
        spec = value["spec"]
        said = (*_SAID, "op", "value") if _by_threshold(slo) else _SAID
        objectives = [without(one, *[(key,) for key in said]) for one in spec["objectives"]]
        rest = without({"metadata": value["metadata"], "spec": {"description": spec.get("description")}})
        if own == slo.name:
            rest = without(rest, ("metadata", "name"))
        if any(objectives):
            rest["objectives"] = objectives
        if any("op" in one or "value" in one for one in objectives):
            place = next(
                found
                for one in slo.node.each("spec", "objectives")
                for key in ("op", "value")
                if (found := one.get(key)) is not None
            )
            message = (
                "`op` and `value` are for thresholds; a ratio is good from its target on, whatever they say"
            )
            self.context.remark("W1204", place.span, message)
        if rest:
            what = f"what describes the objective `{slo.name}`"
            self.goals.append(self.context.keep(slo.place, {"kind": "SLO", **rest}, what))

    def _window(self, slo: Thing) -> str:
        (node,) = (*slo.node.each("spec", "timeWindow"), *slo.node.each("spec", "timeWindows"))
        return self.windows.window(node, slo.version)

    def _indicator(self, slo: Thing, objective: Node, goal: str) -> Indicator:
        spec = slo.node.get("spec")
        assert spec is not None
        if objective.get("ratioMetrics") is not None:
            return self.indicators.of_alpha(objective, slo, f"{goal}_indicator")
        for holder in (objective, spec):
            for key in _REFERENCES:
                if (reference := holder.get(key)) is not None:
                    found = self.context.find("SLI", reference)
                    if found is not None:
                        return self.indicators.of_thing(found)
                    threshold = objective.get("value") is not None and objective.get("op") is not None
                    return self.indicators.missing(reference.text.strip(), threshold=threshold)
            for key in _INDICATORS:
                if (inline := holder.get(key)) is not None:
                    if slo.version.endswith("v1alpha"):
                        return self.indicators.of_alpha(inline, slo, f"{slo.name}_indicator")
                    return self.indicators.inline(inline, slo, f"{slo.name}_indicator")
        raise AssertionError("an objective without an indicator was refused")

    def _metric(self, slo: Thing, objective: Node, goal: str, window: str) -> str:
        measured = self._indicator(slo, objective, goal)
        if measured.value and objective.get("value") is None:
            place = objective.entries[0].span
            self.context.problem(Problem("E1202", place, "an objective about a threshold needs `value`"))
            raise Incomplete
        if measured.value and objective.get("op") is None:
            place = objective.entries[0].span
            self.context.remark("W1204", place, "no `op` says how values are compared; `lte` is read")
        formula = measured.formula(compared(objective) if measured.value else "")
        metric = self.context.names.fresh(f"{goal}_level")
        method = slo.node.string("spec", "budgetingMethod").casefold()
        if method == "occurrences":
            self.metrics.append(f"metric {metric} = {formula} {window}")
            return metric
        length = self._slice_length(objective)
        slices = self.context.names.fresh(f"{goal}_slice")
        if method == "ratiotimeslices":
            self.metrics.append(f"metric {slices} = {formula} each {length}")
            self.metrics.append(f"metric {metric} = mean({slices}) {window}")
            return metric
        stated = number_of(objective.string("timeSliceTarget"))
        if stated is None:
            stated = _target(objective)
            message = (
                f"no `timeSliceTarget` says when a slice is good; the target, {percent(stated)}, is read"
            )
            self.context.remark("W1204", objective.entries[0].span, message)
        self.metrics.append(f"metric {slices} = {formula} each {length} >= {percent(stated)}")
        self.metrics.append(f"metric {metric} = share({slices}) {window}")
        return metric

    def _slice_length(self, objective: Node) -> str:
        stated = objective.get("timeSliceWindow")
        if stated is None:
            message = "no `timeSliceWindow` says how long a slice is; 1m is read"
            self.context.remark("W1204", objective.entries[0].span, message)
            return "1m"
        return minutes_text(length_of(stated).minutes)

    def _goal(self, slo: Thing, goal: str, metric: str, target: Decimal) -> None:
        service = self.services.get(
            slo.node.string("spec", "service") or slo.node.string("spec", "serviceRef")
        )
        about = f" for {service}" if service else ""
        self.goals.append(f"goal {goal}{about}: {TEAM} guarantees {metric} >= {percent(target)}")

    def _composite(self, slo: Thing, goal: str, parts: list[_Part]) -> None:
        total = sum((one.weight for one in parts), Decimal(0))
        if not total:
            parts = [_Part(metric=one.metric, target=one.target, weight=Decimal(1)) for one in parts]
            total = Decimal(len(parts))
        metric = self.context.names.fresh(f"{goal}_level")
        weighed = " + ".join(f"{plain(one.weight)} * {one.metric}" for one in parts)
        self.metrics.append(f"metric {metric} = ({weighed}) / {plain(total)}")
        # Rounded up to the millionth of a per cent, since a mean of targets may have no end.
        exact = sum((one.weight * one.target for one in parts), Decimal(0)) / total
        target = (
            exact.quantize(Decimal("1e-8"), rounding="ROUND_CEILING") if exact % Decimal("1e-8") else exact
        )
        message = (
            "OpenSLO does not say how a composite is judged; by the weighted means of its parts and targets"
        )
        self.context.remark("W1204", slo.place, message)
        self._goal(slo, goal, metric, target)
        self.rules += self.alerting.rules(goal, slo, target)


def _by_threshold(slo: Thing) -> bool:
    """True where some objective of an SLO compares values, so that its operators mean something."""
    spec = slo.node.get("spec")
    assert spec is not None
    if any(spec.get(key, *rest, "thresholdMetric") for key in _INDICATORS for rest in ((), ("spec",))):
        return True
    referred = any(spec.get(key) for key in _REFERENCES)
    return referred and any(one.get("value") for one in spec.each("objectives"))


def _target(objective: Node) -> Decimal:
    share = number_of(objective.string("target"))
    if share is not None:
        return share
    stated = number_of(objective.string("targetPercent"))
    assert stated is not None
    return stated / 100


def percent(share: Decimal) -> str:
    """A share as a percentage, exactly."""
    return f"{plain(share * 100)}%"
