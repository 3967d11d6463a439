"""Signals, series and verdicts as they are known at an instant: where the rules M3, M7, M9, M13 to M15 and M20 meet.

Everything is computed from all observations each time it is asked for. Only the results are remembered.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import assert_never

from attrs import evolve

from wsla.analysis.operations import (
    Across,
    Active,
    Aggregate,
    Arithmetic,
    AtLeastDown,
    Choice,
    Compare,
    Constant,
    Debounced,
    Elapsed,
    Idle,
    Label,
    Latest,
    Limited,
    Logical,
    Negation,
    OutageWindow,
    Previous,
    SourceField,
    Sustained,
    Value,
    VerdictCount,
    VerdictState,
    Window,
)
from wsla.analysis.types import BooleanType, Shape
from wsla.evaluation.reference import bounds
from wsla.evaluation.reference.across import across_changes, across_series, across_signal
from wsla.evaluation.reference.aggregates import (
    OVER_TIME,
    Segment,
    over_records,
    over_samples,
    over_series,
)
from wsla.evaluation.reference.approximate import approximate
from wsla.evaluation.reference.forgiving import share_forgiving
from wsla.evaluation.reference.judging import judge, misses
from wsla.evaluation.reference.looking import (
    inner_items,
    inner_windows,
    records_in,
    sample_coverage,
    samples_in,
    steps_in,
)
from wsla.evaluation.reference.outages import outage_windows
from wsla.evaluation.reference.over_time import time_of, value_over_time
from wsla.evaluation.reference.past import Past
from wsla.evaluation.reference.pointwise import Leaf, operands, value_of
from wsla.evaluation.reference.shapes import has_windows, label_names, source_of, window_kind
from wsla.evaluation.reference.streams import NO_LABELS, Facts, LabelSet, Row, restrict
from wsla.evaluation.reference.windows import in_term, kept_time, known_at, so_far, windows_between
from wsla.evaluation.verdicts import Judgement, SeriesValue
from wsla.plan.model import Goal, Plan
from wsla.values.instants import Interval
from wsla.values.intervals import Intervals, clip, contains, normalise
from wsla.values.observations import Observation


class Evaluator:
    """A plan and observations; ``start`` and ``until`` bound the stretch asked about, in nanoseconds.

    ``asked`` is the instant asked about: only observations before it exist (M5).
    """

    def __init__(self, plan: Plan, observations: Iterable[Observation], start: int, until: int) -> None:
        self.plan = plan
        self.start = start
        self.until = until
        seen = tuple(observations)
        self.facts = Facts(plan, seen)
        self._first = min((observation.at for observation in seen), default=start)
        self.sources = {source.name: source for source in plan.sources}
        self._goals = {goal.name: goal for goal in plan.goals}
        self.streams = cache(self.facts.streams)
        self._series_as_known = cache(self._series)
        self.judgement = cache(self._judgement)
        self.combinations = cache(self._combinations)
        self._changes = cache(self._find_changes)
        self._outages = cache(self._find_outages)
        self.past = Past(self)

    # Combinations of labels (M7, M10)

    def _combinations(self, index: int, asked: int) -> dict[LabelSet, int]:
        """Each label combination of an operation, with the instant from which it is evaluated (M10)."""
        names = label_names(self.plan, index)
        if not names:
            return {NO_LABELS: self.start}
        found: dict[LabelSet, int] = {}
        for labels, first in self._first_seen(index, asked):
            part = restrict(labels, names)
            found[part] = min(first, found.get(part, first))
        return {labels: max(first, self.start) for labels, first in found.items()}

    def _first_seen(self, index: int, asked: int) -> Iterable[tuple[LabelSet, int]]:
        if not label_names(self.plan, index):
            return ()
        match node := self.plan.operations[index]:
            case SourceField() | Active():
                return self.facts.first_seen(node.source, label_names(self.plan, index), asked).items()
            case Aggregate():
                source = source_of(self.plan, index)
                if node.function not in OVER_TIME and source is not None:
                    return self.facts.first_seen(source, node.by, asked).items()
                assert node.argument is not None
                if node.function in OVER_TIME and node.where is not None:
                    # M50: `where` brings label combinations forth as the argument does.
                    return [pair for x in (node.argument, node.where) for pair in self._first_seen(x, asked)]
                return self._first_seen(node.argument, asked)
            case Latest():
                return self._first_seen(node.operand, asked)
            case VerdictState() | VerdictCount():
                return self._first_seen(self._goals[node.goal].condition, asked)
            case Across():
                return self._first_seen(node.operand, asked)
            case _:
                return [pair for x in operands(node) for pair in self._first_seen(x, asked)]

    def own(self, index: int, labels: LabelSet) -> LabelSet:
        # M7: what has no labels combines with every combination.
        return restrict(labels, label_names(self.plan, index))

    # Signals (M3, M20, M25)

    def signal(self, index: int, labels: LabelSet, at: int, asked: int) -> Value:
        """The value of a signal at an instant."""

        def leaf(position: int, node: Leaf) -> Value:
            own = self.own(position, labels)
            match node:
                case SourceField():
                    row = self._held(node.source, own, at, asked)
                    return None if row is None else row.values[node.field]
                case Latest():
                    return self._latest(node, own, at, asked)
                case VerdictState():
                    return self._verdict_state(node, own, at, asked)
                case VerdictCount():
                    return self._verdict_count(node, own, at, asked)
                case Across():
                    return across_signal(self, node, own, at, asked)
                case Sustained() | Debounced() | Limited() | Active():
                    return self.past.value(position, node, own, at, asked)
                case _:
                    raise TypeError("an aggregate is no signal, and neither is a record's elapsed time")

        return value_of(self.plan.operations, index, leaf)

    def _held(self, source: str, labels: LabelSet, at: int, asked: int) -> Row | None:
        # M3: the latest sample with at <= t, while t < at + staleness.
        rows = self.stream(source, labels, asked)
        count = bisect_right(rows, at, key=lambda row: row.at)
        staleness = self.sources[source].staleness
        if count == 0 or (staleness is not None and at >= rows[count - 1].at + staleness):
            return None
        return rows[count - 1]

    def stream(self, source: str, labels: LabelSet, asked: int) -> list[Row]:
        return self.streams(source, labels, asked).get(labels, [])

    def _latest(self, node: Latest, labels: LabelSet, at: int, asked: int) -> Value:
        # M20: the window with the greatest end <= t, as known at that end; unknown before the first.
        for window in reversed(self._windows_of_series(node.operand, labels, at, asked)):
            if window.end <= at:
                found = self.series(node.operand, labels, window, asked)
                if found is not None:
                    return found.value
        return None

    def _windows_of_series(self, index: int, labels: LabelSet, until: int, asked: int) -> list[Interval]:
        start = self.combinations(index, asked).get(labels)
        return (
            [] if start is None else self.windows(window_kind(self.plan, index), labels, start, until, asked)
        )

    def windows(self, kind: Window, labels: LabelSet, start: int, until: int, asked: int) -> list[Interval]:
        """The windows of M10 for ``[start, until)``, in order; outages as they are known at the instant asked about."""
        if isinstance(kind, OutageWindow):
            found = self._outages(kind.condition, self.own(kind.condition, labels), asked)
            return [window for window in found if start <= window.start < until]
        return windows_between(self.plan, kind, start, until)

    def _find_outages(self, condition: int, labels: LabelSet, asked: int) -> list[Interval]:
        begin = self.plan.effective_start
        known = in_term(self.plan, Interval(begin, max(asked, begin)))
        if known and self.plan.judges_from is not None:
            # M69: an outage under way is the earlier version's.
            known = normalise([Interval(min(begin, self._first) - 1, begin), *known])
        segments = self.segments(condition, labels, known, asked) if known else []
        found = outage_windows(segments, self.plan.effective_end)
        return [window for window in found if window.start >= begin]

    def _verdict_state(self, node: VerdictState, labels: LabelSet, at: int, asked: int) -> bool:
        # M25: at least k of the last n final verdicts; false before the first.
        verdicts = self._verdicts(node.goal, labels, at, asked)
        return verdicts[-node.of_last :].count(node.verdict) >= node.count

    def _verdict_count(self, node: VerdictCount, labels: LabelSet, at: int, asked: int) -> Value:
        # M62: 0 before the first.
        return misses(self._verdicts(node.goal, labels, at, asked), node.of_last)

    def _verdicts(self, name: str, labels: LabelSet, at: int, asked: int) -> list[str]:
        """The verdicts of a goal that are final at an instant, in order."""
        goal = self._goals[name]
        return [
            judgement.verdict.value
            for window in self.windows_of_goal(goal, labels, at, asked)
            if window.end + self.plan.grace <= at
            and (judgement := self.judgement(goal.name, labels, window, asked)) is not None
        ]

    def changes(self, index: int, labels: LabelSet, asked: int) -> frozenset[int]:
        """Every instant up to ``asked`` at which a signal may take another value."""
        return self._changes(index, self.own(index, labels), asked)

    def _find_changes(self, index: int, labels: LabelSet, asked: int) -> frozenset[int]:
        match node := self.plan.operations[index]:
            case SourceField():
                instants = [row.at for row in self.stream(node.source, labels, asked)]
                staleness = self.sources[node.source].staleness
                return frozenset(
                    instants + ([] if staleness is None else [at + staleness for at in instants])
                )
            case Latest():
                windows = self._windows_of_series(node.operand, labels, asked, asked)
                return frozenset(window.end for window in windows)
            case VerdictState() | VerdictCount():
                windows = self.windows_of_goal(self._goals[node.goal], labels, asked, asked)
                return frozenset(window.end + self.plan.grace for window in windows)
            case Across():
                return across_changes(self, node, labels, asked)
            case Sustained() | Debounced() | Limited() | Active():
                return self.past.changes(node, labels, asked)
            case _:
                return frozenset(at for x in operands(node) for at in self.changes(x, labels, asked))

    def _sampled(self, index: int, labels: LabelSet, asked: int) -> list[int]:
        """The instants of the samples on which a signal rests."""
        node = self.plan.operations[index]
        if isinstance(node, SourceField):
            return [row.at for row in self.stream(node.source, self.own(index, labels), asked)]
        if isinstance(node, Across):
            parts = self.members(node, self.own(index, labels), asked)
            return [at for part in parts for at in self._sampled(node.operand, part, asked)]
        return [at for x in operands(node) for at in self._sampled(x, labels, asked)]

    def members(self, node: Across, labels: LabelSet, asked: int) -> dict[LabelSet, int]:
        """The label combinations that are joined for these labels, each with its first observation's instant (M60)."""
        names = label_names(self.plan, node.operand)
        found: dict[LabelSet, int] = {}
        for seen, first in self._first_seen(node.operand, asked):
            part = restrict(seen, names)
            if labels <= part:
                found[part] = min(first, found.get(part, first))
        return found

    def segments(self, index: int, labels: LabelSet, kept: Intervals, asked: int) -> list[Segment]:
        """A signal in kept time, up to the instant asked about."""
        changes = self.changes(index, labels, asked)
        found = []
        for stretch in clip(kept, Interval(min(asked, kept[0].start), asked)):
            edges = sorted({stretch.start, stretch.end} | {x for x in changes if stretch.contains(x)})
            for start, end in pairwise(edges):
                found.append((Interval(start, end), self.signal(index, labels, start, asked)))
        return found

    # Series (M11 to M19)

    def series(self, index: int, labels: LabelSet, window: Interval, asked: int) -> SeriesValue | None:
        """The value of a series in a window; None where the window does not exist for it."""
        return self._series_as_known(index, labels, window, known_at(window, asked))

    def _series(self, index: int, labels: LabelSet, window: Interval, asked: int) -> SeriesValue | None:
        node = self.plan.operations[index]
        boolean = isinstance(node.type, BooleanType)
        if node.shape is Shape.SCALAR:
            return bounds.certain(self.scalar(index), boolean=boolean)
        if isinstance(node, Aggregate):
            return self._aggregate(index, node, self.own(index, labels), window, asked)
        if isinstance(node, Label):
            return bounds.certain(dict(labels).get(node.label), boolean=boolean)  # M74
        if isinstance(node, Across):
            return across_series(self, node, self.own(index, labels), window, asked)
        if isinstance(node, Previous):
            return self._previous(node, self.own(index, labels), window, asked, boolean=boolean)
        # M7: series combine window by window, where at least one of them has the window; one without labels has it
        # for no combination of labels by itself.
        inputs = {x: self.series(x, labels, window, asked) for x in operands(node)}
        labelled = bool(label_names(self.plan, index))
        if has_windows(self.plan, index) and not any(
            found is not None and has_windows(self.plan, x) and bool(label_names(self.plan, x)) == labelled
            for x, found in inputs.items()
        ):
            return None

        def operand(x: int) -> SeriesValue:
            is_truth = isinstance(self.plan.operations[x].type, BooleanType)
            return inputs[x] or bounds.nothing_known(boolean=is_truth)

        match node:
            case Compare():
                return bounds.combine_compare(node.operator, operand(node.left), operand(node.right))
            case Logical():
                return bounds.combine_logical(node.operator, operand(node.left), operand(node.right))
            case Negation():
                return bounds.combine_negation(operand(node.operand))
            case Arithmetic():
                return bounds.combine_arithmetic(node.operator, operand(node.left), operand(node.right))
            case Choice():
                arms = [(arm.operator, operand(arm.bound), operand(arm.value)) for arm in node.arms]
                otherwise = None if node.otherwise is None else operand(node.otherwise)
                return bounds.combine_choice(operand(node.subject), arms, otherwise, boolean=boolean)
            case Idle():
                # M35: in a closed window only, as M16; in an open one it may come to that.
                if not self._idle(node.operand, labels, window, asked):
                    return operand(node.operand)
                if window.end > asked:
                    return bounds.without_bounds(operand(node.operand), boolean=boolean)
                return bounds.certain(self.scalar(node.value), boolean=boolean)
            case (
                Constant()
                | SourceField()
                | Elapsed()
                | AtLeastDown()
                | Latest()
                | Label()
                | VerdictState()
                | VerdictCount()
            ):
                raise TypeError("a series is made of aggregates and scalars")
            case Sustained() | Debounced() | Limited() | Active():
                raise TypeError("a series is made of aggregates and scalars")
            case _ as never:
                assert_never(never)

    def _previous(
        self, node: Previous, labels: LabelSet, window: Interval, asked: int, *, boolean: bool
    ) -> SeriesValue | None:
        # M58: in the windows that the operand has; what has no kept time does not exist, and is passed over.
        if self.series(node.operand, labels, window, asked) is None:
            return None
        for before in reversed(self._windows_of_series(node.operand, labels, window.end, asked)):
            found = self.series(node.operand, labels, before, asked) if before.end < window.end else None
            if found is not None:
                return found
        return bounds.nothing_known(boolean=boolean)

    def scalar(self, index: int) -> Value:
        """The value of a formula without sources."""

        def leaf(position: int, node: Leaf) -> Value:
            raise TypeError("a scalar has no sources")

        return value_of(self.plan.operations, index, leaf)

    def kept(self, node: Aggregate, window: Interval) -> Intervals:
        """The kept time of an aggregate's window (M11)."""
        return kept_time(self.plan, window, node.filter)

    def _aggregate(
        self, index: int, node: Aggregate, labels: LabelSet, window: Interval, asked: int
    ) -> SeriesValue | None:
        value, empty = self._look(index, node, labels, window, asked)
        if value is None or node.idle is None or not empty:
            return value
        # M16: `or V when idle`, in a closed window only; in an open one it may come to that.
        boolean = isinstance(node.type, BooleanType)
        if window.end > asked:
            return bounds.without_bounds(value, boolean=boolean)
        return bounds.certain(self.scalar(node.idle), boolean=boolean)

    def _idle(self, index: int, labels: LabelSet, window: Interval, asked: int) -> bool:
        """True where no aggregate of a formula has anything to look at."""
        node = self.plan.operations[index]
        if isinstance(node, Aggregate):
            return self._look(index, node, self.own(index, labels), window, asked)[1]
        if isinstance(node, Across):
            parts = self.members(node, self.own(index, labels), asked)
            return all(self._idle(node.operand, part, window, asked) for part in parts)
        return all(self._idle(x, labels, window, asked) for x in operands(node))

    def _look(
        self, index: int, node: Aggregate, labels: LabelSet, window: Interval, asked: int
    ) -> tuple[SeriesValue | None, bool]:
        """The value of an aggregate, whatever is said of idle windows, and whether there was nothing to look at."""
        start = self.combinations(index, asked).get(labels)
        kept = self.kept(node, window)
        # M10: a window overlaps [from, …), M11: without kept time it does not exist.
        if start is None or window.end <= start or not kept:
            return None, True
        if isinstance(node.window, OutageWindow) and window.start < start:
            return None, True
        boolean = isinstance(node.type, BooleanType)
        source = source_of(self.plan, index)
        if node.function in OVER_TIME:
            assert node.argument is not None
            value = value_over_time(self, node, labels, window, kept, asked)
            # M50: there is nothing to look at either where `where` has cut out all time (so far, in an open window).
            left = time_of(self, node, labels, kept, asked)[1]
            empty = not clip(left, Interval(min(asked, kept[0].start), asked)) or not any(
                contains(kept, at) for at in self._sampled(node.argument, labels, asked)
            )
        elif source is None:
            assert node.argument is not None
            # M59: how many outages there will be is not known, nor how many windows an outage will hold.
            open_outage = window.end > asked and isinstance(node.window, OutageWindow)
            still_open = open_outage or (
                window.end > asked and isinstance(window_kind(self.plan, node.argument), OutageWindow)
            )
            kept = so_far(kept, asked) if open_outage else kept
            inner = inner_items(self, index, labels, kept, asked)
            if node.forgiving is not None:
                value = share_forgiving(inner, node.forgiving)
                if still_open:
                    value = evolve(value, lower=Fraction(0), upper=Fraction(1))
            else:
                values = [item.value for item in inner]
                value = over_series(
                    node.function, node.parameter, values, still_open=still_open, boolean=boolean
                )
            empty = not inner_windows(self, node.argument, labels, kept, asked)
        elif self.sources[source].records:
            records = records_in(self, index, labels, kept, asked)
            value = over_records(
                node.function,
                node.parameter,
                records,
                still_open=window.end > asked,
                keyed=self.sources[source].key is not None,
                boolean=boolean,
            )
            # M18: later versions of records may move them to other windows.
            empty = not records or (window.end > asked and self.sources[source].key is not None)
        else:
            samples = samples_in(self, index, labels, kept, asked)
            known: list[Value] = [value for inside, value in samples if inside and value is not None]
            if node.function in ("increase", "rate"):
                known = steps_in(self, index, labels, kept, asked)
            # Those streams take part that have a sample before the window's end.
            streams = self.streams(source, labels, min(asked, window.end))
            coverage = sample_coverage(self, node, source, streams, kept, asked)
            value = over_samples(node.function, node.parameter, known, coverage, boolean=boolean)
            if coverage == 1 and window.end > asked and set(self.sources[source].labels) - set(node.by):
                # M13: another stream may still take part.
                value = over_samples(node.function, node.parameter, known, Fraction(0), boolean=boolean)
                value = evolve(value, coverage=coverage)
            empty = not samples
        if node.within is not None:
            value = approximate(value, node.within)
        return value, empty

    # Goals (M10, M21 to M24)

    def windows_of_goal(self, goal: Goal, labels: LabelSet, until: int, asked: int) -> list[Interval]:
        """The windows in which a goal may be judged (M10, M69)."""
        start = self.combinations(goal.condition, asked).get(labels)
        if start is None:
            return []
        windows = self.windows(goal.window, labels, start, until, asked)
        return [window for window in windows if self.plan.judges(window)]

    def _judgement(self, name: str, labels: LabelSet, window: Interval, asked: int) -> Judgement | None:
        return judge(self, self._goals[name], labels, window, known_at(window, asked))
