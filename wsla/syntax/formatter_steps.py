"""Actions of goals and rules, and the steps of tests, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.syntax.formatter_expressions import expression, quoted, text_of
from wsla.syntax.formatter_layout import INDENT, Layout, Row, fill


def action(node: surface.Action, layout: Layout, indent: int, column: int | None = None) -> str:
    """An action as text; ``indent`` is that of its line, and ``column`` where on it the action begins."""
    match node:
        case surface.Tell(verb=verb, targets=targets, message=message):
            told = f"{verb.text} {', '.join(target(one) for one in targets)}"
            return f"{told} {text_of(message)}" if message else told
        case surface.Credit():
            return _credit(node, layout, indent, indent if column is None else column)
        case surface.Grant(target=whom, right=right):
            return f"grant {target(whom)} {text_of(right)}"
        case _:
            assert_never(node)


def _credit(node: surface.Credit, layout: Layout, indent: int, column: int) -> str:
    parts = [f"credit {target(node.target)} {expression(node.amount, layout, indent)}"]
    if node.blocks is not None:
        blocks = node.blocks
        value = expression(blocks.value, layout, indent)
        parts.append(f"per {blocks.rounding.text} {blocks.size.text} of {value}")
    if node.length is not None:
        parts.append(f"for {expression(node.length, layout, indent)}")
    if node.debtor is not None:
        parts.append(f"from {node.debtor.text}")
    for word, limit in (("at", node.ceiling), ("only", node.floor)):
        if limit is not None:
            parts.append(f"{word} {limit.word.text} {expression(limit.amount, layout, indent)}")
    if node.claim is not None:
        within, first, second = (word.text for word in node.claim.words)
        parts.append(f"claimed {within} {node.claim.length.text} of {first} {second}")
    return fill(parts, column=column, indent=indent + 2 * INDENT)


def target(node: surface.Target) -> str:
    """``party`` or ``party.channel``."""
    return node.party.text + (f".{node.channel.text}" if node.channel else "")


def goal_item(node: surface.GoalItem, layout: Layout, indent: int) -> Row:
    """An item of a goal as a row."""
    match node:
        case surface.Otherwise(actions=actions, span=span):
            return Row(cells=(_actions("otherwise", actions, span, layout, indent),), span=span)
        case surface.Rewarding(actions=actions, span=span):
            return Row(cells=(_actions("rewarding", actions, span, layout, indent),), span=span)
        case surface.UnknownTime(words=words, span=span):
            return Row(cells=(" ".join(["unknown", *(word.text for word in words)]),), span=span)
        case surface.Coverage(minimum=minimum, span=span):
            return Row(cells=(f"coverage {minimum.text}",), span=span)
        case _:
            assert_never(node)


def rule_item(node: surface.RuleItem, layout: Layout, indent: int) -> Row:
    """An item of a rule as a row."""
    match node:
        case surface.AtOnce(action=at_once, span=span):
            return Row(cells=(action(at_once, layout, indent),), span=span)
        case surface.Repeat(every=every, span=span):
            return Row(cells=(f"repeat every {every.text}",), span=span)
        case surface.After(delay=delay, actions=actions, span=span):
            return Row(cells=(_actions(f"after {delay.text}:", actions, span, layout, indent),), span=span)
        case surface.Recovery(actions=actions, span=span):
            return Row(cells=(_actions("on recovery:", actions, span, layout, indent),), span=span)
        case _:
            assert_never(node)


def _actions(head: str, actions: Sequence[surface.Action], span: Span, layout: Layout, indent: int) -> str:
    """One action behind its head; several, or one with comments, in braces."""
    braces = layout.block_of(span, Span(span.start, span.start))
    if braces is not None and actions and braces.start > actions[0].span.start:
        braces = None
    if len(actions) == 1 and not layout.has_comments(braces):
        return f"{head} {action(actions[0], layout, indent, indent + len(head) + 1)}"
    rows = [Row(cells=(action(one, layout, indent + INDENT),), span=one.span) for one in actions]
    return f"{head} {layout.block(rows, braces, column=indent + len(head) + 1, indent=indent)}"


def test_step(node: surface.Given | surface.Expectation, layout: Layout) -> Row:
    """A step of a test as a row."""
    match node:
        case surface.Given(span=span):
            return Row(cells=(_given(node, layout),), span=span)
        case surface.ExpectVerdict(goal=goal, verdict=verdict, occasion=occasion, labels=labels, span=span):
            parts = [f"expect {goal.text} {verdict}", *_occasion(occasion), *_labels(labels)]
        case surface.ExpectValue(operator=operator, occasion=occasion, labels=labels, span=span):
            left, right = (expression(side, layout, INDENT) for side in (node.left, node.right))
            parts = [f"expect {left} {operator} {right}", *_occasion(occasion), *_labels(labels)]
        case surface.ExpectCredit(amount=amount, occasion=occasion, span=span):
            parts = [f"expect {'no ' if node.negated else ''}credit {target(node.target)}"]
            parts += [expression(amount, layout, INDENT)] if amount else []
            parts += [f"claimed at {node.claimed.text}"] if node.claimed else []
            parts += _occasion(occasion)
        case surface.ExpectAction(verb=verb, text=text, occasion=occasion, span=span):
            parts = [f"expect {'no ' if node.negated else ''}{verb} {target(node.target)}"]
            parts += [text_of(text)] if text else []
            parts += _occasion(occasion)
        case _:
            assert_never(node)
    return Row(cells=(" ".join(parts),), span=span)


def _given(node: surface.Given, layout: Layout) -> str:
    assignments = [
        f"{one.source.text}.{one.field.text} ="
        f" {'unknown' if one.value is None else expression(one.value, layout, INDENT)}"
        for one in node.assignments
    ]
    parts = [f"{assignment}," for assignment in assignments[:-1]] + assignments[-1:]
    options = (
        ("every", node.every),
        ("at", node.at),
        ("from", node.start),
        ("until", node.until),
        ("for", node.length),
    )
    parts += [f"{word} {value.text}" for word, value in options if value is not None]
    return "given " + fill(parts, column=INDENT + 6, indent=INDENT + 6)


def _occasion(occasion: surface.Occasion | None) -> list[str]:
    return [] if occasion is None else [f"{occasion.preposition} {occasion.text}"]


def _labels(labels: Sequence[surface.LabelValue]) -> list[str]:
    if not labels:
        return []
    return ["where " + " and ".join(f"{one.label.text} == {quoted(one.value.value)}" for one in labels)]
