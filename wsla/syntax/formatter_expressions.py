"""Expressions as text: words, quoted texts, operators with blanks, tables with their values below each other."""

from __future__ import annotations

from typing import assert_never

from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.syntax.formatter_layout import Layout, Row

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"})


def quoted(value: str) -> str:
    """A value as a quoted text."""
    return f'"{value.translate(_ESCAPES)}"'


def text_of(text: surface.Text) -> str:
    """A quoted text, the parameter that stands for one, or ``env NAME``."""
    if text.parameter:
        return text.value
    return f"env {text.value}" if text.environment else quoted(text.value)


def expression(node: surface.Expression, layout: Layout, indent: int) -> str:
    """An expression on one line, except for tables that have lines of their own; ``indent`` is that of its line."""
    match node:
        case surface.Quantity(text=text) | surface.Moment(text=text):
            return text
        case surface.String(value=value, parameter=parameter):
            return value if parameter else quoted(value)
        case surface.Truth(value=truth):
            return "true" if truth else "false"
        case surface.Reference():
            return node.text
        case surface.Call():
            return _call(node, layout, indent)
        case surface.Binary(operator=operator, left=left, right=right):
            return f"{expression(left, layout, indent)} {operator} {expression(right, layout, indent)}"
        case surface.Unary(operator="not", operand=operand):
            return f"not {expression(operand, layout, indent)}"
        case surface.Unary(operator=operator, operand=operand):
            return f"{operator}{expression(operand, layout, indent)}"
        case surface.Parenthesised(inner=inner):
            return f"({expression(inner, layout, indent)})"
        case surface.GoalState():
            return _goal_state(node)
        case surface.Table():
            return _table(node, layout, indent)
        case surface.Matrix():
            return _matrix(node, layout, indent)
        case surface.NotApplicable():
            return f"not {node.word.text}"
        case surface.Windowed(operand=operand, modifiers=modifiers):
            parts = [expression(operand, layout, indent)]
            parts += [modifier(part, layout, indent) for part in modifiers]
            return " ".join(parts)
        case _:
            assert_never(node)


def chunks(node: surface.Expression, layout: Layout, indent: int) -> list[str]:
    """An expression in the parts between which a line may break: before operators and before modifiers."""
    match node:
        case surface.Binary(operator=operator, left=left, right=right):
            first, *rest = chunks(right, layout, indent)
            return [*chunks(left, layout, indent), f"{operator} {first}", *rest]
        case surface.Windowed(operand=operand, modifiers=modifiers):
            parts = [modifier(part, layout, indent) for part in modifiers]
            return [*chunks(operand, layout, indent), *parts]
        case _:
            return [expression(node, layout, indent)]


def modifier(node: surface.Modifier, layout: Layout, indent: int) -> str:
    """A modifier as text."""
    match node:
        case surface.EachWindow():
            return each_window(node)
        case surface.RollingWindow(length=length, every=every):
            return f"over last {length.text}" + (f" every {every.text}" if every else "")
        case surface.OverlappingWindow(count=count, unit=unit):
            return f"over last {count.text} {unit.text}"
        case surface.PerOutage(word=word, condition=condition):
            of = "" if condition is None else f" of {expression(condition, layout, indent)}"
            return f"per {word.text}{of}"
        case surface.During(schedule=schedule):
            return f"during {schedule.text}"
        case surface.Excluding(schedule=schedule):
            return f"excluding {schedule.text}"
        case surface.Pausing(condition=condition):
            return f"pausing while {expression(condition, layout, indent)}"
        case surface.ByLabel(label=label):
            return f"by {label.text}"
        case _:
            assert_never(node)


def each_window(node: surface.EachWindow) -> str:
    """``each month starting 15th``, ``each year starting April 6th``."""
    if node.starting is None:
        return f"each {node.period.text}"
    month = "" if node.month is None else f"{node.month.text} "
    return f"each {node.period.text} starting {month}{node.starting.text}"


def _call(node: surface.Call, layout: Layout, indent: int) -> str:
    inner = ", ".join([expression(argument, layout, indent) for argument in node.arguments])
    if node.across is not None:
        labels = ", ".join(label.text for label in node.across.labels)
        inner += f"{' ' if inner else ''}across {labels}"
    if node.where is not None:
        inner += f"{' ' if inner else ''}where {expression(node.where, layout, indent)}"
    if node.forgiving is not None:
        words = (*node.forgiving.words, node.forgiving.length)
        inner += ", " + " ".join(word.text for word in words)
    if node.approximate is not None:
        words = (*node.approximate.words, node.approximate.error)
        inner += ", " + " ".join(word.text for word in words)
    return f"{node.function.text}({inner})"


def _goal_state(node: surface.GoalState) -> str:
    stated = f"{node.goal.text} {node.verdict}"
    if node.count is None or node.of_last is None or node.unit is None:
        return stated
    return f"{stated} in {node.count.text} of last {node.of_last.text} {node.unit.text}"


def _table(node: surface.Table, layout: Layout, indent: int) -> str:
    head = f"by {expression(node.subject, layout, indent)}"
    rows = [
        Row(
            cells=(f"{_bound(arm, layout, indent + 2)}:", expression(arm.value, layout, indent + 2)),
            span=arm.span,
            kind="arm",
        )
        for arm in node.arms
    ]
    if node.ties is not None:
        rows.append(Row(cells=(f"ties go to {node.ties.party.text}",), span=node.ties.span, kind="ties"))
    braces = layout.block_of(node.span, node.subject.span)
    return f"{head} {layout.block(rows, braces, column=indent + len(head) + 1, indent=indent)}"


def _matrix(node: surface.Matrix, layout: Layout, indent: int) -> str:
    first, second = (expression(part, layout, indent) for part in (node.first, node.second))
    head = f"by {first}, {second}"
    columns = _separated([_bound(column, layout, indent + 2) for column in node.columns])
    span = Span(node.columns[0].span.start, node.columns[-1].span.end)
    rows = [Row(cells=("", *columns), span=span, kind="row")]
    for row in node.rows:
        cells = _separated([expression(cell, layout, indent + 2) for cell in row.cells])
        key = f"{_bound(row.key, layout, indent + 2)}:"
        rows.append(Row(cells=(key, *cells), span=row.span, kind="row"))
    braces = layout.block_of(node.span, node.second.span)
    return f"{head} {layout.block(rows, braces, column=indent + len(head) + 1, indent=indent)}"


def _separated(cells: list[str]) -> list[str]:
    return [*(f"{cell}," for cell in cells[:-1]), cells[-1]]


def _bound(arm: surface.Arm | surface.Key, layout: Layout, indent: int) -> str:
    if arm.bound is None:
        return "else"
    bound = expression(arm.bound, layout, indent)
    literal = isinstance(arm.bound, surface.Quantity | surface.String | surface.Truth | surface.Moment)
    if isinstance(arm, surface.Arm) and arm.second is not None:
        limit = expression(arm.second.bound, layout, indent)
        return f"{arm.operator} {bound} and {arm.second.operator} {limit}"
    return bound if arm.operator == "==" and literal else f"{arm.operator} {bound}"
