"""Formulas: names resolved, shapes and units checked, operations added to the arena."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import assert_never

from attrs import define, evolve, field, frozen

from wsla.analysis import (
    across,
    approximate,
    burn,
    counts,
    downs,
    due,
    labels,
    matrices,
    series_functions,
    signals,
    tables,
)
from wsla.analysis import operations as op
from wsla.analysis.aggregates import AggregateChecker
from wsla.analysis.arena import AnyType, OpenType, Typed, resolve
from wsla.analysis.idle import with_idle
from wsla.analysis.latest import latest
from wsla.analysis.modifiers import Context, read_modifiers
from wsla.analysis.moments import sum_of_moments
from wsla.analysis.references import goal_state, service_value, source_field
from wsla.analysis.reporter import replace
from wsla.analysis.scope import Scope
from wsla.analysis.types import BooleanType, InstantType, NumberType, Shape, TextType
from wsla.analysis.unify import agree, describe, require
from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.values.instants import parse_instant
from wsla.values.money import UNIT_PLACES
from wsla.values.quantities import DIMENSIONLESS, Quantity, QuantityError, parse_quantity
from wsla.values.records import Record

BOOLEAN = BooleanType()
BLOCKS = ("started", "completed")
COMPARISONS = frozenset({"<=", "<", ">=", ">", "==", "!="})


@frozen(kw_only=True, eq=False, repr=False)
class Metric(Record):
    """A declared metric that is checked when it is first needed."""

    declared: surface.Metric


@define(eq=False, repr=False)
class ExpressionChecker:
    """Checks formulas of one agreement. A formula with an error gives None, once its error is reported."""

    scope: Scope
    metrics: dict[str, surface.Metric] = field(factory=dict)
    goals: dict[str, tuple[str, ...] | None] = field(factory=dict)
    promises: dict[str, surface.Goal] = field(factory=dict)
    results: dict[str, Typed | None] = field(factory=dict)
    deciding: counts.Deciding | None = None
    _under_way: list[str] = field(factory=list)

    # --- metrics

    def metric(self, name: str) -> Typed | None:
        """A metric's operation; checked on first use, so that metrics may stand in any order."""
        if name in self.results:
            return self.results[name]
        declared = self.metrics[name]
        if name in self._under_way:
            chain = " → ".join([*self._under_way[self._under_way.index(name) :], name])
            self.scope.reporter.error(
                "E0204", f"`{name}` is defined by itself", declared.name.span, notes=(f"the circle: {chain}",)
            )
            self.results[name] = None
            return None
        self._under_way.append(name)
        # A metric is the same for everybody, also where a credit of a goal asks for it first.
        deciding, self.deciding = self.deciding, None
        result = self._metric_value(declared)
        self.deciding = deciding
        self._under_way.pop()
        self.results.setdefault(name, result)
        return self.results[name]

    def _metric_value(self, declared: surface.Metric) -> Typed | None:
        creditor, self.scope.creditor = self.scope.creditor, None
        value = self.check(declared.expression, Context())
        self.scope.creditor = creditor
        if value is None or declared.idle is None:
            return value
        idle = self.check(declared.idle, Context())
        return None if idle is None else with_idle(self.scope, value, idle, declared.idle.span, declared.span)

    # --- expressions

    def condition(self, expression: surface.Expression, context: Context | None = None) -> Typed | None:
        """Checks a formula that must be true or false."""
        value = self.check(expression, context or Context())
        if value is None or not require(self.scope.reporter, value, BOOLEAN, expression.span):
            return None
        return value

    def check(self, expression: surface.Expression, context: Context) -> Typed | None:
        """Checks any formula."""
        match expression:
            case surface.Quantity():
                return self._quantity(expression)
            case surface.String(value=value, span=span):
                return self._constant(value, TextType(), span)
            case surface.Truth(value=value, span=span):
                return self._constant(value, BOOLEAN, span)
            case surface.Moment(text=text, span=span):
                return self._moment(text, span)
            case surface.Reference():
                return self._reference(expression)
            case surface.Parenthesised(inner=inner):
                return self.check(inner, context)
            case surface.Windowed(operand=operand) if signals.is_limited(operand):
                return self._signals().limited(expression)
            case surface.Windowed(operand=operand, modifiers=modifiers):
                read = read_modifiers(self.scope, modifiers, context, operand, self.condition)
                return None if read is None else self._windowed(operand, read)
            case surface.Call() if approximate.refused(self.scope, expression):
                return None
            case surface.Call() if expression.function.text == downs.NAME:
                conditions = self._conditions(expression)
                return None if conditions is None else downs.number(self.scope, expression, conditions)
            case surface.Call() if expression.function.text == burn.NAME:
                return self._burn(expression, context)
            case surface.Call() if expression.function.text in signals.NAMES:
                return self._signals().call(expression)
            case surface.Call() if expression.function.text in series_functions.NAMES:
                return series_functions.call(self.scope, expression, context, self.check)
            case surface.Call(across=surface.Across()):
                return across.joined(self.scope, expression, context, self.check, self.condition, self.join)
            case surface.Call() if expression.function.text in counts.NAMES:
                return counts.number(self.scope, self.goals, expression, context, self.deciding)
            case surface.Call():
                return AggregateChecker(self.scope, self.check, self.condition).call(expression, context)
            case surface.Unary():
                return self._unary(expression, context)
            case surface.Binary():
                return self._binary(expression, context)
            case surface.Table():
                return tables.check(self.scope, expression, lambda part: self.check(part, context), self.join)
            case surface.Matrix():
                table = matrices.as_table(self.scope, expression)
                return None if table is None else self.check(table, context)
            case surface.NotApplicable():
                matrices.misplaced(self.scope, expression)
                return None
            case surface.GoalState():
                return goal_state(self.scope, self.goals, expression)
            case _ as unreachable:
                assert_never(unreachable)

    def _burn(self, call: surface.Call, context: Context) -> Typed | None:
        written = self.scope.reporter.source.text[call.span.start : call.span.end]
        if written in self._under_way:
            self.scope.reporter.error("E0204", f"`{written}` is defined by itself", call.span)
            return None
        formula = burn.expand(self.scope.reporter, call, self.promises, self.metrics)
        if formula is None:
            return None
        self._under_way.append(written)
        try:
            return burn.check(self.scope, call, formula, lambda part: self.check(part, context))
        finally:
            self._under_way.pop()

    def _signals(self) -> signals.SignalChecker:
        return signals.SignalChecker(self.scope, self.check, self.condition)

    def _windowed(self, operand: surface.Expression, context: Context) -> Typed | None:
        over_records = isinstance(operand, surface.Call) and operand.function.text in ("elapsed", due.NAME)
        if context.window is None and not over_records:
            self.scope.reporter.error(
                "E0308",
                "`during`, `excluding`, `by` and `pausing while` belong to a function over a window, "
                "or to `elapsed(…)`",
                operand.span,
                label="no window here",
                notes=("say which window: `each month`, `each 5m`, or `over last 1h`",),
            )
            return None
        value = self.check(operand, context)
        if value is not None and context.window is not None and value.shape is not Shape.SERIES:
            self.scope.reporter.error(
                "E0308",
                "there is nothing here that a window could be laid over",
                operand.span,
                label=f"this is {describe_shape(value.shape)}",
                notes=("put it in a function such as availability(…), share(…) or count(…)",),
            )
            return None
        return value

    def _constant(self, value: op.Value, kind: AnyType, span: Span) -> Typed:
        assert not isinstance(kind, OpenType)
        node = op.Constant(value=value, shape=Shape.SCALAR, type=kind, span=span)
        return Typed(operation=self.scope.arena.add(node), shape=Shape.SCALAR, type=kind)

    def _quantity(self, written: surface.Quantity) -> Typed | None:
        quantity = self.quantity(written.text, written.span)
        if quantity is None:
            return None
        kind = NumberType(dimension=quantity.dimension, share=quantity.is_percentage)
        return self._constant(quantity.value, kind, written.span)

    def quantity(self, text: str, span: Span) -> Quantity | None:
        """A quantity as written, or None and an error."""
        try:
            quantity = parse_quantity(text, self.scope.units)
        except QuantityError as problem:
            number = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµ% /")
            unit = problem.suggestion
            written = f"{number} {unit}" if unit and len(unit) == 3 and unit.isupper() else f"{number}{unit}"
            self.scope.reporter.error(
                "E0301", str(problem), span, suggestion=replace(span, written) if unit else None
            )
            return None
        unit = self.scope.countable(quantity.dimension)
        if unit is not None and quantity.dimension.currency is None:
            self.scope.used.add(unit)
            if (quantity.value * 10**UNIT_PLACES).denominator != 1:
                message = f"a number of {unit}s has at most {UNIT_PLACES} decimal places"
                self.scope.reporter.error("E0301", message, span)
                return None
        return quantity

    def _moment(self, text: str, span: Span) -> Typed | None:
        try:
            instant = parse_instant(text, self.scope.term.zone_info)
        except ValueError:
            self.scope.reporter.error("E0601", f"`{text}` is not a date that exists", span)
            return None
        return self._constant(instant, InstantType(), span)

    def _reference(self, reference: surface.Reference) -> Typed | None:
        first = reference.parts[0]
        name = first.text
        scope = self.scope
        if len(reference.parts) == 1 and name in self.metrics:
            scope.used.add(name)
            return self.metric(name)
        if name in scope.sources:
            scope.used.add(name)
            return source_field(scope, reference)
        if name in scope.services:
            scope.used.add(name)
            return service_value(scope, reference)
        if name in scope.broken:
            return None
        known = [*self.metrics, *scope.sources, *scope.services]
        found = scope.declared.get(name)
        hint = f"`{name}` is a {found[0]}, not something that is measured" if found else ""
        scope.reporter.unknown_name("E0201", "metric, source or service", first, known, hint)
        return None

    def _unary(self, expression: surface.Unary, context: Context) -> Typed | None:
        if expression.operator == "not":
            value = self.condition(expression.operand, context)
            if value is None:
                return None
            node = op.Negation(operand=value.operation, shape=value.shape, type=BOOLEAN, span=expression.span)
            return evolve(value, operation=self.scope.arena.add(node), type=BOOLEAN)
        value = self.check(expression.operand, context)
        if value is None or not self._numeric(value, expression.operand.span):
            return None
        zero = self._constant(Fraction(0), resolve(value.type), expression.span)
        return self._combine(zero, value, expression.span, op.Arithmetic, "-", value.type)

    def _numeric(self, value: Typed, span: Span) -> bool:
        kind = resolve(value.type)
        if isinstance(kind, OpenType):
            kind.numeric = True
            return True
        if isinstance(kind, NumberType):
            return True
        self.scope.reporter.error("E0303", f"a number is needed here, and this is {describe(kind)}", span)
        return False

    def _binary(self, expression: surface.Binary, context: Context) -> Typed | None:
        operator = expression.operator
        if operator in ("and", "or", "implies"):
            left, right = self.condition(expression.left, context), self.condition(expression.right, context)
            if left is None or right is None:
                return None
            if context.as_signals and (left.shape, left.window) != (right.shape, right.window):
                left, right = (latest(self.scope.arena, part, expression.span) for part in (left, right))
            return self._combine(left, right, expression.span, op.Logical, operator, BOOLEAN)
        if operator in COMPARISONS:
            counted = downs.written(expression)
            if counted is not None:
                conditions, limit = self._conditions(counted.call), self.quantity(*counted.limit)
                if conditions is None or limit is None:
                    return None
                return downs.comparison(self.scope, conditions, counted, limit, expression.span)
        left, right = self.check(expression.left, context), self.check(expression.right, context)
        if left is None or right is None:
            return None
        if operator in COMPARISONS:
            return self._comparison(expression, left, right)
        return self._arithmetic(expression, left, right)

    def _conditions(self, call: surface.Call) -> list[Typed] | None:
        return downs.conditions_of(self.scope, call, self.condition, self.join)

    def _comparison(self, expression: surface.Binary, left: Typed, right: Typed) -> Typed | None:
        if not agree(self.scope.reporter, left, right, expression.right.span, "what it is compared with"):
            return None
        kind = resolve(left.type)
        if expression.operator not in ("==", "!=") and isinstance(kind, BooleanType | TextType):
            self.scope.reporter.error(
                "E0303",
                f"`{expression.operator}` needs numbers, and this is {describe(kind)}",
                expression.left.span,
                notes=("only `==` and `!=` compare such values",),
            )
            return None
        joined = across.comparison(self.scope, expression.operator, left, right, expression.span)
        if joined is not None:
            return joined
        return self._combine(left, right, expression.span, op.Compare, expression.operator, BOOLEAN)

    def _arithmetic(self, expression: surface.Binary, left: Typed, right: Typed) -> Typed | None:
        if expression.operator in ("+", "-"):
            spans = expression.left.span, expression.right.span
            moments = sum_of_moments(self.scope.reporter, expression.operator, left, right, spans)
            if moments is not None:
                if moments.type is None:
                    return None
                return self._combine(
                    left, right, expression.span, op.Arithmetic, expression.operator, moments.type
                )
        numeric = [self._numeric(left, expression.left.span), self._numeric(right, expression.right.span)]
        if not all(numeric):
            return None
        if expression.operator in ("+", "-"):
            if not agree(
                self.scope.reporter, left, right, expression.right.span, "the other part of the sum"
            ):
                return None
            return self._combine(left, right, expression.span, op.Arithmetic, expression.operator, left.type)
        if expression.operator in BLOCKS:
            if not agree(self.scope.reporter, left, right, expression.right.span, "the size of a block"):
                return None
            return self._combine(
                left, right, expression.span, op.Arithmetic, expression.operator, NumberType()
            )
        first, second = self._known_number(left), self._known_number(right)
        if expression.operator == "/":
            share = first.dimension == second.dimension and not second.share
            kind = NumberType(
                dimension=first.dimension / second.dimension,
                share=first.share and second.dimension == DIMENSIONLESS if not share else True,
            )
        else:
            both = first.dimension * second.dimension
            kind = NumberType(dimension=both, share=first.share and second.share)
        operator = "*" if expression.operator == "of" else expression.operator
        return self._combine(left, right, expression.span, op.Arithmetic, operator, kind)

    def _known_number(self, value: Typed) -> NumberType:
        kind = resolve(value.type)
        if isinstance(kind, OpenType):
            kind.found = NumberType()
            return kind.found
        assert isinstance(kind, NumberType)
        return kind

    def _combine(
        self,
        left: Typed,
        right: Typed,
        span: Span,
        node: Callable[..., op.Operation],
        operator: str,
        kind: AnyType,
    ) -> Typed | None:
        left, right = labels.lifted(self.scope.arena, left, right)
        joined = self.join(left, right, span)
        if joined is None:
            return None
        operation = node(
            operator=operator,
            left=left.operation,
            right=right.operation,
            shape=joined.shape,
            type=kind,
            span=span,
        )
        return evolve(joined, operation=self.scope.arena.add(operation), type=kind)

    def join(self, left: Typed, right: Typed, span: Span) -> Typed | None:
        """The shape, window, labels and sources of two formulas together (rule M7); None and an error where they
        do not fit.
        """
        if left.shape is Shape.SCALAR or right.shape is Shape.SCALAR:
            other = right if left.shape is Shape.SCALAR else left
            applicable = matrices.both(self.scope.arena, left, right, other.shape, span)
            return evolve(other, sources=left.sources | right.sources, applicable=applicable)
        problem: tuple[str, str] | None = None
        if left.shape is not right.shape:
            problem = (
                "E0309",
                f"{describe_shape(left.shape)} and {describe_shape(right.shape)} cannot be combined",
            )
        elif left.shape is Shape.SERIES and left.window != right.window:
            problem = "E0310", "the two sides are looked at over different windows"
        elif left.shape is Shape.RECORDS and left.sources != right.sources:
            problem = "E0311", "records of two different sources cannot be combined"
        elif left.by and right.by and set(left.by) != set(right.by):
            words = f"by {', '.join(left.by)}", f"by {', '.join(right.by)}"
            problem = "E0313", f"the two sides are told apart by different labels: {words[0]} and {words[1]}"
        if problem is not None:
            self.scope.reporter.error(*problem, span)
            return None
        return evolve(
            left,
            by=left.by or right.by,
            sources=left.sources | right.sources,
            applicable=matrices.both(self.scope.arena, left, right, left.shape, span),
        )


def describe_shape(shape: Shape) -> str:
    """A shape in the reader's words."""
    return {
        Shape.SCALAR: "a fixed value",
        Shape.SIGNAL: "something measured all the time",
        Shape.RECORDS: "one value a record",
        Shape.SERIES: "one value a window",
    }[shape]
