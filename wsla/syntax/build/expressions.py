"""Formulas: from the parser's tree to the surface tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve

from wsla.syntax import surface
from wsla.syntax.build.words import (
    Meta,
    Token,
    items,
    maybe_word,
    only,
    span_of,
    to_text,
    to_word,
    token_span,
)


def _binary(operator: str) -> Callable[..., surface.Binary]:
    def build(_: object, meta: Meta, left: surface.Expression, right: surface.Expression) -> surface.Binary:
        return surface.Binary(operator=operator, left=left, right=right, span=span_of(meta))

    return build


class ExpressionBuilder:
    """Formulas."""

    where = items

    implication = _binary("implies")
    either = _binary("or")
    both = _binary("and")
    add = _binary("+")
    subtract = _binary("-")
    multiply = _binary("*")
    divide = _binary("/")
    share_of = _binary("of")

    def negation(self, meta: Meta, operand: Any) -> surface.Unary:
        return surface.Unary(operator="not", operand=operand, span=span_of(meta))

    def negative(self, meta: Meta, operand: Any) -> surface.Unary:
        return surface.Unary(operator="-", operand=operand, span=span_of(meta))

    def compare(self, meta: Meta, left: Any, operator: Token, right: Any) -> surface.Binary:
        return surface.Binary(operator=str(operator), left=left, right=right, span=span_of(meta))

    def state(
        self,
        meta: Meta,
        goal: Any,
        verdict: Token,
        count: Token | None,
        _: Token | None,
        of_last: Token | None,
        unit: Token | None,
    ) -> surface.GoalState:
        return surface.GoalState(
            goal=goal,
            verdict=str(verdict),
            count=maybe_word(count),
            of_last=maybe_word(of_last),
            unit=maybe_word(unit),
            span=span_of(meta),
        )

    def windowed(self, meta: Meta, operand: Any, *modifiers: Any) -> surface.Windowed:
        return surface.Windowed(operand=operand, modifiers=modifiers, span=span_of(meta))

    def parenthesised(self, meta: Meta, inner: Any) -> surface.Parenthesised:
        return surface.Parenthesised(inner=inner, span=span_of(meta))

    def quantity(self, _: Meta, token: Token) -> surface.Quantity:
        return surface.Quantity(text=to_word(token).text, span=token_span(token))

    def counted(self, meta: Meta, number: Token, unit: Token) -> surface.Quantity:
        return surface.Quantity(text=f"{number} {unit}", span=span_of(meta))

    def string(self, _: Meta, token: Token) -> surface.String:
        text = to_text(token)
        return surface.String(value=text.value, parameter=text.parameter, span=text.span)

    def instant(self, _: Meta, token: Token) -> surface.Moment:
        return surface.Moment(text=str(token), span=token_span(token))

    def true(self, meta: Meta) -> surface.Truth:
        return surface.Truth(value=True, span=span_of(meta))

    def false(self, meta: Meta) -> surface.Truth:
        return surface.Truth(value=False, span=span_of(meta))

    def reference(self, meta: Meta, first: Token, *rest: surface.Word) -> surface.Reference:
        return surface.Reference(parts=(to_word(first), *rest), span=span_of(meta))

    def call(self, meta: Meta, function: Token, arguments: Any) -> surface.Call:
        positional, across, where, option = arguments
        return surface.Call(
            function=to_word(function),
            arguments=positional,
            across=across,
            where=where,
            forgiving=option if isinstance(option, surface.Forgiving) else None,
            approximate=option if isinstance(option, surface.Approximate) else None,
            span=span_of(meta),
        )

    def arguments(self, _: Meta, *parts: Any) -> tuple[tuple[Any, ...], None, Any, None]:
        *positional, where = parts
        return tuple(part for part in positional if part is not None), None, only(where), None

    def across_arguments(self, _: Meta, *parts: Any) -> tuple[tuple[Any, ...], surface.Across, Any, None]:
        *positional, across, where = parts
        return tuple(positional), across, only(where), None

    def option_arguments(self, _: Meta, *parts: Any) -> tuple[tuple[Any, ...], None, None, Any]:
        return parts[:-1], None, None, parts[-1]

    def option_where(self, _: Meta, *parts: Any) -> tuple[tuple[Any, ...], None, Any, Any]:
        return parts[:-2], None, parts[-2], parts[-1]

    def forgiving(self, meta: Meta, *parts: Token | None) -> surface.Forgiving:
        *before, length = (to_word(part) for part in parts if part is not None)
        return surface.Forgiving(words=tuple(before), length=length, span=span_of(meta))

    def approximate(self, meta: Meta, *parts: Token) -> surface.Approximate:
        *words, error = (to_word(part) for part in parts)
        return surface.Approximate(words=tuple(words), error=error, span=span_of(meta))

    def across(self, meta: Meta, *parts: Token) -> surface.Across:
        return surface.Across(labels=tuple(to_word(part) for part in parts), span=span_of(meta))

    def table(self, meta: Meta, subject: Any, *lines: Any) -> surface.Table:
        return surface.Table(subject=subject, arms=lines[:-1], ties=lines[-1], span=span_of(meta))

    def ties(self, meta: Meta, _: Token, __: Token, party: Token) -> surface.Ties:
        return surface.Ties(party=to_word(party), span=span_of(meta))

    def range_arm(
        self, meta: Meta, operator: Token, bound: Any, other: Token, limit: Any, value: Any
    ) -> surface.Arm:
        second = surface.Comparison(operator=str(other), bound=limit)
        return surface.Arm(
            operator=str(operator), bound=bound, second=second, value=value, span=span_of(meta)
        )

    def compared_arm(self, meta: Meta, operator: Token, bound: Any, value: Any) -> surface.Arm:
        return surface.Arm(operator=str(operator), bound=bound, value=value, span=span_of(meta))

    def exact_arm(self, meta: Meta, bound: Any, value: Any) -> surface.Arm:
        return surface.Arm(operator="==", bound=bound, value=value, span=span_of(meta))

    def else_arm(self, meta: Meta, value: Any) -> surface.Arm:
        return surface.Arm(operator="else", bound=None, value=value, span=span_of(meta))

    def not_applicable(self, meta: Meta, word: Token) -> surface.NotApplicable:
        return surface.NotApplicable(word=to_word(word), span=span_of(meta))

    def matrix(
        self, meta: Meta, first: Any, second: Any, columns: Any, *rows: surface.MatrixRow
    ) -> surface.Matrix:
        return surface.Matrix(first=first, second=second, columns=columns, rows=rows, span=span_of(meta))

    columns = items

    def row(self, meta: Meta, key: surface.Key, *cells: Any) -> surface.MatrixRow:
        return surface.MatrixRow(key=key, cells=cells, span=span_of(meta))

    def compared_key(self, meta: Meta, operator: Token, bound: Any) -> surface.Key:
        return surface.Key(operator=str(operator), bound=bound, span=span_of(meta))

    def exact_key(self, meta: Meta, bound: Any) -> surface.Key:
        return surface.Key(operator="==", bound=bound, span=span_of(meta))

    def else_key(self, meta: Meta) -> surface.Key:
        return surface.Key(operator="else", bound=None, span=span_of(meta))

    def each(
        self, meta: Meta, period: Token, month: Token | None, starting: Token | None
    ) -> surface.EachWindow:
        return surface.EachWindow(
            period=to_word(period),
            starting=maybe_word(starting),
            month=maybe_word(month),
            span=span_of(meta),
        )

    def each_window(self, meta: Meta, window: surface.EachWindow) -> surface.EachWindow:
        return evolve(window, span=span_of(meta))

    def rolling_window(
        self, meta: Meta, _: Token, length: Token, every: Token | None
    ) -> surface.RollingWindow:
        return surface.RollingWindow(length=to_word(length), every=maybe_word(every), span=span_of(meta))

    def overlapping_window(
        self, meta: Meta, _: Token, count: Token, unit: Token
    ) -> surface.OverlappingWindow:
        return surface.OverlappingWindow(count=to_word(count), unit=to_word(unit), span=span_of(meta))

    def per_outage(self, meta: Meta, word: Token, condition: Any) -> surface.PerOutage:
        return surface.PerOutage(word=to_word(word), condition=condition, span=span_of(meta))

    def during(self, meta: Meta, schedule: Token) -> surface.During:
        return surface.During(schedule=to_word(schedule), span=span_of(meta))

    def excluding(self, meta: Meta, schedule: Token) -> surface.Excluding:
        return surface.Excluding(schedule=to_word(schedule), span=span_of(meta))

    def pausing(self, meta: Meta, condition: Any) -> surface.Pausing:
        return surface.Pausing(condition=condition, span=span_of(meta))

    def by_label(self, meta: Meta, label: surface.Word) -> surface.ByLabel:
        return surface.ByLabel(label=label, span=span_of(meta))

    def word(self, _: Meta, token: Token) -> surface.Word:
        return to_word(token)

    key = word
