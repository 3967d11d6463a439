"""How `wsla test` tells its results: lines for people, values for machines, JUnit's XML for build servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

import click
from attrs import frozen

from wsla.analysis.types import ValueType
from wsla.cli.files import Unreadable, plural
from wsla.cli.paint import Paint
from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText
from wsla.diagnostics.width import visible
from wsla.evaluation.verdicts import SeriesValue, Verdict
from wsla.plan.model import Plan
from wsla.reporting.verdicts import exact, labels_text, value_text
from wsla.testing.coverage import Covered
from wsla.testing.examples import ExampleResult
from wsla.testing.findings import Evidence, Fact, Ground, Item, State
from wsla.values.calendars import CalendarWindow, find_zone, label_of
from wsla.values.instants import MILLISECOND, SECOND, Interval, format_instant, format_length, to_datetime
from wsla.values.quantities import format_percentage

_CELLS = {
    State.GOOD: (Verdict.MET, "▁"),
    State.BAD: (Verdict.VIOLATED, "█"),
    State.UNKNOWN: (Verdict.UNKNOWN, "░"),
    State.NOTHING: (Verdict.NOT_APPLICABLE, "·"),
}
_OF_PROMISE = {
    State.GOOD: "good",
    State.BAD: "bad",
    State.UNKNOWN: "unknown",
    State.NOTHING: "not looked at",
}
# What a rule waits for is neither good nor bad.
_OF_CONDITION = _OF_PROMISE | {State.GOOD: "false", State.BAD: "true"}


@frozen(kw_only=True)
class Ran:
    """A test that was run, with the agreement's title and the text that it stands in."""

    source: SourceText
    agreement: str
    plan: Plan
    result: ExampleResult


@frozen(kw_only=True)
class Part:
    """A part of an agreement that tests can reach, with the text that it stands in."""

    source: SourceText
    agreement: str
    part: Covered


# --- for people


def print_result(ran: Ran, paint: Paint) -> None:
    """A line for a test; for one that failed, what was found, and why."""
    mark = paint.text("passed", "green") if ran.result.passed else paint.text("FAILED", "red")
    click.echo(f"{mark}  {ran.source.name}: {visible(ran.result.title)}")
    for line in failure_lines(ran, paint):
        click.echo(f"        {line}")


def print_coverage(parts: Sequence[Part], paint: Paint) -> None:
    """What no test reaches, by place; and how much is reached."""
    missing = [part for part in parts if not part.part.reached]
    if missing:
        click.echo(paint.text("No test reaches:", bold=True))
    for one in missing:
        line, column = one.source.position(one.part.span.start)
        kind = {"goal": "goal ", "arm": "line ", "reaction": ""}[one.part.kind]
        click.echo(f"  {one.source.name}:{line}:{column}: {kind}`{visible(one.part.text)}`")
    click.echo(f"covered {len(parts) - len(missing)} of {len(parts)}")


def failure_lines(ran: Ran, paint: Paint | None) -> list[str]:
    """What is said of a test's failures; ``paint`` is None where any character can be shown.

    What several expectations rest on is shown once.
    """
    lines: list[str] = []
    told: list[Evidence] = []
    for failure in ran.result.failures:
        line, column = ran.source.position(failure.span.start)
        lines.append(f"{ran.source.name}:{line}:{column}: {failure.message}")
        lines.append(f"    | {visible(ran.source.line(line).strip())}")
        for evidence in failure.evidence:
            if evidence in told:
                lines.append(f"    {_heading(ran.plan, evidence)}: see above")
                continue
            told.append(evidence)
            lines += [f"    {text}" for text in _evidence_lines(ran.plan, evidence, paint)]
        lines += [f"    {detail}" for detail in failure.details]
    return lines


def _evidence_lines(plan: Plan, evidence: Evidence, paint: Paint | None) -> list[str]:
    rows: list[tuple[str, str]] = []
    if evidence.verdict is not None:
        rows.append(("verdict", evidence.verdict))
    if evidence.value is not None and evidence.kind is not None:
        value, kind = evidence.value, evidence.kind
        rows.append(("measured", value_text(value.value, kind)))
        rows.append(("bounds", _bounds(value, kind)))
        if evidence.promised is not None:
            rows.append(("promised", evidence.promised))
        rows.append(("known", format_percentage(value.coverage, 2)))
    lines = [_heading(plan, evidence), *(f"    {name:<9} {text}" for name, text in rows)]
    for ground in evidence.grounds:
        lines += [f"    {text}" for text in _ground_lines(plan, evidence, ground, paint)]
    return lines


def _heading(plan: Plan, evidence: Evidence) -> str:
    labels = labels_text(evidence.labels)
    return f"`{evidence.name}`{' ' if labels else ''}{visible(labels)} in {_window(plan, evidence)}"


def _bounds(value: SeriesValue, kind: ValueType) -> str:
    """What the value may be, whatever the unknown part was."""
    lower, upper = (None if one is None else value_text(one, kind) for one in (value.lower, value.upper))
    if lower is None and upper is None:
        return "none"
    if lower is None or upper is None:
        return f"at most {upper}" if lower is None else f"at least {lower}"
    return "exactly this" if value.lower == value.upper == value.value else f"{lower} to {upper}"


def _window(plan: Plan, evidence: Evidence) -> str:
    """The window's name where it has one, and its bounds."""
    units = {goal.window.unit for goal in plan.goals if isinstance(goal.window, CalendarWindow)}
    for unit in sorted(units, key=lambda unit: unit.value):
        label = label_of(evidence.window, unit, plan.zone)
        if ".." not in label:
            return label
    return _stretch(evidence.window, plan.zone)


def _stretch(stretch: Interval, zone_name: str) -> str:
    """A stretch of local time; what both ends share of the date is said once."""
    zone = find_zone(zone_name)
    start, end = _local(stretch.start, zone_name), _local(stretch.end, zone_name)
    first, last = to_datetime(stretch.start, zone), to_datetime(stretch.end, zone)
    if first.date() == last.date() and first.utcoffset() == last.utcoffset():
        end = end.partition(" ")[2]
    return f"{start} to {end}"


def _local(instant: int, zone_name: str) -> str:
    """``2026-03-04 10:00``: local time, with seconds only where there are any."""
    if instant % SECOND == 1:
        # A test ends one nanosecond after the last instant that it speaks of.
        instant -= 1
    day, _, rest = format_instant(instant, find_zone(zone_name)).partition("T")
    time = rest[:5] if rest[5:8] == ":00" and rest[8] != "." else rest[:-6]
    return f"{day} {time}"


def _length(nanoseconds: int) -> str:
    """A length to the millisecond, as far as it has one."""
    return format_length(nanoseconds // MILLISECOND * MILLISECOND)


def _ground_lines(plan: Plan, evidence: Evidence, ground: Ground, paint: Paint | None) -> list[str]:
    time = ground.counted == "time"

    def amount(number: int) -> str:
        return _length(number) if time else plural(number, ground.counted.removesuffix("s"))

    words = _OF_CONDITION if evidence.kind is None else _OF_PROMISE
    bad = words[State.BAD]
    about = f"{amount(ground.bad)} {bad}, {amount(ground.unknown)} unknown, of {amount(ground.total)}"
    lines = [f"{'based on':<9} {ground.name}: {about}" if evidence.kind else f"{'condition':<9} {about}"]
    lines.append(f"{'timeline':<9} {_timeline(ground.timeline, paint, words)}")
    lines += [f"{'':<9} {_item_text(plan, item, words)}" for item in ground.items]
    if ground.left_out:
        lines.append(f"{'':<9} and {ground.left_out} more")
    elif not ground.items:
        lines.append(f"{'':<9} nothing here was {bad} or unknown")
    return lines


def _timeline(states: Sequence[State], paint: Paint | None, words: Mapping[State, str]) -> str:
    def picture(cells: Iterable[State]) -> str:
        if paint is None:
            return "".join(_CELLS[cell][1] for cell in cells)
        return paint.timeline([_CELLS[cell][0] for cell in cells])

    legend = ", ".join(f"{picture([state])} {words[state]}" for state in State if state in states)
    return f"{picture(states)}  {legend}"


def _item_text(plan: Plan, item: Item, words: Mapping[State, str]) -> str:
    if item.end is None:
        when = _local(item.start, plan.zone)
    else:
        stretch = Interval(item.start, item.end)
        when = f"{_stretch(stretch, plan.zone)} ({_length(stretch.length)})"
    facts = ", ".join(_fact_text(fact) for fact in item.facts)
    return f"{when}  {words[item.state]}{': ' if facts else ''}{facts}"


def _fact_text(fact: Fact) -> str:
    if not fact.values:
        return f"no observation of {fact.name}"
    shown = [visible(value_text(value, fact.kind)) for value in fact.values[:3]]
    numbers = all(isinstance(value, int | Fraction) and not isinstance(value, bool) for value in fact.values)
    text = f"{shown[0]} to {shown[1]}" if numbers and len(shown) == 2 else ", ".join(shown)
    return f"{fact.name} = {text}{', …' if len(fact.values) > len(shown) else ''}"


# --- for machines


def result_value(ran: Ran) -> dict[str, Any]:
    """A test for machines."""
    result = ran.result
    return {
        "path": ran.source.name,
        "agreement": ran.agreement,
        "title": result.title,
        "line": ran.source.position(result.span.start)[0],
        "passed": result.passed,
        "observations": result.observations,
        "failures": [
            {
                "line": ran.source.position(failure.span.start)[0],
                "column": ran.source.position(failure.span.start)[1],
                "message": failure.message,
                "details": list(failure.details),
                "evidence": [_evidence_value(ran.plan, evidence) for evidence in failure.evidence],
            }
            for failure in result.failures
        ],
    }


def _evidence_value(plan: Plan, evidence: Evidence) -> dict[str, Any]:
    zone = find_zone(plan.zone)
    value = evidence.value
    return {
        "name": evidence.name,
        "labels": dict(evidence.labels),
        "start": format_instant(evidence.window.start, zone),
        "end": format_instant(evidence.window.end, zone),
        "verdict": evidence.verdict,
        "promised": evidence.promised,
        "value": None if value is None else exact(value.value),
        "lower": None if value is None else exact(value.lower),
        "upper": None if value is None else exact(value.upper),
        "coverage": None if value is None else exact(value.coverage),
        "based_on": [_ground_value(plan, ground) for ground in evidence.grounds],
    }


def _ground_value(plan: Plan, ground: Ground) -> dict[str, Any]:
    zone = find_zone(plan.zone)
    return {
        "name": ground.name,
        "counted": ground.counted,
        "total": ground.total,
        "bad": ground.bad,
        "unknown": ground.unknown,
        "left_out": ground.left_out,
        "items": [
            {
                "start": format_instant(item.start, zone),
                "end": None if item.end is None else format_instant(item.end, zone),
                "state": item.state.value,
                "observed": {fact.name: [exact(value) for value in fact.values] for fact in item.facts},
            }
            for item in ground.items
        ],
        "timeline": [state.value for state in ground.timeline],
    }


def coverage_value(parts: Sequence[Part]) -> dict[str, Any]:
    """What the tests reach, for machines."""
    return {
        "covered": sum(one.part.reached for one in parts),
        "of": len(parts),
        "parts": [
            {
                "path": one.source.name,
                "line": one.source.position(one.part.span.start)[0],
                "column": one.source.position(one.part.span.start)[1],
                "agreement": one.agreement,
                "kind": one.part.kind,
                "text": one.part.text,
                "reached": one.part.reached,
            }
            for one in parts
        ],
    }


# --- for build servers


def junit(results: Sequence[Ran], problems: Sequence[Diagnostic], unreadable: Sequence[Unreadable]) -> bytes:
    """JUnit's XML: a suite for each agreement, and one for each file that could not be checked."""
    suites = ElementTree.Element("testsuites", name="wsla test")
    groups: dict[tuple[str, str], list[Ran]] = {}
    for ran in results:
        groups.setdefault((ran.source.name, ran.agreement), []).append(ran)
    for (path, agreement), group in groups.items():
        failed = sum(not ran.result.passed for ran in group)
        suite = _suite(suites, agreement, path, len(group), failures=failed)
        for ran in group:
            line = ran.source.position(ran.result.span.start)[0]
            case = _case(suite, ran.result.title, path, line)
            if not ran.result.passed:
                message = "; ".join(failure.message for failure in ran.result.failures)
                failure = ElementTree.SubElement(case, "failure", message=_xml(message), type="expectation")
                failure.text = "\n".join(_xml(text) for text in failure_lines(ran, None))
    by_path: dict[str, list[tuple[int, str]]] = {}
    for found in problems:
        line, column = found.position
        told = f"{found.source.name}:{line}:{column}: {found.severity.value}[{found.code}]: {found.message}"
        by_path.setdefault(found.source.name, []).append((line, told))
    for missing in unreadable:
        by_path.setdefault(missing.path, []).append(
            (1, f"{missing.path}: error[{missing.code}]: {missing.reason}")
        )
    for path, told_there in by_path.items():
        suite = _suite(suites, path, path, 1, errors=1)
        case = _case(suite, "the file has no errors", path, told_there[0][0])
        error = ElementTree.SubElement(case, "error", message=_xml(told_there[0][1]), type="check")
        error.text = "\n".join(_xml(text) for _, text in told_there)
    for name in ("tests", "failures", "errors"):
        suites.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    ElementTree.indent(suites)
    document: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite(
    suites: ElementTree.Element, name: str, path: str, tests: int, *, failures: int = 0, errors: int = 0
) -> ElementTree.Element:
    return ElementTree.SubElement(
        suites,
        "testsuite",
        name=_xml(name),
        file=_xml(path),
        tests=str(tests),
        failures=str(failures),
        errors=str(errors),
        skipped="0",
    )


def _case(suite: ElementTree.Element, title: str, path: str, line: int) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", name=_xml(title), classname=suite.get("name", ""), file=_xml(path), line=str(line)
    )


def _xml(text: str) -> str:
    """The text without characters that XML has no way to write; they are spelled out."""
    return visible(text)
