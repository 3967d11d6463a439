"""Formulas of an agreement as quotients of series, and conditions as what is true of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from attrs import define, field

from wsla.analysis import operations as op
from wsla.analysis.types import BooleanType, NumberType
from wsla.diagnostics.source import Span
from wsla.interop.prometheus.conditions import Both, Condition, Either, holds, joined, text_of
from wsla.interop.prometheus.promql import duration, reach
from wsla.interop.prometheus.recording import Recorder
from wsla.interop.prometheus.sources import Sources, Stream
from wsla.interop.prometheus.terms import (
    ONE,
    Assigned,
    Comparison,
    Linear,
    Quotient,
    Term,
    always,
    combined,
    number_of,
    plus,
    scaled,
)
from wsla.interop.prometheus.unsaid import Unsaid
from wsla.values.calendars import RollingWindow
from wsla.values.instants import MILLISECOND

_OVER_TIME: Final = frozenset({"availability", "duration", "downtime", "time_mean"})
NEGATED: Final = MappingProxyType({">=": "<", ">": "<=", "<=": ">", "<": ">=", "==": "!=", "!=": "=="})
TURNED: Final = MappingProxyType({">=": "<=", ">": "<", "<=": ">=", "<": ">", "==": "==", "!=": "!="})
_SHORTEST: Final = 2 * MILLISECOND
_KINDS: Final[Mapping[type[op.Operation], str]] = MappingProxyType(
    {
        op.AtLeastDown: "how many of several conditions are false",
        op.Choice: "tables",
        op.Elapsed: "times of records",
        op.Due: "times of records",
        op.Previous: "the window before",
        op.Label: "labels as values",
        op.VerdictState: "the verdicts of earlier windows",
        op.VerdictCount: "the verdicts of earlier windows",
        op.Across: "values that are joined across labels",
        op.Sustained: "signals that rest on the past",
        op.Debounced: "signals that rest on the past",
        op.Limited: "signals that rest on the past",
        op.Active: "announced times",
    }
)


@define
class Formulas:
    """Reads the operations of an agreement; ``names`` are those of its metrics by operation."""

    operations: tuple[op.Operation, ...]
    names: Mapping[int, str]
    sources: Sources
    recorder: Recorder
    _looks: list[tuple[RollingWindow, int]] = field(factory=list)

    # --- conditions

    def condition(self, position: int, wanted: bool, *, held: bool = True) -> Condition:
        """What has a value exactly where a condition is known to be as it is wanted. Raises Unsaid."""
        found = self.operations[position]
        match found:
            case op.Latest():
                return self.condition(found.operand, wanted, held=held)
            case op.Negation():
                return self.condition(found.operand, not wanted, held=held)
            case op.Logical():
                left_wanted = wanted if found.operator != "implies" else not wanted
                left = self.condition(found.left, left_wanted, held=held)
                right = self.condition(found.right, wanted, held=held)
                both = (found.operator == "and") == wanted and found.operator != "implies"
                if found.operator == "implies":
                    both = not wanted
                return joined(Both if both else Either, left, right)
            case op.Compare():
                return self._compared(found, wanted, held=held)
            case op.SourceField(type=BooleanType()):
                term = _value(self._field(found, held=held))
                limit: Linear = {None: Fraction(1)} if wanted else {}
                return Comparison(plus({term: Fraction(1)}, limit, Fraction(-1)), "==")
        raise self._unsaid(found)

    def _compared(self, found: op.Compare, wanted: bool, *, held: bool) -> Condition:
        operator = found.operator if wanted else NEGATED[found.operator]
        sides = [self._without_latest(one) for one in (found.left, found.right)]
        for side, other, turned in ((0, 1, operator), (1, 0, TURNED[operator])):
            ranked = self.operations[sides[side]]
            if isinstance(ranked, op.Aggregate) and ranked.function in ("percentile", "median"):
                return self._ranked(ranked, turned, self.quotient(sides[other], held=held), found.span)
        if any(not isinstance(self.operations[one].type, NumberType) for one in sides):
            raise Unsaid("texts, points in time and truths that are compared", found.span)
        idle = self._idle(sides, operator)
        if idle:
            raise Unsaid(
                "a value for windows in which there is nothing that decides the condition", found.span
            )
        left, right = (self.quotient(one, held=held) for one in sides)
        first, second = number_of(left), number_of(right)
        if dict(left.below) == dict(right.below):
            total, below = plus(left.above, right.above, Fraction(-1)), left.below
        elif second is not None:
            total, below = plus(left.above, left.below, -second), left.below
        elif first is not None:
            total, below = plus(scaled(right.below, first), right.above, Fraction(-1)), right.below
        else:
            raise Unsaid("two quotients that are compared with one another", found.span)
        if not set(total) - {None}:
            raise Unsaid("a condition that is always true, or never", found.span)
        compared = Comparison(total, operator)
        return compared if dict(below) == dict(ONE) else joined(Both, compared, Comparison(below, ">"))

    def _ranked(self, found: op.Aggregate, operator: str, limit: Quotient, span: Span) -> Condition:
        """A percentile is within a limit where as large a share of the samples is."""
        bound = number_of(limit)
        rank = found.parameter if found.function == "percentile" else Fraction(1, 2)
        if bound is None or rank is None or rank <= 0 or found.within is not None or operator in ("==", "!="):
            raise Unsaid("this comparison of a percentile", span)
        within = "<=" if operator in ("<=", ">") else "<"
        window = self._window(found)
        values = self._argument(found)
        inside = Comparison(plus({_value(values): values.factor}, {None: bound}, Fraction(-1)), within)
        stream = self._truth(inside, values, f"{values.stem}_within")
        good, known = (self._over(one, stream, found, window) for one in ("sum", "count"))
        total = plus({good: Fraction(1)}, {known: rank}, Fraction(-1))
        return joined(
            Both,
            Comparison(total, ">=" if operator in ("<=", "<") else "<"),
            Comparison({known: Fraction(1)}, ">"),
        )

    # --- numbers

    def quotient(self, position: int, *, held: bool = True) -> Quotient:
        """A number as a quotient of sums of series. Raises Unsaid."""
        found = self.operations[position]
        match found:
            case op.Constant(value=value) if isinstance(value, int | Fraction) and not isinstance(
                value, bool
            ):
                return Quotient({None: Fraction(value)} if value else {}, ONE)
            case op.Latest() | op.Idle():
                return self.quotient(found.operand, held=held)
            case op.SourceField(type=NumberType()):
                stream = self._field(found, held=held)
                return Quotient({_value(stream): stream.factor}, ONE)
            case op.Arithmetic() if found.operator in "+-*/":
                left, right = (self.quotient(one, held=held) for one in (found.left, found.right))
                made = combined(found.operator, left, right)
                if made is None:
                    raise Unsaid("a formula that is no quotient of sums", found.span)
                return made
            case op.Aggregate():
                return self.quotient_of(found)
        raise self._unsaid(found)

    def quotient_of(self, found: op.Aggregate) -> Quotient:
        """A function over windows as a quotient. Raises Unsaid."""
        window = self._window(found)
        stream = self._argument(found)
        one = Fraction(1)
        match found.function:
            case "share" | "availability" | "mean" | "time_mean":
                total, known = (self._over(each, stream, found, window) for each in ("sum", "count"))
                return Quotient({total: stream.factor}, {known: one})
            case "sum" | "increase":
                return Quotient({self._over("sum", stream, found, window): stream.factor}, ONE)
            case "rate":
                total = self._over("sum", stream, found, window)
                return Quotient({total: stream.factor / window.length_ns}, ONE)
            case "count" if not found.by:
                return Quotient({self._over("count", stream, found, window): one}, ONE)
            case "min" | "max":
                return Quotient({self._over(found.function, stream, found, window): stream.factor}, ONE)
            case "duration" | "downtime":
                total, known = (self._over(each, stream, found, window) for each in ("sum", "count"))
                length = Fraction(stream.every)
                good: Linear = {total: length}
                return Quotient(
                    good if found.function == "duration" else plus({known: length}, good, -one), ONE
                )
        raise Unsaid(f"`{found.function}` here", found.span)

    # --- aggregates

    def aggregates(self, position: int) -> Iterator[op.Aggregate]:
        """The functions over windows that a formula consists of."""
        found = self.operations[position]
        match found:
            case op.Aggregate():
                yield found
            case op.Latest() | op.Negation() | op.Idle():
                yield from self.aggregates(found.operand)
            case op.Logical() | op.Compare() | op.Arithmetic():
                yield from self.aggregates(found.left)
                yield from self.aggregates(found.right)

    def known(self, found: op.Aggregate) -> tuple[Term, Linear]:
        """(how many looks of a window found something, how many there are) for coverage. Raises Unsaid."""
        window = self._window(found)
        if found.where is not None and found.function in _OVER_TIME:
            raise Unsaid("how much is known of a window from which time is cut", found.span)
        stream = self._argument(found, held=True, where=False)
        looks = Fraction(window.length_ns, stream.every)
        known = self._over("count", stream, found, window)
        if known.labels == stream.labels:
            return known, {None: looks}
        return known, {self._over("streams", stream, found, window): looks}

    def looks(self) -> list[tuple[RollingWindow, int]]:
        """The windows that were read since the last call, and how often Prometheus looks at them."""
        made, self._looks = self._looks, []
        return made

    def _window(self, found: op.Aggregate) -> RollingWindow:
        window = found.window
        if not isinstance(window, RollingWindow):
            raise Unsaid(
                "windows of the calendar, and others that stand side by side",
                found.span,
                note="its ranges are the last so many minutes, hours or days; "
                "a rule such as `when burn(GOAL) over last 1h > 14.4` has a window of its own, and is written",
            )
        if found.filter.during or found.filter.excluding:
            raise Unsaid("schedules: its ranges leave nothing out", found.span)
        if found.forgiving is not None:
            raise Unsaid("outages that are forgiven", found.span)
        if found.idle is not None and self._decisive_idle(found):
            raise Unsaid("a value for windows in which there is nothing", found.span)
        if window.length_ns % MILLISECOND or window.length_ns < _SHORTEST:
            raise Unsaid("parts of a millisecond", found.span)
        return window

    def _decisive_idle(self, found: op.Aggregate) -> bool:
        assert found.idle is not None
        return not isinstance(self.operations[found.idle], op.Constant)

    def _argument(self, found: op.Aggregate, *, held: bool | None = None, where: bool = True) -> Stream:
        """What a function looks at: a value, or 1 and 0 for a condition, a look each."""
        if held is None:
            held = found.function in _OVER_TIME
        if found.argument is None:
            if found.source is None:
                raise Unsaid("this count", found.span)
            declared = self.sources.declared[found.source]
            names = [one.name for one in declared.fields if one.name not in (declared.at, *declared.labels)]
            if not names:
                raise Unsaid("a source of which no field is known", found.span)
            stream = self._read(found.source, names[0], found.span, held=held)
        else:
            argument = self.operations[found.argument]
            match argument:
                case op.SourceField(type=NumberType()) if found.function in ("increase", "rate") and not held:
                    stream = self.sources.step(argument.source, argument.field, argument.span)
                case op.SourceField(type=NumberType()):
                    stream = self._field(argument, held=held)
                case _ if isinstance(argument.type, BooleanType):
                    stream = self._condition_stream(found.argument, held=held)
                case _:
                    raise Unsaid("what is calculated inside a function", argument.span)
        if where and found.where is not None:
            stream = self._where(stream, found.where, held=held)
        return stream

    def _read(self, source: str, name: str, span: Span, *, held: bool) -> Stream:
        read = self.sources.held if held else self.sources.sample
        return read(source, name, span)

    def _field(self, found: op.SourceField, *, held: bool) -> Stream:
        return self._read(found.source, found.field, found.span, held=held)

    def _condition_stream(self, position: int, *, held: bool) -> Stream:
        fields = list(self._fields(position))
        if not fields:
            raise Unsaid("a condition about nothing that is observed", self.operations[position].span)
        model = self._field(fields[0], held=held)
        true = self.condition(position, True, held=held)
        false = self.condition(position, False, held=held)
        negated = isinstance(self.operations[position], op.Negation)
        told = "condition" if len(fields) > 1 else "false" if negated else "true"
        stem = self.names.get(position) or f"{model.stem}_{told}"
        operation = "held" if held else "sample"
        return self._recorded(true, false, model, stem, operation)

    def _truth(self, inside: Comparison, values: Stream, stem: str) -> Stream:
        outside = Comparison(inside.sum, NEGATED[inside.operator])
        return self._recorded(inside, outside, values, stem, "sample")

    def _recorded(
        self, true: Condition, false: Condition, model: Stream, stem: str, operation: str
    ) -> Stream:
        expr = f"0 * (\n{text_of(false, '  ')}\n)\nor\n1 + 0 * (\n{text_of(true, '  ')}\n)"

        def steady(assigned: Assigned) -> Fraction | None:
            if holds(true, always(assigned)):
                return Fraction(1)
            return Fraction(0) if holds(false, always(assigned)) else None

        return Stream(
            selector=self.recorder.record(model.labels, stem, operation, expr, model.every),
            kind=operation,
            stem=stem,
            labels=model.labels,
            every=model.every,
            factor=Fraction(1),
            steady=steady,
        )

    def _where(self, stream: Stream, where: int, *, held: bool) -> Stream:
        chosen = self.condition(where, True, held=held)

        def steady(assigned: Assigned) -> Fraction | None:
            return stream.steady(assigned) if holds(chosen, always(assigned)) else None

        expr = f"{stream.selector}\nand\n(\n{text_of(chosen, '  ')}\n)"
        stem = f"{stream.stem}_where"
        kind = "held" if held else stream.kind
        return Stream(
            selector=self.recorder.record(stream.labels, stem, kind, expr, stream.every),
            kind=kind,
            stem=stem,
            labels=stream.labels,
            every=stream.every,
            factor=stream.factor,
            steady=steady,
        )

    def _fields(self, position: int) -> Iterator[op.SourceField]:
        found = self.operations[position]
        match found:
            case op.SourceField():
                yield found
            case op.Latest() | op.Negation():
                yield from self._fields(found.operand)
            case op.Logical() | op.Compare() | op.Arithmetic():
                yield from self._fields(found.left)
                yield from self._fields(found.right)

    def _over(self, function: str, stream: Stream, found: op.Aggregate, window: RollingWindow) -> Term:
        """A recorded series of a function over a window: ``sum``, ``count``, ``min``, ``max`` or ``streams``."""
        kept = self._columns(found, found.by)
        labels = tuple(one for one in stream.labels if one in kept)
        if found.function in _OVER_TIME and labels != stream.labels:
            raise Unsaid("time of several streams together", found.span)
        self._looks.append((window, stream.every))
        inner = "count" if function == "streams" else function
        expr = f"{inner}_over_time({stream.selector}[{reach(window.length_ns)}])"
        if labels != stream.labels or function == "streams":
            joining = {"min": "min", "max": "max", "streams": "count"}.get(function, "sum")
            by = f" by ({', '.join(labels)})" if labels else ""
            expr = f"{joining}{by} ({expr})"
        never_absent = function == "count" and found.function == "count" and not labels
        if never_absent:
            expr = f"sum ({expr})\nor\nvector(0)"
        looks = -(-window.length_ns // stream.every)

        def steady(assigned: Assigned) -> Fraction | None:
            value = stream.steady(assigned)
            match function:
                case "count":
                    nothing = Fraction(0) if never_absent else None
                    return nothing if value is None else Fraction(looks)
                case "streams":
                    return None if value is None else Fraction(1)
                case "sum":
                    return None if value is None else value * looks
            return value

        shown = "increase" if (function, stream.kind) == ("sum", "step") else function
        of_held = "held_" if stream.kind == "held" else ""
        operation = f"{of_held}{shown}{duration(window.length_ns)}"
        selector = self.recorder.record(labels, stream.stem, operation, expr, stream.every)
        return Term(selector, labels, steady, looks, stream.every, never_absent)

    def _columns(self, found: op.Aggregate, by: tuple[str, ...]) -> tuple[str, ...]:
        made: list[str] = []
        for name in {one.source for one in self._inside(found)}:
            made += self.sources.columns(
                name, tuple(one for one in by if one in self.sources.declared[name].labels)
            )
        return tuple(made)

    def _inside(self, found: op.Aggregate) -> Iterator[op.SourceField]:
        if found.argument is not None:
            yield from self._fields(found.argument)
        elif found.source is not None:
            yield op.SourceField(shape=found.shape, type=found.type, source=found.source, field="")

    # --- what there is when there is nothing

    def _idle(self, sides: list[int], operator: str) -> bool:
        """True where the value for idle windows makes a comparison true, which no absent series can."""
        values = [self._when_idle(one) for one in sides]
        if values[0] is None or values[1] is None:
            return False
        return bool(Comparison({None: values[0] - values[1]}, operator).holds(lambda _: None))

    def _when_idle(self, position: int) -> Fraction | None:
        """A number in a window in which there is nothing; None where it has none there."""
        found = self.operations[position]
        match found:
            case op.Constant(value=value) if isinstance(value, int | Fraction):
                return Fraction(value)
            case op.Latest():
                return self._when_idle(found.operand)
            case op.Idle():
                return self._when_idle(found.value)
            case op.Aggregate() if found.idle is not None:
                return self._when_idle(found.idle)
            case op.Arithmetic() if found.operator in "+-*/":
                left, right = self._when_idle(found.left), self._when_idle(found.right)
                if left is None or right is None:
                    return None
                made = combined(found.operator, Quotient({None: left}, ONE), Quotient({None: right}, ONE))
                return None if made is None else number_of(made)
        return None

    def _without_latest(self, position: int) -> int:
        found = self.operations[position]
        return self._without_latest(found.operand) if isinstance(found, op.Latest) else position

    def _unsaid(self, found: op.Operation) -> Unsaid:
        return Unsaid(_KINDS.get(type(found), "a formula of this kind"), found.span)


def _value(stream: Stream) -> Term:
    return Term(stream.selector, stream.labels, stream.steady, 1, stream.every)
