"""From a goal down to what was observed: each metric as written, its value, the time that counted, what decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

from attrs import define

from wsla.analysis.operations import Aggregate, OutageWindow, SourceField, TimeFilter, Value, VerdictState
from wsla.analysis.sense import inputs
from wsla.analysis.types import Shape
from wsla.diagnostics.source import NOWHERE
from wsla.diagnostics.width import visible
from wsla.evaluation.reference.shapes import label_names, source_of, window_kind
from wsla.evaluation.reference.streams import restrict
from wsla.evaluation.reference.windows import filtered, in_term
from wsla.evaluation.verdicts import Judgement
from wsla.explaining.statements import Statement, Tone
from wsla.explaining.words import (
    bound_words,
    count_words,
    instant_words,
    length_words,
    share_words,
    stretch_words,
    value_words,
)
from wsla.explaining.written import Written
from wsla.plan.model import Goal, Plan
from wsla.testing import evidence
from wsla.testing.findings import Fact, Ground, Item, State
from wsla.testing.history import History
from wsla.values.calendars import find_zone
from wsla.values.instants import Interval, format_instant
from wsla.values.intervals import length
from wsla.values.observations import Observation

_MOST_REASONS = 3
_TONES = {State.BAD: Tone.BAD, State.UNKNOWN: Tone.UNSURE, State.GOOD: Tone.GOOD, State.NOTHING: Tone.NEUTRAL}


@define
class Chain:
    """What a goal's verdict in one window rests on. Each metric and source is told once."""

    history: History
    written: Written
    observations: Sequence[Observation]
    judgement: Judgement

    @property
    def plan(self) -> Plan:
        """The plan judged by."""
        return self.history.plan

    def of_goal(self, goal: Goal) -> tuple[Statement, ...]:
        """The metrics of a goal's condition and of its ``provided``, each with what it rests on in turn."""
        try:
            found = evidence.of_judgement(self.history, self.judgement)
            grounds = {ground.name: ground for ground in found.grounds}
        except TypeError:
            # Some signals cannot be looked at point by point; metrics and values are told all the same.
            grounds = {}
        told: set[str] = set()
        roots = [goal.condition] if goal.provided is None else [goal.condition, goal.provided]
        metrics = self._below(roots, grounds, told)
        # A formula that stands in the goal itself has no metric that it could be told with.
        own = [self._ground(name, ground) for name, ground in grounds.items() if f"metric {name}" not in told]
        return (*own, *metrics, *self._sources(roots))

    # --- metrics

    def _below(
        self, indexes: Iterable[int], grounds: dict[str, Ground], told: set[str]
    ) -> tuple[Statement, ...]:
        found: list[Statement] = []
        pending = list(indexes)
        seen: set[int] = set()
        while pending:
            index = pending.pop(0)
            if index in seen:
                continue
            seen.add(index)
            name = self.history.names.get(index)
            if name is None:
                pending.extend(inputs(self.plan.operations[index]))
            elif f"metric {name}" not in told:
                told.add(f"metric {name}")
                found.append(self._metric(name, grounds, told))
        return tuple(found)

    def _metric(self, name: str, grounds: dict[str, Ground], told: set[str]) -> Statement:
        index = self.plan.metrics[name]
        span = self.written.span("metric", name, self.plan.operations[index].span)
        quoted = self.written.quote(span)
        parts: list[Statement] = [*self._series(index), *self._kept(index)]
        if name in grounds:
            parts.append(self._ground(name, grounds[name]))
        parts += self._below(inputs(self.plan.operations[index]), grounds, told)
        return Statement(
            kind="metric",
            text=quoted if quoted.startswith("metric ") else f"metric {name} = {quoted}",
            place=self.written.place(span),
            facts=(("name", name),),
            because=tuple(parts),
        )

    def _series(self, index: int) -> list[Statement]:
        """The value of a series in this window, or over all its windows inside it."""
        node = self.plan.operations[index]
        if node.shape is not Shape.SERIES:
            return []
        labels = frozenset(self.judgement.labels)
        value = self.history.series(index, labels, self.judgement.window)
        if value is not None:
            said = value_words(value.value, node.type)
            exact = value.value is not None and value.lower == value.upper == value.value
            if not exact and not isinstance(value.value, bool):
                said += f" ({bound_words(value.lower, value.upper, node.type)})"
            if value.coverage != 1:
                said += f", {share_words(value.coverage)} known"
            return [
                Statement(
                    kind="metric value",
                    text=f"in this window: {said}",
                    facts=(
                        ("value", value.value),
                        ("lower", value.lower),
                        ("upper", value.upper),
                        ("coverage", value.coverage),
                    ),
                )
            ]
        own = restrict(labels, label_names(self.plan, index))
        inside = [
            point
            for point in self.history.points(index)
            if frozenset(point.labels) == own and self._lies_inside(index, point.window)
        ]
        return [] if not inside else [self._inner(index, [point.value.value for point in inside])]

    def _lies_inside(self, index: int, inner: Interval) -> bool:
        window, kind = self.judgement.window, window_kind(self.plan, index)
        if isinstance(kind, OutageWindow):
            return window.contains(kind.over_at(inner, self.plan.effective_end))
        return window.start <= inner.start and inner.end <= window.end

    def _inner(self, index: int, values: Sequence[Value]) -> Statement:
        kind = self.plan.operations[index].type
        known = [value for value in values if value is not None]
        text = f"{count_words(len(values), 'window')} of it lie inside this one"
        facts: list[tuple[str, Value]] = [("windows", len(values)), ("unknown", len(values) - len(known))]
        numbers = [value for value in known if isinstance(value, int | Fraction)]
        if known and len(numbers) == len(known) and not isinstance(known[0], bool):
            least, most = min(numbers), max(numbers)
            text += f": {value_words(least, kind)}"
            text += "" if least == most else f" to {value_words(most, kind)}"
            facts += [("least", least), ("greatest", most)]
        elif known and isinstance(known[0], bool):
            text += f": true in {known.count(True)}, false in {known.count(False)}"
            facts += [("true", known.count(True)), ("false", known.count(False))]
        if len(known) < len(values):
            text += f", unknown in {len(values) - len(known)}"
        return Statement(kind="metric value", text=text, facts=tuple(facts))

    def _kept(self, index: int) -> list[Statement]:
        """How much of the window counted, and which schedules cut how much of the rest."""
        node = self.plan.operations[index]
        if not isinstance(node, Aggregate):
            return []
        window = self.judgement.window
        time = in_term(self.plan, window)
        cut: list[tuple[str, str, int]] = []
        if length(time) < window.length:
            cut.append(("term", "the term", window.length - length(time)))
        names = node.filter
        for name in names.during:
            left = filtered(self.plan, time, TimeFilter(during=(name,)))
            cut.append((name, f"outside {name}", length(time) - length(left)))
            time = left
        for name in names.excluding:
            left = filtered(self.plan, time, TimeFilter(excluding=(name,)))
            cut.append((name, f"{name}, which is excluded", length(time) - length(left)))
            time = left
        if not cut:
            return []
        counted = length(time)
        parts = tuple(
            Statement(
                kind="cut",
                text=f"{length_words(size)} cut: {words if name != 'term' else 'not in the term'}",
                place=None if name == "term" else self.written.place(self.written.span("schedule", name)),
                facts=(("schedule", None if name == "term" else name), ("length", size)),
            )
            for name, words, size in cut
            if size
        )
        whole = length_words(window.length)
        text = f"of the {whole} of this window {length_words(counted)} count"
        if counted == window.length:
            text = f"all of this window counts: {length_words(counted)}"
        facts = (("length", window.length), ("kept", counted))
        return [Statement(kind="kept time", text=text, facts=facts, because=parts)]

    # --- what decided

    def _ground(self, name: str, ground: Ground) -> Statement:
        time = ground.counted == "time"

        def amount(number: int) -> str:
            return length_words(number) if time else count_words(number, ground.counted.removesuffix("s"))

        rest = ground.total - ground.bad - ground.unknown
        text = f"{amount(rest)} good, {amount(ground.bad)} bad, {amount(ground.unknown)} unknown"
        items = [self._item(item) for item in ground.items]
        if ground.left_out:
            left_out = ground.left_out
            items.append(
                Statement(kind="left out", text=f"and {left_out} more", facts=(("count", left_out),))
            )
        return Statement(
            kind="evidence",
            text=text if f"metric {name}" in self._metric_keys() else f"{name}: {text}",
            facts=(
                ("name", name),
                ("counted", ground.counted),
                ("total", ground.total),
                ("bad", ground.bad),
                ("unknown", ground.unknown),
            ),
            timeline=ground.timeline,
            because=tuple(items),
        )

    def _metric_keys(self) -> set[str]:
        return {f"metric {name}" for name in self.plan.metrics}

    def _item(self, item: Item) -> Statement:
        zone = self.plan.zone
        if item.end is None:
            when = instant_words(item.start, zone)
        else:
            stretch = Interval(item.start, item.end)
            when = f"{stretch_words(stretch, zone)} ({length_words(stretch.length)})"
        observed = ", ".join(_fact_words(fact) for fact in item.facts)
        found = find_zone(zone)
        return Statement(
            kind="observed",
            text=f"{when} {item.state.value}{': ' if observed else ''}{observed}",
            facts=(
                ("start", format_instant(item.start, found)),
                ("end", None if item.end is None else format_instant(item.end, found)),
                ("state", item.state.value),
                *((fact.name, ", ".join(_exact(value) for value in fact.values)) for fact in item.facts),
            ),
            tone=_TONES[item.state],
        )

    # --- sources

    def _sources(self, roots: Iterable[int]) -> list[Statement]:
        names: dict[str, None] = {}
        pending, seen = list(roots), set[int]()
        while pending:
            index = pending.pop(0)
            if index in seen:
                continue
            seen.add(index)
            node = self.plan.operations[index]
            if isinstance(node, SourceField):
                names[node.source] = None
            elif isinstance(node, Aggregate) and (source := source_of(self.plan, index)) is not None:
                names[source] = None
            elif isinstance(node, VerdictState):
                pending += [goal.condition for goal in self.plan.goals if goal.name == node.goal]
            pending.extend(inputs(node))
        return [self._source(name) for name in names]

    def _source(self, name: str) -> Statement:
        source = self.plan.source(name)
        window = self.judgement.window
        labels = dict(self.judgement.labels)
        seen = [
            one
            for one in self.observations
            if one.source == name
            and window.contains(one.at)
            and all(
                one.fields.get(label) == value for label, value in labels.items() if label in source.labels
            )
        ]
        reasons = Counter(one.reason for one in seen if one.reason is not None)
        text = f"{count_words(len(seen), 'observation')} in this window"
        if not seen:
            text = "no observation in this window"
        parts = [
            Statement(
                kind="reason",
                text=f"{count} × {visible(reason)}",
                facts=(("reason", reason), ("count", count)),
            )
            for reason, count in reasons.most_common(_MOST_REASONS)
        ]
        span = self.written.span("source", name, source.span)
        quoted = self.written.quote(span).partition("{")[0].strip() or f"source {name}"
        return Statement(
            kind="source",
            text=f"{quoted}: {text}",
            place=self.written.place(span if span != NOWHERE else source.span),
            facts=(("name", name), ("observations", len(seen))),
            because=tuple(parts),
        )


def _fact_words(fact: Fact) -> str:
    if not fact.values:
        return f"no observation of {fact.name}"
    shown = [visible(value_words(value, fact.kind)) for value in fact.values[:3]]
    numbers = all(isinstance(value, int | Fraction) and not isinstance(value, bool) for value in fact.values)
    text = f"{shown[0]} to {shown[1]}" if numbers and len(shown) == 2 else ", ".join(shown)
    return f"{fact.name} = {text}{', …' if len(fact.values) > len(shown) else ''}"


def _exact(value: Value) -> str:
    if value is None:
        return "unknown"
    return str(value).lower() if isinstance(value, bool) else str(value)
