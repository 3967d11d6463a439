"""Why an expectation failed: the window, its value and bounds, and the observations that decided it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from wsla.analysis.operations import (
    Aggregate,
    Compare,
    OutageWindow,
    SourceField,
    Value,
)
from wsla.analysis.types import BooleanType, Shape, ValueType
from wsla.evaluation.reference.aggregates import OVER_TIME
from wsla.evaluation.reference.pointwise import compare, operands
from wsla.evaluation.reference.shapes import label_names, source_of, window_kind
from wsla.evaluation.reference.streams import LabelSet, Row, restrict
from wsla.evaluation.reference.windows import kept_time, known_at, windows_inside
from wsla.evaluation.report import SeriesPoint
from wsla.evaluation.scalars import scalar_value
from wsla.evaluation.verdicts import Judgement, Labels, SeriesValue
from wsla.plan.model import Goal, Plan, Rule
from wsla.testing.findings import Evidence, Fact, Ground, Item, State, fact_of, name_of, timeline
from wsla.testing.forgiven import forgiven_among, time_looked_at
from wsla.testing.history import History, Values, leaves, unwrapped
from wsla.values.instants import Interval
from wsla.values.intervals import Intervals, contains

SHOWN = 5
"""How many of the stretches or items that decided are named."""

_FLIPPED = {"<=": ">=", "<": ">", ">=": "<=", ">": "<", "==": "==", "!=": "!="}

_LIKE_ITS_PARTS = frozenset({"max", "min", "mean", "median", "percentile", "last"})
"""Functions whose value can be held against a limit as each of its parts can."""

Relation = tuple[str, Value] | None
"""How an aggregate is compared with what: ``(">=", 99/100)``; None where that is not said directly."""


def of_judgement(history: History, judgement: Judgement) -> Evidence:
    """The evidence of a goal's verdict in a window."""
    goal = next(goal for goal in history.plan.goals if goal.name == judgement.goal)
    return Evidence(
        name=goal.name,
        labels=judgement.labels,
        window=judgement.window,
        kind=history.plan.operations[goal.value].type,
        value=SeriesValue(
            value=judgement.value,
            lower=judgement.lower,
            upper=judgement.upper,
            coverage=judgement.coverage,
        ),
        verdict=judgement.verdict.value,
        promised=goal.text,
        grounds=_grounds(history, _promises(history.plan, goal), judgement.labels, judgement.window),
    )


def of_point(history: History, metric: str, point: SeriesPoint, relation: Relation) -> Evidence:
    """The evidence of a metric's value in a window, compared with a value that was expected."""
    index = history.plan.metrics[metric]
    direct = isinstance(history.plan.operations[unwrapped(history.plan, index)], Aggregate)
    aggregates: dict[int, Relation] = dict.fromkeys(
        _aggregates(history.plan, index), relation if direct else None
    )
    return Evidence(
        name=metric,
        labels=point.labels,
        window=point.window,
        kind=history.plan.operations[index].type,
        value=point.value,
        verdict=None,
        promised=None,
        grounds=_grounds(history, aggregates, point.labels, point.window),
    )


def of_rule(history: History, rule: Rule, labels: Labels, window: Interval) -> Evidence:
    """The evidence of what a rule waits for: where its trigger was true, which is what it calls bad."""
    pieces = [
        (stretch, values, _state(values[rule.trigger], bad=True))
        for stretch, values in history.segments(rule.trigger, frozenset(labels), (window,))
    ]
    ground = _ground_of_time(history, "condition", rule.trigger, frozenset(labels), pieces, window)
    return Evidence(
        name=rule.text,
        labels=labels,
        window=window,
        kind=None,
        value=None,
        verdict=None,
        promised=None,
        grounds=(ground,),
    )


# --- what a condition rests on


def _promises(plan: Plan, goal: Goal) -> dict[int, Relation]:
    """The aggregates of a goal's condition, each with what it is compared with."""
    found: dict[int, Relation] = {}
    pending = [goal.condition]
    while pending:
        index = pending.pop(0)
        node = plan.operations[index]
        if isinstance(node, Compare):
            sides = (
                (node.left, node.operator, node.right),
                (node.right, _FLIPPED[node.operator], node.left),
            )
            for side, symbol, other in sides:
                direct = isinstance(plan.operations[unwrapped(plan, side)], Aggregate)
                fixed = plan.operations[other].shape is Shape.SCALAR
                relation = (symbol, scalar_value(plan.operations, other)) if direct and fixed else None
                for aggregate in _aggregates(plan, side):
                    found.setdefault(aggregate, relation)
        elif isinstance(node, Aggregate):
            found.setdefault(index, None)
        else:
            pending.extend(operands(node))
    return found


def _aggregates(plan: Plan, index: int) -> list[int]:
    found: list[int] = []
    for one in leaves(plan, index):
        below = unwrapped(plan, one)
        if below != one:
            found += _aggregates(plan, below)
        elif isinstance(plan.operations[one], Aggregate):
            found.append(one)
    return found


def _grounds(
    history: History, aggregates: dict[int, Relation], labels: Labels, window: Interval
) -> tuple[Ground, ...]:
    found = (
        _ground(history, index, relation, frozenset(labels), window) for index, relation in aggregates.items()
    )
    return tuple(ground for ground in found if ground is not None)


def _ground(
    history: History, index: int, relation: Relation, labels: LabelSet, window: Interval
) -> Ground | None:
    plan = history.plan
    node = plan.operations[index]
    assert isinstance(node, Aggregate)
    kept = kept_time(plan, window, node.filter)
    if not kept:
        return None
    own = restrict(labels, node.by)
    name = name_of(history, index)
    source = source_of(plan, index)
    if node.function in OVER_TIME and node.argument is not None:
        judge = _judge_of_time(node, relation)
        pieces = [
            (stretch, values, judge(value))
            for stretch, values, value in time_looked_at(history, node, own, kept)
        ]
        return _ground_of_time(history, name, node.argument, own, pieces, window)
    if source is None:
        counted, items = "windows", _windows(history, node, own, kept)
    elif plan.source(source).records:
        counted, items = "records", _records(history, source, node, own, kept, window)
    else:
        counted, items = "samples", _samples(history, source, node, own, kept)
    return _ground_of_items(history, name, counted, node, relation, items, window)


def _state(value: Value, *, bad: bool) -> State:
    return State.UNKNOWN if value is None else State.BAD if value is bad else State.GOOD


def _judge_of_time(node: Aggregate, relation: Relation) -> Callable[[Value], State]:
    if node.function == "time_mean":
        return lambda value: _judge_number(value, relation)
    # `duration(c) <= 5m` is a promise that c is rarely true.
    unwanted = (
        node.function in ("duration", "longest") and relation is not None and relation[0] in ("<=", "<")
    )
    return lambda value: _state(value, bad=unwanted)


def _judge_number(value: Value, relation: Relation) -> State:
    """Would this value alone have kept the promise?"""
    if value is None:
        return State.UNKNOWN
    return (
        State.BAD
        if relation is not None and compare(relation[0], value, relation[1]) is False
        else State.GOOD
    )


# --- stretches of time

Piece = tuple[Interval, Values, State]


def _ground_of_time(
    history: History, name: str, index: int, labels: LabelSet, pieces: Sequence[Piece], window: Interval
) -> Ground:
    merged: list[tuple[Interval, State, list[Piece]]] = []
    for piece in pieces:
        if merged and merged[-1][1] is piece[2] and merged[-1][0].end == piece[0].start:
            stretch, state, parts = merged[-1]
            parts.append(piece)
            merged[-1] = (Interval(stretch.start, piece[0].end), state, parts)
        else:
            merged.append((piece[0], piece[2], [piece]))
    decided = [one for one in merged if one[1] is not State.GOOD]
    # The bad ones first, the longest of them first; shown in order of time.
    chosen = sorted(decided, key=lambda one: (one[1] is not State.BAD, -one[0].length, one[0].start))[:SHOWN]
    return Ground(
        name=name,
        counted="time",
        total=sum(piece[0].length for piece in pieces),
        bad=sum(piece[0].length for piece in pieces if piece[2] is State.BAD),
        unknown=sum(piece[0].length for piece in pieces if piece[2] is State.UNKNOWN),
        items=tuple(
            Item(
                start=stretch.start,
                end=stretch.end,
                state=state,
                facts=_facts_in_time(history, index, labels, parts),
            )
            for stretch, state, parts in sorted(chosen, key=lambda one: one[0])
        ),
        left_out=len(decided) - len(chosen),
        timeline=timeline(window, [(stretch.start, stretch.end, state) for stretch, state, _ in merged]),
    )


def _facts_in_time(
    history: History, index: int, labels: LabelSet, parts: Iterable[Piece]
) -> tuple[Fact, ...]:
    values: dict[tuple[str, ValueType], list[Value]] = {}
    for stretch, leaf_values, _ in parts:
        for position in history.blame(index, leaf_values):
            node = history.plan.operations[position]
            if isinstance(node, SourceField) and history.held(node.source, labels, stretch.start) is None:
                values.setdefault((node.source, BooleanType()), [])
                continue
            values.setdefault((name_of(history, position), node.type), []).append(
                history.value(position, leaf_values)
            )
    return tuple(fact_of(name, kind, found) for (name, kind), found in values.items())


# --- samples, records, windows

Candidate = tuple[int, int | None, bool | None, Value, Values]
"""Start, end, is it looked at, the argument, the leaves of argument and ``where``."""


def _samples(
    history: History, source: str, node: Aggregate, labels: LabelSet, kept: Intervals
) -> list[Candidate]:
    found: list[Candidate] = []
    for own, rows in history.facts.streams(source, labels, min(kept[-1].end, history.until)).items():
        for row in rows:
            if not contains(kept, row.at):
                continue
            values = _sample_values(history, source, node, own, row)
            inside = node.where is None or history.value(node.where, values) is True
            argument = True if node.argument is None else history.value(node.argument, values)
            found.append((row.at, None, inside, argument, values))
    return sorted(found, key=lambda one: one[0])


def _sample_values(history: History, source: str, node: Aggregate, labels: LabelSet, row: Row) -> Values:
    values: Values = {}
    for index in (node.argument, node.where):
        if index is not None:
            values |= history.values_at(index, labels, row.at)
    return values


def _records(
    history: History, source: str, node: Aggregate, labels: LabelSet, kept: Intervals, window: Interval
) -> list[Candidate]:
    found: list[Candidate] = []
    for record in history.facts.records(source, labels, known_at(window, history.until)):
        instant = history.facts.instant(source, record.latest)
        if instant is None or not contains(kept, instant):
            continue
        values: Values = {}
        for index in (node.argument, node.where):
            if index is not None:
                values |= history.values_of_record(index, record)
        inside = True if node.where is None else history.value(node.where, values)
        assert inside is None or isinstance(inside, bool)
        argument = True if node.argument is None else history.value(node.argument, values)
        found.append((instant, None, inside, argument, values))
    return sorted(found, key=lambda one: one[0])


def _windows(history: History, node: Aggregate, labels: LabelSet, kept: Intervals) -> list[Candidate]:
    assert node.argument is not None
    own = restrict(labels, label_names(history.plan, node.argument))
    indexes = [index for index in (node.argument, node.where) if index is not None]
    history.probe(leaf for index in indexes for leaf in leaves(history.plan, index))
    found: list[Candidate] = []
    start = history.outcome.start
    kind = window_kind(history.plan, node.argument)
    if isinstance(kind, OutageWindow):
        end = history.plan.effective_end
        outages = [one.window for one in history.points(node.argument) if frozenset(one.labels) == own]
        windows = [one for one in outages if contains(kept, kind.over_at(one, end))]
    else:
        windows = windows_inside(history.plan, kind, start, kept)
    for window in windows:
        if window.start >= history.until:
            break
        values: Values = {}
        for index in indexes:
            values |= history.values_in(index, own, window)
        inside = True if node.where is None else history.value(node.where, values)
        assert inside is None or isinstance(inside, bool)
        # M15: the value of a window that has not ended is unknown.
        value = history.value(node.argument, values) if window.end <= history.until else None
        found.append((window.start, window.end, inside, value, values))
    if node.forgiving is None:
        return found
    looked_at = [one for one in found if one[2] is not False]
    seen = (
        (Interval(start, end or start), value if inside else None)
        for start, end, inside, value, _ in looked_at
    )
    forgiven = forgiven_among(seen, node.forgiving)
    return [
        (start, end, inside, True if position in forgiven else value, values)
        for position, (start, end, inside, value, values) in enumerate(looked_at)
    ]


def _ground_of_items(
    history: History,
    name: str,
    counted: str,
    node: Aggregate,
    relation: Relation,
    items: list[Candidate],
    window: Interval,
) -> Ground:
    judged = [
        (one, state) for one in items if (state := _judge_item(node, relation, one)) is not State.NOTHING
    ]
    worst_low = relation is None or relation[0] in (">=", ">")

    def rank(pair: tuple[Candidate, State]) -> tuple[bool, Fraction, int]:
        value = pair[0][3]
        number = (
            Fraction(value) if isinstance(value, int | Fraction) and not isinstance(value, bool) else None
        )
        size = Fraction(0) if number is None else number if worst_low else -number
        return (pair[1] is not State.BAD, size, pair[0][0])

    decided = [pair for pair in judged if pair[1] is not State.GOOD]
    chosen = sorted(decided, key=rank)[:SHOWN]
    return Ground(
        name=name,
        counted=counted,
        total=len(judged),
        bad=sum(state is State.BAD for _, state in judged),
        unknown=sum(state is State.UNKNOWN for _, state in judged),
        items=tuple(
            Item(start=one[0], end=one[1], state=state, facts=_facts_of_item(history, node, one))
            for one, state in sorted(chosen, key=lambda pair: pair[0][0])
        ),
        left_out=len(decided) - len(chosen),
        timeline=timeline(
            window, [(one[0], one[0] + 1 if one[1] is None else one[1], state) for one, state in judged]
        ),
    )


def _judge_item(node: Aggregate, relation: Relation, item: Candidate) -> State:
    _, _, inside, argument, _ = item
    if node.function == "count":
        # Too many: those that count are the trouble; too few: those that do not.
        unwanted = relation is not None and relation[0] in ("<=", "<")
        taken = None if inside is None or argument is None else inside
        return _state(taken, bad=unwanted)
    if inside is False:
        return State.NOTHING
    if inside is None or argument is None:
        return State.UNKNOWN
    if isinstance(argument, bool):
        return State.GOOD if argument else State.BAD
    if node.function == "sum":
        # A sum that is too great is so by its greatest parts; one that is too small by what is not there.
        return State.BAD if relation is not None and relation[0] in ("<=", "<") and argument else State.GOOD
    return _judge_number(argument, relation if node.function in _LIKE_ITS_PARTS else None)


def _facts_of_item(history: History, node: Aggregate, item: Candidate) -> tuple[Fact, ...]:
    _, _, inside, _, values = item
    indexes: list[int] = []
    if node.where is not None and (inside is not True or node.argument is None):
        indexes.append(node.where)
    if node.argument is not None and inside is not False:
        indexes.append(node.argument)
    positions = dict.fromkeys(leaf for index in indexes for leaf in history.blame(index, values))
    return tuple(
        Fact(
            name=name_of(history, position),
            kind=history.plan.operations[position].type,
            values=(history.value(position, values),),
        )
        for position in positions
    )
