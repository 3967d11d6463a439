"""What was observed in a test, asked for point by point: signals, records, and series as the judge found them."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise

from attrs import evolve

from wsla.analysis.operations import (
    Across,
    Active,
    Choice,
    Compare,
    Debounced,
    Idle,
    Latest,
    Limited,
    Logical,
    Negation,
    Previous,
    SourceField,
    Stateful,
    Sustained,
    Value,
    VerdictCount,
    VerdictState,
)
from wsla.analysis.types import Shape
from wsla.evaluation.reference.evaluator import Evaluator
from wsla.evaluation.reference.judging import misses
from wsla.evaluation.reference.pointwise import Leaf, compare, operands, value_of
from wsla.evaluation.reference.records import of_record
from wsla.evaluation.reference.shapes import label_names
from wsla.evaluation.reference.streams import Facts, LabelSet, Record, Row, restrict
from wsla.evaluation.report import Outcome, SeriesPoint
from wsla.evaluation.stream import StreamEvaluator
from wsla.evaluation.stream.timelines import Timelines
from wsla.evaluation.verdicts import SeriesValue
from wsla.plan.model import Plan
from wsla.values.instants import Interval
from wsla.values.intervals import Intervals
from wsla.values.observations import Observation

Values = dict[int, Value]
"""The values of operations at one point, by position in the plan."""


class History:
    """Observations and the outcome of judging them. It is slow, and made for looking into a few windows."""

    def __init__(self, plan: Plan, observations: Sequence[Observation], outcome: Outcome) -> None:
        self.plan = plan
        self.outcome = outcome
        self.until = outcome.until
        self.names = {position: name for name, position in plan.metrics.items()}
        self.names |= {unwrapped(plan, position): name for position, name in self.names.items()}
        self._observations = observations
        self._sources = {source.name: source for source in plan.sources}
        self._streams: dict[tuple[str, LabelSet], tuple[list[int], list[Row]]] = {}
        self._latest: dict[int, dict[LabelSet, tuple[list[int], list[Value]]]] = {}
        self._points: dict[int, tuple[SeriesPoint, ...]] = {}
        self._by_window: dict[int, dict[tuple[LabelSet, Interval], SeriesValue]] = {}
        self._take(outcome, {name: plan.metrics[name] for name in outcome.metrics})

    @cached_property
    def facts(self) -> Facts:
        """The observations in order; most tests pass, and never ask."""
        return Facts(self.plan, self._observations)

    @cached_property
    def timelines(self) -> Timelines:
        """How the signals that rest on the past went."""
        return Timelines(self.plan, self._observations, self.outcome.start, self.until)

    # --- series

    def points(self, index: int) -> tuple[SeriesPoint, ...]:
        """A series in every window, sorted by (labels, window)."""
        self.probe([index])
        return self._points[index]

    def series(self, index: int, labels: LabelSet, window: Interval) -> SeriesValue | None:
        """A series in a window, for the labels that it has; None where it does not have the window."""
        self.probe([index])
        own = restrict(labels, label_names(self.plan, index))
        return self._by_window[index].get((own, window))

    def missed_by(self, node: VerdictCount, labels: LabelSet, window: Interval) -> Value:
        """How many verdicts of a goal were missed, up to and including that of a window (M62)."""
        verdicts = [
            judgement.verdict.value
            for judgement in self.outcome.judgements
            if judgement.goal == node.goal
            and judgement.final
            and frozenset(judgement.labels) == labels
            and judgement.window.end <= window.end
        ]
        return misses(verdicts, node.of_last)

    def probe(self, indexes: Iterable[int]) -> None:
        """Judges again where a series has no name in the agreement; several at once save time."""
        wanted = {f"{index}": index for index in indexes if index not in self._points}
        if not wanted:
            return
        # Only what is asked for is worked out, but verdicts stay, since signals may rest on them.
        evaluator = StreamEvaluator(evolve(self.plan, metrics=wanted), self.outcome.start)
        evaluator.observe_all(self._observations)
        self._take(evaluator.outcome(self.until), wanted)

    def _take(self, outcome: Outcome, names: dict[str, int]) -> None:
        for name, index in names.items():
            points = outcome.metrics.get(name, ())
            self._points[index] = tuple(points)
            self._by_window[index] = {(frozenset(one.labels), one.window): one.value for one in points}

    @cached_property
    def _evaluator(self) -> Evaluator:
        """For what the rules say in more than a line."""
        return Evaluator(self.plan, self._observations, self.outcome.start, self.until)

    # --- signals

    def held(self, source: str, labels: LabelSet, at: int) -> Row | None:
        """The sample in force at an instant, None where there is none or it is stale (M3)."""
        instants, rows = self._stream(source, labels)
        count = bisect_right(instants, at)
        staleness = self._sources[source].staleness
        if count == 0 or (staleness is not None and at >= instants[count - 1] + staleness):
            return None
        return rows[count - 1]

    def _stream(self, source: str, labels: LabelSet) -> tuple[list[int], list[Row]]:
        key = (source, restrict(labels, self._sources[source].labels))
        found = self._streams.get(key)
        if found is None:
            rows = self.facts.streams(source, key[1], self.until).get(key[1], [])
            found = self._streams[key] = ([row.at for row in rows], rows)
        return found

    def leaf_at(self, position: int, labels: LabelSet, at: int) -> Value:
        """The value of a signal's leaf at an instant."""
        node = self.plan.operations[position]
        match node:
            case SourceField():
                row = self.held(node.source, labels, at)
                return None if row is None else row.values[node.field]
            case Latest():
                ends, values = self._ended(position, node)[restrict(labels, label_names(self.plan, position))]
                count = bisect_right(ends, at)
                return values[count - 1] if count else None
            case VerdictState():
                own = restrict(labels, label_names(self.plan, position))
                verdicts = [
                    judgement.verdict.value
                    for judgement in self.outcome.judgements
                    if judgement.goal == node.goal
                    and judgement.final
                    and frozenset(judgement.labels) == own
                    and judgement.window.end + self.plan.grace <= at
                ]
                return verdicts[-node.of_last :].count(node.verdict) >= node.count
            case Sustained() | Debounced() | Limited() | Active():
                return self.timelines.value(position, labels, at)
            case Across() | VerdictCount():
                return self._evaluator.signal(position, labels, at, self.until)
            case _:
                raise TypeError("only signals have a value at an instant")

    def _ended(self, position: int, node: Latest) -> dict[LabelSet, tuple[list[int], list[Value]]]:
        """The ends of a series' windows with its values there, in order, for each combination of labels."""
        if position not in self._latest:
            found: dict[LabelSet, tuple[list[int], list[Value]]] = defaultdict(lambda: ([], []))
            for point in sorted(self.points(node.operand), key=lambda point: point.window.end):
                ends, values = found[frozenset(point.labels)]
                ends.append(point.window.end)
                values.append(point.value.value)
            self._latest[position] = found
        return self._latest[position]

    def changes(self, index: int, labels: LabelSet) -> set[int]:
        """The instants at which a signal may take another value."""
        found: set[int] = set()
        for position in leaves(self.plan, index):
            match node := self.plan.operations[position]:
                case SourceField():
                    instants, _ = self._stream(node.source, labels)
                    staleness = self._sources[node.source].staleness
                    found.update(instants)
                    if staleness is not None:
                        found.update(at + staleness for at in instants)
                case Latest():
                    found.update(point.window.end for point in self.points(node.operand))
                case VerdictState():
                    found.update(one.window.end + self.plan.grace for one in self.outcome.judgements)
                case Sustained() | Debounced() | Limited() | Active():
                    found.update(at for at, _ in self.timelines.changes(position, labels))
                case Across() | VerdictCount():
                    found |= self._evaluator.changes(position, labels, self.until)
                case _:
                    pass
        return found

    def segments(self, index: int, labels: LabelSet, within: Intervals) -> list[tuple[Interval, Values]]:
        """A signal's leaves, and the signal, in stretches in which they stay the same; not past the test's end."""
        changes = sorted(self.changes(index, labels))
        positions = leaves(self.plan, index)
        known: dict[tuple[Value, ...], Value] = {}
        found: list[tuple[Interval, Values]] = []
        for stretch in within:
            end = min(stretch.end, self.until)
            if end <= stretch.start:
                continue
            inside = changes[bisect_right(changes, stretch.start) :]
            edges = [stretch.start, *(at for at in inside if at < end), end]
            for start, until in pairwise(edges):
                own = tuple(self.leaf_at(position, labels, start) for position in positions)
                if own not in known:
                    known[own] = self._value(index, dict(zip(positions, own, strict=True)))
                values = dict(zip(positions, own, strict=True)) | {index: known[own]}
                if found and found[-1][0].end == start and found[-1][1] == values:
                    found[-1] = (Interval(found[-1][0].start, until), values)
                else:
                    found.append((Interval(start, until), values))
        return found

    def _value(self, index: int, values: Values) -> Value:
        return value_of(self.plan.operations, index, lambda position, _: values[position])

    def signal_labels(self, index: int) -> list[LabelSet]:
        """The label combinations that a signal has."""
        names = label_names(self.plan, index)
        if not names:
            return [frozenset()]
        sources = {
            node.source
            for position in leaves(self.plan, index)
            if isinstance(node := self.plan.operations[position], SourceField)
        }
        found = {own for source in sources for own in self.facts.first_seen(source, names, self.until)}
        found |= {
            frozenset(point.labels)
            for position in leaves(self.plan, index)
            if isinstance(node := self.plan.operations[position], Latest)
            for point in self.points(node.operand)
        }
        found |= {
            frozenset(judgement.labels)
            for position in leaves(self.plan, index)
            if isinstance(node := self.plan.operations[position], VerdictState)
            for judgement in self.outcome.judgements
            if judgement.goal == node.goal
        }
        for position in leaves(self.plan, index):
            node = self.plan.operations[position]
            if isinstance(node, Stateful):
                found |= {frozenset(labels) for labels in self.timelines.combinations(position)}
            elif isinstance(node, Across | VerdictCount):
                found |= self._evaluator.combinations(position, self.until).keys()
        return sorted((own for own in found if len(own) == len(names)), key=sorted)

    # --- any point

    def values_at(self, index: int, labels: LabelSet, at: int) -> Values:
        """The leaves of a signal at an instant."""
        return {position: self.leaf_at(position, labels, at) for position in leaves(self.plan, index)}

    def values_of_record(self, index: int, record: Record) -> Values:
        """The leaves of a formula over records, for one of them."""
        return {position: of_record(self.plan, position, record) for position in leaves(self.plan, index)}

    def values_in(self, index: int, labels: LabelSet, window: Interval) -> Values:
        """The leaves of a series in a window."""
        positions = leaves(self.plan, index)
        self.probe(positions)
        found = {position: self.series(position, labels, window) for position in positions}
        return {position: None if one is None else one.value for position, one in found.items()}

    def value(self, index: int, values: Values) -> Value:
        """The value of an operation at a point, from its leaves there."""
        return self._value(index, values)

    def blame(self, index: int, values: Values) -> list[int]:
        """The leaves, and the named formulas between, that make an operation's value what it is there."""
        node = self.plan.operations[index]
        chosen: list[int] = []
        match node:
            case Logical():
                chosen = self._deciding(node, values)
            case Negation():
                chosen = [node.operand]
            case Choice():
                chosen = [node.subject]
                arm = arm_taken(self.plan, index, values)
                if arm is not None:
                    chosen.append(arm)
            case Compare():
                chosen = [node.left, node.right]
                unknown = [one for one in chosen if self._value(one, values) is None]
                chosen = unknown or chosen
            case Idle() | Previous() | Sustained() | Debounced() | Limited():
                chosen = []
            case _:
                chosen = list(operands(node))
        own = [index] if index in leaves(self.plan, index) else []
        if index in self.names and node.shape is not Shape.SCALAR and isinstance(node, Choice):
            own = [index]
        return list(dict.fromkeys([*own, *(leaf for one in chosen for leaf in self.blame(one, values))]))

    def _deciding(self, node: Logical, values: Values) -> list[int]:
        """The sides of ``and``, ``or``, ``implies`` that alone would have given the same."""
        left, right = self._value(node.left, values), self._value(node.right, values)
        # `a implies b` is `not a or b`.
        first = left if node.operator != "implies" or left is None else not left
        whole = self._combined(node, first, right)
        sides = [side for side, value in ((node.left, first), (node.right, right)) if value is whole]
        return sides or [node.left, node.right]

    @staticmethod
    def _combined(node: Logical, left: Value, right: Value) -> Value:
        strong = node.operator != "and"
        if left is strong or right is strong:
            return strong
        return None if left is None or right is None else not strong


def unwrapped(plan: Plan, index: int) -> int:
    """The series below what is said of it when idle."""
    node = plan.operations[index]
    return unwrapped(plan, node.operand) if isinstance(node, Idle) else index


def leaves(plan: Plan, index: int) -> tuple[int, ...]:
    """The operations below one whose values do not follow from their inputs at the same point, scalars left out."""
    found: dict[int, None] = {}
    pending = [index]
    while pending:
        position = pending.pop(0)
        node = plan.operations[position]
        below = () if isinstance(node, Idle | Previous | Stateful) else operands(node)
        if below:
            pending.extend(below)
        elif node.shape is not Shape.SCALAR:
            found[position] = None
    return tuple(found)


def arm_number(plan: Plan, index: int, values: Values) -> int | None:
    """Which line of a table is taken at a point, counted from 0, the ``else`` last; None where none is."""
    table = plan.operations[index]
    assert isinstance(table, Choice)

    def at(position: int) -> Value:
        def leaf(one: int, _: Leaf) -> Value:
            return values[one]

        return value_of(plan.operations, position, leaf)

    subject = at(table.subject)
    if subject is None:
        return None
    for number, arm in enumerate(table.arms):
        if compare(arm.operator, subject, at(arm.bound)):
            return number
    return None if table.otherwise is None else len(table.arms)


def arm_taken(plan: Plan, index: int, values: Values) -> int | None:
    """The operation that a table gives at a point."""
    number = arm_number(plan, index, values)
    table = plan.operations[index]
    assert isinstance(table, Choice)
    if number is None:
        return None
    return table.arms[number].value if number < len(table.arms) else table.otherwise
