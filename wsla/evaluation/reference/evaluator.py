"""Signals, series and verdicts as they are known at an instant: where the rules M3, M7, M9, M13 to M15 and M20 meet.

Everything is computed from all observations each time it is asked for. Only the results are remembered.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import assert_never, cast

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
    Previous,
    SourceField,
    Sustained,
    Value,
    VerdictCount,
    VerdictState,
)
from wsla.analysis.types import BooleanType, Shape
from wsla.evaluation.reference import bounds
from wsla.evaluation.reference.across import across_changes, across_series, across_signal
from wsla.evaluation.reference.aggregates import (
    OVER_TIME,
    Segment,
    known_time,
    over_records,
    over_samples,
    over_series,
    steps,
)
from wsla.evaluation.reference.forgiving import Item, share_forgiving
from wsla.evaluation.reference.judging import judge, misses
from wsla.evaluation.reference.over_time import time_of, value_over_time
from wsla.evaluation.reference.past import Past
from wsla.evaluation.reference.pointwise import Leaf, operands, value_of
from wsla.evaluation.reference.records import of_record
from wsla.evaluation.reference.shapes import has_windows, label_names, source_of, window_kind
from wsla.evaluation.reference.streams import NO_LABELS, Facts, LabelSet, Row, restrict
from wsla.evaluation.reference.windows import kept_time, known_at, windows_between, windows_inside
from wsla.evaluation.verdicts import Judgement, SeriesValue
from wsla.plan.model import Goal, Plan
from wsla.values.instants import Interval
from wsla.values.intervals import Intervals, clip, contains, intersect, length, normalise
from wsla.values.observations import Observation


class Evaluator:
    """A plan and observations; ``start`` and ``until`` bound the stretch asked about, in nanoseconds.

    ``asked`` is the instant asked about: only observations before it exist (M5).
    """

    def __init__(self, plan: Plan, observations: Iterable[Observation], start: int, until: int) -> None:
        self.plan = plan
        self.start = start
        self.until = until
        self.facts = Facts(plan, observations)
        self._sources = {source.name: source for source in plan.sources}
        self._goals = {goal.name: goal for goal in plan.goals}
        self._streams = cache(self.facts.streams)
        self._series_as_known = cache(self._series)
        self.judgement = cache(self._judgement)
        self.combinations = cache(self._combinations)
        self._changes = cache(self._find_changes)
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

    def _own(self, index: int, labels: LabelSet) -> LabelSet:
        # M7: what has no labels combines with every combination.
        return restrict(labels, label_names(self.plan, index))

    # Signals (M3, M20, M25)

    def signal(self, index: int, labels: LabelSet, at: int, asked: int) -> Value:
        """The value of a signal at an instant."""

        def leaf(position: int, node: Leaf) -> Value:
            own = self._own(position, labels)
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
        rows = self._stream(source, labels, asked)
        count = bisect_right(rows, at, key=lambda row: row.at)
        staleness = self._sources[source].staleness
        if count == 0 or (staleness is not None and at >= rows[count - 1].at + staleness):
            return None
        return rows[count - 1]

    def _stream(self, source: str, labels: LabelSet, asked: int) -> list[Row]:
        return self._streams(source, labels, asked).get(labels, [])

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
            [] if start is None else windows_between(self.plan, window_kind(self.plan, index), start, until)
        )

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
        return self._changes(index, self._own(index, labels), asked)

    def _find_changes(self, index: int, labels: LabelSet, asked: int) -> frozenset[int]:
        match node := self.plan.operations[index]:
            case SourceField():
                instants = [row.at for row in self._stream(node.source, labels, asked)]
                staleness = self._sources[node.source].staleness
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
            return [row.at for row in self._stream(node.source, self._own(index, labels), asked)]
        if isinstance(node, Across):
            parts = self.members(node, self._own(index, labels), asked)
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
            return self._aggregate(index, node, self._own(index, labels), window, asked)
        if isinstance(node, Label):
            return bounds.certain(dict(labels).get(node.label), boolean=boolean)  # M74
        if isinstance(node, Across):
            return across_series(self, node, self._own(index, labels), window, asked)
        if isinstance(node, Previous):
            return self._previous(node, self._own(index, labels), window, asked, boolean=boolean)
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
                # M35: in a closed window only, as M16.
                if window.end <= asked and self._idle(node.operand, labels, window, asked):
                    return bounds.certain(self.scalar(node.value), boolean=boolean)
                return operand(node.operand)
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
        # M16: `or V when idle`, in a closed window only.
        if value is not None and node.idle is not None and empty and window.end <= asked:
            return bounds.certain(self.scalar(node.idle), boolean=isinstance(node.type, BooleanType))
        return value

    def _idle(self, index: int, labels: LabelSet, window: Interval, asked: int) -> bool:
        """True where no aggregate of a formula has anything to look at."""
        node = self.plan.operations[index]
        if isinstance(node, Aggregate):
            return self._look(index, node, self._own(index, labels), window, asked)[1]
        if isinstance(node, Across):
            parts = self.members(node, self._own(index, labels), asked)
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
        boolean = isinstance(node.type, BooleanType)
        source = source_of(self.plan, index)
        if node.function in OVER_TIME:
            assert node.argument is not None
            value = value_over_time(self, node, labels, window, kept, asked)
            # M50: there is nothing to look at either where `where` has cut out all time.
            empty = not time_of(self, node, labels, kept, asked)[1] or not any(
                contains(kept, at) for at in self._sampled(node.argument, labels, asked)
            )
        elif source is None:
            items = self.items(index, labels, kept, asked)
            if node.forgiving is not None:
                value = share_forgiving(items, node.forgiving)
            else:
                values = [item.value for item in items]
                value = over_series(node.function, node.parameter, values, boolean=boolean)
            assert node.argument is not None
            empty = not self._inner_windows(node.argument, labels, kept, asked)
        elif self._sources[source].records:
            records = self.records_in(index, labels, kept, asked)
            value = over_records(
                node.function, node.parameter, records, still_open=window.end > asked, boolean=boolean
            )
            empty = not records
        else:
            samples = self.samples_in(index, labels, kept, asked)
            known: list[Value] = [value for inside, value in samples if inside and value is not None]
            if node.function in ("increase", "rate"):
                known = self.steps_in(index, labels, kept, asked)
            # Those streams take part that have a sample before the window's end.
            streams = self._streams(source, labels, min(asked, window.end))
            coverage = self._sample_coverage(node, source, streams, kept, asked)
            value = over_samples(node.function, node.parameter, known, coverage, boolean=boolean)
            empty = not samples
        return value, empty

    def samples_in(
        self, index: int, labels: LabelSet, kept: Intervals, asked: int
    ) -> list[tuple[bool, Value]]:
        """M13: the samples in kept time, in order of (at, labels), as (is ``where`` true, the argument)."""
        node, source = self.plan.operations[index], source_of(self.plan, index)
        assert isinstance(node, Aggregate)
        assert source is not None
        streams = self._streams(source, labels, asked)
        looked_at = sorted((row.at, sorted(own)) for own, rows in streams.items() for row in rows)
        return [
            (
                node.where is None or self.signal(node.where, frozenset(own), at, asked) is True,
                # `count(source)` counts the samples themselves.
                True if node.argument is None else self.signal(node.argument, frozenset(own), at, asked),
            )
            for at, own in looked_at
            if contains(kept, at)
        ]

    def steps_in(self, index: int, labels: LabelSet, kept: Intervals, asked: int) -> list[Value]:
        """M34: the steps of a counter whose later sample is in kept time; of a rate, by nanosecond of it."""
        node, source = self.plan.operations[index], source_of(self.plan, index)
        assert isinstance(node, Aggregate)
        assert source is not None
        assert node.argument is not None
        share = Fraction(1, length(kept)) if node.function == "rate" else Fraction(1)
        found: list[Value] = []
        for own, rows in self._streams(source, labels, asked).items():
            values = [(row.at, self.signal(node.argument, own, row.at, asked)) for row in rows]
            known = [(at, cast(Fraction, value)) for at, value in values if value is not None]
            grown = zip(known[1:], steps([value for _, value in known]), strict=True)
            found += [
                step * share
                for (at, _), step in grown
                if contains(kept, at)
                and (node.where is None or self.signal(node.where, own, at, asked) is True)
            ]
        return found

    def _sample_coverage(
        self, node: Aggregate, source: str, streams: Iterable[LabelSet], kept: Intervals, asked: int
    ) -> Fraction:
        # M13: the share of K in which the argument is known, over all streams that take part.
        if node.argument is None:
            known = [self._held_time(source, own, kept, asked) for own in streams]
        else:
            known = [known_time(self.segments(node.argument, own, kept, asked)) for own in streams]
        return Fraction(sum(known), length(kept) * len(known)) if known else Fraction(0)

    def _held_time(self, source: str, labels: LabelSet, kept: Intervals, asked: int) -> int:
        staleness = self._sources[source].staleness
        held = [
            Interval(row.at, asked if staleness is None else max(row.at, min(row.at + staleness, asked)))
            for row in self._stream(source, labels, asked)
        ]
        return length(intersect(kept, normalise(held)))

    def records_in(
        self, index: int, labels: LabelSet, kept: Intervals, asked: int
    ) -> list[tuple[bool | None, Value]]:
        """M14: the records whose instant is in kept time, in order, as (is it in, its argument)."""
        node, source = self.plan.operations[index], source_of(self.plan, index)
        assert isinstance(node, Aggregate)
        assert source is not None
        found = []
        for record in self.facts.records(source, labels, asked):
            instant = self.facts.instant(source, record.latest)
            # M4: a record whose instant is unknown is in no window.
            if instant is None or not contains(kept, instant):
                continue
            inside = True if node.where is None else of_record(self.plan, node.where, record)
            assert inside is None or isinstance(inside, bool)
            argument = None if node.argument is None else of_record(self.plan, node.argument, record)
            found.append(((instant, record.latest.at, record.latest.order), (inside, argument)))
        return [item for _, item in sorted(found, key=lambda pair: pair[0])]

    def _inner_windows(
        self, index: int, labels: LabelSet, kept: Intervals, asked: int
    ) -> list[tuple[Interval, SeriesValue]]:
        start = self.combinations(index, asked).get(labels)
        if start is None:
            return []
        windows = windows_inside(self.plan, window_kind(self.plan, index), start, kept)
        values = [(window, self.series(index, labels, window, asked)) for window in windows]
        return [(window, value) for window, value in values if value is not None]

    def items(self, index: int, labels: LabelSet, kept: Intervals, asked: int) -> list[Item]:
        """M15: the inner windows wholly inside kept time for which ``where`` is not false, in order."""
        node = self.plan.operations[index]
        assert isinstance(node, Aggregate)
        assert node.argument is not None
        unknown = bounds.nothing_known(
            boolean=isinstance(self.plan.operations[node.argument].type, BooleanType)
        )
        found = []
        for window, value in self._inner_windows(
            node.argument, self._own(node.argument, labels), kept, asked
        ):
            ended = window.end <= asked
            item = value
            if not ended:
                # An inner window that had not ended has an unknown value; its bounds still hold.
                item = SeriesValue(value=None, lower=value.lower, upper=value.upper, coverage=Fraction(0))
            if node.where is not None:
                condition = self.series(node.where, labels, window, asked)
                inside = condition.value if condition is not None and ended else None
                if inside is False:
                    continue
                item = item if inside is True else unknown
            found.append(Item(window=window, value=item))
        return found

    # Goals (M10, M21 to M24)

    def windows_of_goal(self, goal: Goal, labels: LabelSet, until: int, asked: int) -> list[Interval]:
        """The windows in which a goal may be judged (M10, M69)."""
        start = self.combinations(goal.condition, asked).get(labels)
        if start is None:
            return []
        windows = windows_between(self.plan, goal.window, start, until)
        return [window for window in windows if self.plan.judges(window)]

    def _judgement(self, name: str, labels: LabelSet, window: Interval, asked: int) -> Judgement | None:
        return judge(self, self._goals[name], labels, window, known_at(window, asked))
