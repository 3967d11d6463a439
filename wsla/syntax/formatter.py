"""The one canonical form of a text: same meaning, same comments, one look.

Two blanks of indentation, at most 100 columns, neighbours aligned. A block that was on one line stays there if it fits;
blank lines survive, one at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from wsla.diagnostics.diagnostic import Diagnostic, has_errors
from wsla.diagnostics.source import NOWHERE, SourceText, Span
from wsla.diagnostics.width import display_width
from wsla.syntax import surface
from wsla.syntax.formatter_expressions import chunks, each_window, expression, text_of
from wsla.syntax.formatter_layout import INDENT, Layout, Row, fill, last_width
from wsla.syntax.formatter_reuse import template_head, use
from wsla.syntax.formatter_services import item_name, service_head, service_item
from wsla.syntax.formatter_steps import goal_item, rule_item, target, test_step
from wsla.syntax.parse import parse

_CONTINUED = 3 * INDENT


def format_source(source: SourceText) -> tuple[str | None, tuple[Diagnostic, ...]]:
    """The canonical form of a text, or None and the diagnostics where it has syntax errors."""
    document, problems = parse(source)
    return (None if has_errors(problems) else format_document(document, source)), problems


def format_document(
    document: surface.Document, source: SourceText, closing: Mapping[int, int] | None = None
) -> str:
    """The canonical form of a document that was read from ``source`` without errors.

    Reading it again gives an equal tree, and formatting it again changes nothing. ``closing`` maps the closing braces
    of the source to the opening ones, where that is known.
    """
    layout = Layout(source.text, document.comments, closing)
    return layout.document([_item(item, layout) for item in document.items])


def _item(node: surface.Import | surface.Template | surface.Agreement | surface.Test, layout: Layout) -> Row:
    braces: Span | None
    match node:
        case surface.Import(path=path, span=span):
            return Row(cells=(f"import {text_of(path)}",), span=span, kind="import")
        case surface.Template(body=body, declarations=declarations, span=span):
            head = template_head(node)
            rows = [_declaration(declaration, layout) for declaration in declarations]
            braces = Span(body.start - 1, body.end)
        case surface.Agreement(title=title, version=version, declarations=declarations, span=span):
            amended = f" amends {node.amends.text}" if node.amends else ""
            head = f"agreement {text_of(title)} version {version.text}{amended}"
            rows = [_declaration(declaration, layout) for declaration in declarations]
            braces = layout.block_of(span, (node.amends or version).span)
        case surface.Test(title=title, steps=steps, span=span):
            head = f"test {text_of(title)}"
            rows = [test_step(step, layout) for step in steps]
            braces = layout.block_of(span, title.span)
        case _:
            assert_never(node)
    return Row(cells=(f"{head} {layout.long_block(rows, braces)}",), span=span)


def _declaration(node: surface.Declaration, layout: Layout) -> Row:
    match node:
        case surface.Use(span=span):
            return Row(cells=(use(node),), span=span)
        case surface.Setting(name=name, value=value, span=span):
            return Row(cells=(f"{name.text} {value.text}",), span=span)
        case surface.Effective():
            return _effective(node)
        case surface.Unit(name=name, plural=plural, span=span):
            return Row(cells=(f"unit {name.text}", text_of(plural) if plural else ""), span=span, kind="unit")
        case surface.Party():
            return _party(node, layout)
        case surface.Service():
            return _service(node, layout)
        case surface.Schedule(name=name, hours=hours, span=span):
            head = f"schedule {name.text}"
            rows = [_hours(line) for line in hours]
            block = _block(head, rows, layout.block_of(span, name.span), layout, always=True)
            return Row(cells=(head, block), span=span, kind="schedule")
        case surface.Source():
            return _source(node, layout)
        case surface.Metric():
            return _metric(node, layout)
        case surface.Goal():
            return _goal(node, layout)
        case surface.Rule():
            return _rule(node, layout)
        case surface.Cap(span=span):
            return Row(cells=(_cap(node, layout),), span=span)
        case surface.Recurring(span=span):
            return Row(cells=(_recurring(node),), span=span)
        case _:
            assert_never(node)


def _block(head: str, rows: list[Row], braces: Span | None, layout: Layout, *, always: bool = False) -> str:
    """The block of a declaration behind its head, or nothing where it would be empty."""
    if not rows and not always and not layout.has_comments(braces):
        return ""
    return layout.block(rows, braces, column=last_width(head, INDENT) + 1, indent=INDENT)


def _cap(node: surface.Cap, layout: Layout) -> str:
    match node.amount:
        case surface.Highest(words=words):
            amount = " ".join(word.text for word in words)
        case formula:
            amount = expression(formula, layout, INDENT)
    match node.window:
        case surface.EachWindow():
            window = each_window(node.window)
        case surface.LastPeriods(count=count, unit=unit):
            window = f"over last {count.text} {unit.text}"
        case _:
            assert_never(node.window)
    return f"cap {node.what.text} to {node.party.text} at {amount} {window}"


def _recurring(node: surface.Recurring) -> str:
    targets = ", ".join(target(one) for one in node.targets)
    text = f"{node.verb.text} {node.what.text} {node.among.text} {targets} {each_window(node.window)}"
    for word, written in (("after", node.after), ("at", node.at), ("for", node.length)):
        text += "" if written is None else f" {word} {written.text}"
    return text if node.title is None else f"{text} {text_of(node.title)}"


def _effective(node: surface.Effective) -> Row:
    until = f" until {node.until.text}" if node.until else ""
    zone = f" in {text_of(node.zone)}" if node.zone else ""
    words = "".join(f" {word.text}" for word in node.under_way)
    under_way = f" for{words}" if words else ""
    return Row(cells=(f"effective {node.start.text}{until}{zone}{under_way}",), span=node.span)


def _party(node: surface.Party, layout: Layout) -> Row:
    title = text_of(node.title) if node.title else ""
    roles = " ".join(role.text for role in node.roles)
    head = " ".join(part for part in (f"party {node.name.text}", title, roles) if part)
    rows = [
        Row(
            cells=(
                channel.name.text,
                (f"{channel.kind.text} " if channel.kind else "")
                + text_of(channel.address)
                + (f" signed {text_of(channel.secret)}" if channel.secret else ""),
            ),
            span=channel.span,
            kind="channel",
        )
        for channel in node.channels or ()
    ]
    parts = (node.name, node.title, *node.roles)
    after = max((part.span for part in parts if part is not None), key=lambda span: span.end, default=NOWHERE)
    block = _block(head, rows, layout.block_of(node.span, after), layout, always=node.channels is not None)
    return Row(cells=(f"party {node.name.text}", title, roles, block), span=node.span, kind="party")


def _service(node: surface.Service, layout: Layout) -> Row:
    title, after = service_head(node)
    head = f"service {node.name.text} {title}".rstrip()
    rows = [
        Row(cells=(item_name(item), service_item(item, layout, 2 * INDENT)), span=item.span, kind="item")
        for item in node.items or ()
    ]
    block = _block(head, rows, layout.block_of(node.span, after), layout)
    return Row(cells=(f"service {node.name.text}", title, block), span=node.span, kind="service")


def _hours(node: surface.Hours) -> Row:
    days = ", ".join(_day(day) for day in node.days)
    rest = ", ".join(f"{clock.start.text}-{clock.end.text}" for clock in node.clock_ranges)
    if node.exceptions:
        rest += f"{' ' if rest else ''}except {', '.join(_day(day) for day in node.exceptions)}"
    return Row(cells=(days, rest), span=node.span, kind="hours")


def _day(node: surface.Day) -> str:
    match node:
        case surface.Weekdays(first=first, last=last):
            return first.text + (f"-{last.text}" if last else "")
        case surface.EveryDay(unit=unit):
            return f"every {unit.text}"
        case surface.Dates(first=first, last=last):
            return first.text + (f" until {last.text}" if last else "")
        case surface.Holidays(country=country):
            return f"holidays {text_of(country)}"
        case _:
            assert_never(node)


def _source(node: surface.Source, layout: Layout) -> Row:
    options = (("every", node.every), ("timeout", node.timeout), ("by", node.measured_by))
    parts = [kind.text for kind in node.kinds] + [text_of(text) for text in node.texts]
    parts += [f"{word} {value.text}" for word, value in options if value is not None]
    name = f"source {node.name.text}"
    body = "= " + " ".join(parts)
    head = f"{name} {body}"
    rows = [
        Row(cells=(field.name.text, _field_value(field)), span=field.span, kind="field")
        for field in node.fields or ()
    ]
    after = Span(0, 0)
    for part in (*node.kinds, *node.texts, *(value for _, value in options)):
        after = after.to(part.span) if part is not None else after
    block = _block(head, rows, layout.block_of(node.span, after), layout, always=node.fields is not None)
    return Row(cells=(name, f"{body} {block}".rstrip()), span=node.span, kind="source")


def _field_value(node: surface.Field) -> str:
    value = text_of(node.value) if isinstance(node.value, surface.Text) else node.value.text
    return ("until " if node.until else "") + value + (f" in {node.unit.text}" if node.unit else "")


def _metric(node: surface.Metric, layout: Layout) -> Row:
    name = f"metric {node.name.text}"
    column = INDENT + display_width(name) + len(" = ")
    parts = chunks(node.expression, layout, INDENT)
    if node.idle is not None:
        parts[-1] += ","
        parts.append(f"or {expression(node.idle, layout, INDENT)} when idle")
    return Row(cells=(name, f"= {fill(parts, column=column, indent=column)}"), span=node.span, kind="metric")


def _goal(node: surface.Goal, layout: Layout) -> Row:
    name = f"goal {node.name.text}{f' for {node.service.text}' if node.service else ''}:"
    column = INDENT + display_width(f"{name} {node.party.text} ")
    first, *rest = chunks(node.condition, layout, INDENT)
    parts = [f"guarantees {first}", *rest]
    after = node.condition.span
    if node.provided is not None:
        first, *rest = chunks(node.provided, layout, INDENT)
        parts += [f"provided {first}", *rest]
        after = after.to(node.provided.span)
    condition = fill(parts, column=column, indent=_CONTINUED, reserve=len(" {"))
    rows = [goal_item(item, layout, 2 * INDENT) for item in node.items or ()]
    head = f"{name} {node.party.text} {condition}"
    block = _block(head, rows, layout.block_of(node.span, after), layout)
    return Row(cells=(name, node.party.text, condition, block), span=node.span, kind="goal")


def _rule(node: surface.Rule, layout: Layout) -> Row:
    first, *rest = chunks(node.condition, layout, INDENT)
    parts = [f"when {first}", *rest]
    after = node.condition.span
    if node.holding_for is not None:
        parts.append(f"for {node.holding_for.text}")
        after = after.to(node.holding_for.span)
    if node.often is not None:
        often = node.often
        parts.append(f"at {often.word.text} {often.count.text} each {often.length.text}")
        after = after.to(often.span)
    head = fill(parts, column=INDENT, indent=_CONTINUED, reserve=len(" {"))
    rows = [rule_item(item, layout, 2 * INDENT) for item in node.items]
    block = _block(head, rows, layout.block_of(node.span, after), layout, always=True)
    return Row(cells=(f"{head} {block}",), span=node.span)
