"""Signals in columns: what they are at each row of one or several streams, and how long (rules M3 and M7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, assert_never

import numpy as np

from wsla.analysis.operations import (
    Arithmetic,
    AtLeastDown,
    Choice,
    Compare,
    Constant,
    Logical,
    Negation,
    Operation,
    SourceField,
)
from wsla.analysis.types import BooleanType, InstantType, NumberType, TextType
from wsla.evaluation.batch import vectors
from wsla.evaluation.batch.columns import Column, Flags, Instants, StreamColumns
from wsla.evaluation.batch.frames import Frames
from wsla.evaluation.batch.holding import Holding, held_like
from wsla.evaluation.batch.rows import Rows
from wsla.evaluation.batch.series import Integers, SignalColumns, Truths
from wsla.evaluation.batch.stretches import Stretches, where_held
from wsla.evaluation.batch.vectors import Number, Text, Truth, Vector
from wsla.evaluation.stream.layout import operands
from wsla.plan.model import Plan

Leaf = Callable[[SourceField], Vector]

POINTWISE = (SourceField, Constant, Compare, Logical, Negation, AtLeastDown, Arithmetic, Choice)
"""Operations whose value at an instant follows from what the streams hold there."""


def fields_of(plan: Plan, index: int) -> frozenset[SourceField] | None:
    """The fields that a signal rests on; None where it rests on more than samples, or on their past."""
    found: set[SourceField] = set()
    for position in needed(plan, index):
        node = plan.operations[position]
        if not isinstance(node, POINTWISE):
            return None
        if isinstance(node, SourceField):
            if plan.source(node.source).records:
                return None
            found.add(node)
    return frozenset(found)


def needed(plan: Plan, index: int) -> list[int]:
    """A formula and all that it is made of, inputs first."""
    found: set[int] = set()
    waiting = [index]
    while waiting:
        position = waiting.pop()
        if position not in found:
            found.add(position)
            waiting.extend(operands(plan.operations[position]))
    return sorted(found)


class View:
    """Signals at the instants ``at``, in order, each of which holds until the next one, but for ``staleness`` at most.

    ``leaf`` gives the fields there. All instants are before ``until``; nobody asks about the time before ``since``.
    """

    def __init__(self, plan: Plan, holding: Holding, leaf: Leaf, short: Leaf | None = None) -> None:
        """``short`` gives fields too, their whole numbers in as few bits as they came in."""
        self.plan = plan
        self.holding = holding
        self.at = holding.at
        self.until = holding.until
        self._leaf = leaf
        self._short = short
        self._shorts: dict[int, Vector] = {}
        self._vectors: dict[int, Vector] = {}
        self._nowhere = holding.nowhere
        self._within: dict[tuple[int, int], Integers] = {}
        self._times: dict[tuple[str, int], Stretches] = {}

    @property
    def held(self) -> Stretches:
        """When the rows hold."""
        return self.holding.held

    @property
    def unheld(self) -> Stretches:
        """The time in which no row holds."""
        return self.holding.unheld

    def vector(self, index: int) -> Vector:
        """A signal at each row, or one value for all rows."""
        return evaluate(self.plan, index, self._vectors, self._leaf)

    def short(self, index: int) -> Vector:
        """A signal at each row; its numbers may have few bits, so that they can be added up, but not in few bits."""
        node = self.plan.operations[index]
        if self._short is None or not isinstance(node, SourceField) or index in self._vectors:
            return self.vector(index)
        if index not in self._shorts:
            self._shorts[index] = self._short(node)
        return self._shorts[index]

    def truth(self, index: int) -> Truth:
        """A boolean signal at each row."""
        found = self.vector(index)
        assert isinstance(found, Truth)
        return found

    def nowhere(self, index: int) -> Vector:
        """What a signal is where no row holds: one value."""
        return evaluate(self.plan, index, self._nowhere, lambda node: vectors.unknown(node.type))

    def truth_nowhere(self, index: int) -> Truth:
        """What a boolean signal is where no row holds."""
        found = self.nowhere(index)
        assert isinstance(found, Truth)
        return found

    def time_where(self, flags: Flags, otherwise: bool) -> Stretches:
        """The time of the rows that are flagged, and, if ``otherwise``, the time in which no row holds."""
        holding = self.holding
        found = where_held(self.at, flags, holding.staleness, self.until, holding.gaps)
        return _with(found, self.unheld) if otherwise else found

    def rows(self, frames: Frames) -> Rows:
        """The rows in the kept time of windows."""
        return self.holding.rows(frames)

    def within(self, frames: Frames, time: Stretches) -> Integers:
        """How much of a set of time, one that this view has found, is in the kept time of each window."""
        if time is self.held:
            return self.holding.held_within(frames)
        key = (id(frames), id(time))
        found = self._within.get(key)
        if found is None:
            found = self._within[key] = frames.within(time.upto)
        return found

    def later(self, until: int) -> View:
        """The same signals up to another instant."""
        found = View(self.plan, self.holding.later(until), self._leaf)
        found._vectors = self._vectors
        return found

    def changes(self, index: int) -> SignalColumns:
        """A condition as it changes."""
        true, known = self.time_true(index), self.time_known(index)
        at = np.unique(np.concatenate((true.starts, true.ends, known.starts, known.ends)))
        at = at[at < self.until]
        values = np.where(true.contain(at), 1, np.where(known.contain(at), 0, -1)).astype(np.int8)
        fresh = values != np.concatenate(([np.int8(-1)], values[:-1]))
        return SignalColumns(at=at[fresh], values=Truths(values[fresh]))

    def time_true(self, index: int) -> Stretches:
        """When a condition is true."""
        return self._time("true", index, self._find_true)

    def time_false(self, index: int) -> Stretches:
        """When a condition is known to be false."""
        return self._time("false", index, self._find_false)

    def time_known(self, index: int) -> Stretches:
        """When a signal is known."""
        return self._time("known", index, self._find_known)

    def _time(self, what: str, index: int, find: Callable[[int], Stretches]) -> Stretches:
        if (what, index) not in self._times:
            self._times[what, index] = find(index)
        return self._times[what, index]

    def _find_true(self, index: int) -> Stretches:
        return self.time_where(self.truth(index).true, bool(self.truth_nowhere(index).true[0]))

    def _find_false(self, index: int) -> Stretches:
        return self.time_where(self.truth(index).not_true, bool(self.truth_nowhere(index).not_true[0]))

    def _find_known(self, index: int) -> Stretches:
        known, nowhere = self.short(index).known, self.nowhere(index).known
        otherwise = nowhere is None or bool(nowhere[0])
        if known is None:
            return _with(self.held, self.unheld) if otherwise else self.held
        return self.time_where(known, otherwise)


def _with(one: Stretches, other: Stretches) -> Stretches:
    """Both of two sets that have nothing in common; what touches is one stretch."""
    if not len(other.starts):
        return one
    starts = np.concatenate((one.starts, other.starts))
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.concatenate((one.ends, other.ends))[order]
    apart = starts[1:] > ends[:-1]
    return Stretches(starts[np.append(True, apart)], ends[np.append(apart, True)])


def view_of(plan: Plan, stream: StreamColumns, since: int, until: int, like: Holding | None = None) -> View:
    """The signals of one stream; ``like`` is how another stream of the source holds, perhaps at the same instants."""
    return View(
        plan,
        held_like(like, stream.at, plan.source(stream.source).staleness, since, until),
        lambda node: column(plan, stream, node),
        lambda node: column(plan, stream, node, short=True),
    )


def joined(plan: Plan, streams: Mapping[str, StreamColumns], since: int, until: int) -> View:
    """The signals of several streams, one of each source, at every instant at which one of them may change."""
    edges = []
    for name, stream in streams.items():
        staleness = plan.source(name).staleness
        edges.append(stream.at)
        if staleness is not None:
            expired = where_held(stream.at, np.ones(1, dtype=np.bool_), staleness, until).ends
            edges.append(expired[expired < until])
    at = np.unique(np.concatenate(edges)) if edges else np.zeros(0, dtype=np.int64)
    return View(plan, Holding(at, None, since, until), sampled(plan, streams, at))


def sampled(plan: Plan, streams: Mapping[str, StreamColumns], at: Instants) -> Leaf:
    """The fields of streams as they are held at some instants."""
    places = {name: _places(plan, name, stream, at) for name, stream in streams.items()}

    def leaf(node: SourceField) -> Vector:
        stream = streams.get(node.source)
        if stream is None or not len(stream.at):
            return vectors.unknown(node.type)
        place, holds = places[node.source]
        match column(plan, stream, node):
            case Truth(true=true, false=false):
                if len(true) > 1:
                    true = true[place]
                    false = None if false is None else false[place]
                return Truth(true & holds, (~true if false is None else false) & holds)
            case Number(numerators=above, denominators=below, scale=scale, known=known):
                if len(above) > 1:
                    above = above[place]
                    known = None if known is None else known[place]
                return Number(above, below, scale, holds if known is None else known & holds)
            case Text(values=values, known=known):
                if len(values) > 1:
                    values = values[place]
                    known = None if known is None else known[place]
                return Text(values, holds if known is None else known & holds)
            case never:
                assert_never(never)

    return leaf


def _places(plan: Plan, name: str, stream: StreamColumns, at: Instants) -> tuple[Any, Flags]:
    """The row that is the latest at each instant, and whether it holds there."""
    place = np.searchsorted(stream.at, at, side="right") - 1
    holds = place >= 0
    place = np.maximum(place, 0)
    staleness = plan.source(name).staleness
    if staleness is not None and len(stream.at):
        holds &= at < stream.at[place] + staleness
    return place, holds


def column(plan: Plan, stream: StreamColumns, node: SourceField, *, short: bool = False) -> Vector:
    """A field of a stream; a label has the same value in all rows, and a field that is missing is unknown."""
    labels = dict(stream.labels)
    if node.field in labels:
        return vectors.constant(labels[node.field], node.type)
    found = stream.fields.get(node.field)
    if found is None:
        return vectors.unknown(node.type)
    return _vector(plan, node, found, short)


def _vector(plan: Plan, node: SourceField, found: Column, short: bool) -> Vector:
    known = found.known
    match node.type:
        case BooleanType():
            values = found.values
            return Truth(values) if known is None else Truth(values & known, ~values & known)
        case TextType():
            return Text(found.values, known)
        case InstantType():
            return Number(found.values, known=known)
        case NumberType():
            fields = {field.name: field for field in plan.source(node.source).fields}
            scale = fields[node.field].resolution * found.times
            # Short numbers are made long: sums and products of short ones would not be exact.
            values = found.values if found.times == 1 or short else found.values.astype(np.int64)
            return Number(values, scale=scale, known=known)
        case never:
            assert_never(never)


def evaluate(plan: Plan, index: int, found: dict[int, Vector], leaf: Leaf) -> Vector:
    """The value of a formula, given those of the fields; ``found`` keeps the values of all its parts."""
    known = found.get(index)
    if known is not None:
        return known
    node = plan.operations[index]
    if isinstance(node, SourceField):
        known = found[index] = leaf(node)
        return known
    for position in needed(plan, index):
        if position not in found:
            found[position] = _apply(plan.operations[position], found, leaf)
    return found[index]


def _apply(node: Operation, found: Mapping[int, Vector], leaf: Leaf) -> Vector:
    def truth(position: int) -> Truth:
        operand = found[position]
        assert isinstance(operand, Truth)
        return operand

    match node:
        case SourceField():
            return leaf(node)
        case Constant(value=value):
            return vectors.constant(value, node.type)
        case Compare(operator=symbol, left=left, right=right):
            return vectors.compare(symbol, found[left], found[right])
        case Logical(operator=symbol, left=left, right=right):
            return vectors.logical(symbol, truth(left), truth(right))
        case Negation(operand=operand):
            return vectors.negate(truth(operand))
        case AtLeastDown(conditions=conditions, count=count):
            return vectors.at_least_down([truth(x) for x in conditions], count)
        case Arithmetic(operator=symbol, left=left, right=right):
            one, other = found[left], found[right]
            assert isinstance(one, Number)
            assert isinstance(other, Number)
            return vectors.arithmetic(symbol, one, other)
        case Choice(subject=subject, arms=arms, otherwise=otherwise):
            return vectors.choice(
                found[subject],
                [(arm.operator, found[arm.bound], found[arm.value]) for arm in arms],
                None if otherwise is None else found[otherwise],
                node.type,
            )
        case _:
            raise TypeError(f"{type(node).__name__} rests on more than what is held at an instant")
