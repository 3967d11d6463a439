"""What WSLA can say comes back as it was: an agreement, exported and imported again, means the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

import wsla
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import FORMATS, exporter, import_text

from ..unit.interop.wsla_schema import broken

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus" / "wsla"
HEAD = """\
agreement "Round trip" version 1 {
  effective 2026-01-01T00:00Z until 2026-03-01T00:00Z
  grace 1m
  party host provider { page webhook "https://host.example/n"  post email "a@host.example" }
  party Shop_Co "Shop & Co" consumer
  party third measurer manager
  service orders
  service search
"""
SERIES = ("fast", "slow")


def exported(text: str) -> tuple[str, wsla.Agreement, list[str]]:
    """The document of an agreement, and what it does not say."""
    agreement = wsla.loads(text)
    made = exporter(FORMATS["wsla"]).export_agreement(agreement.checked, agreement.source)
    (file,) = made.files
    return file.text, agreement, [one.message for one in made.diagnostics]


def again(document: str) -> wsla.Agreement:
    _, found = import_text(SourceText(name="a.xml", text=document))
    assert found.text is not None
    assert [one.message for one in found.diagnostics if one.code != "W1010"] == []
    return wsla.loads(found.text)


def meaning(agreement: wsla.Agreement) -> object:
    """An agreement without the order in which its formulas were met: each promise and rule as a tree."""
    plan = agreement.checked

    def tree(value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            return node(plan.operations[value])
        return value

    def node(operation: object) -> object:
        inputs = {"left", "right", "operand", "argument", "where", "subject", "otherwise", "bound", "value"}
        shown: list[object] = [type(operation).__name__]
        for one in type(operation).__attrs_attrs__:  # type: ignore[attr-defined]
            got = getattr(operation, one.name)
            if one.name == "span":
                continue
            if one.name == "arms":
                shown.append(tuple(node(arm) for arm in got))
            elif one.name in inputs and type(operation).__name__ != "Constant":
                shown.append((one.name, tree(got)))
            else:
                shown.append((one.name, got))
        return tuple(map(str, shown))

    goals = [
        (
            one.name,
            one.party,
            tree(one.condition),
            tree(one.provided),
            one.window,
            one.otherwise,
            one.rewarding,
        )
        for one in plan.goals
    ]
    rules = [
        (tree(one.trigger), one.holding_for, one.actions, one.repeat_every, one.on_recovery)
        for one in plan.rules
    ]
    sources = [
        (
            one.name,
            one.kind,
            one.options,
            one.every,
            one.timeout,
            one.measured_by,
            {f.name for f in one.fields},
        )
        for one in plan.sources
    ]
    metrics = {name: tree(one) for name, one in plan.metrics.items()}
    terms = (plan.title, plan.effective_start, plan.effective_end, plan.grace, plan.parties, plan.services)
    return terms, goals, rules, sources, metrics


numbers = st.sampled_from(["0", "1", "0.8", "97.5", "1000"])


@st.composite
def series(draw: DrawFn) -> tuple[str, str, str]:
    """(formula, kind, its tick) over the two time series or over readings."""
    name = draw(st.sampled_from(SERIES))
    tick, lengths = ("5m", ("1h", "30m", "1d")) if name == "fast" else ("1h", ("2h", "1d"))
    window = f"over last {draw(st.sampled_from(lengths))} every {tick}"
    number = draw(numbers)
    kind = draw(
        st.sampled_from(
            ["plain", "aggregate", "share", "count", "streak", "size", "readings", "select", "valid"]
        )
    )
    match kind:
        case "plain":
            return name, "number", tick
        case "aggregate":
            function = draw(st.sampled_from(["mean", "median", "mode", "sum", "max"]))
            return f"{function}({name}) {window}", "number", tick
        case "share":
            operator = draw(st.sampled_from("<>"))
            return f"share({name} {operator} {number}) {window}", "share", tick
        case "count":
            operator = draw(st.sampled_from(["<", ">", "=="]))
            return f"count({name} where {name} {operator} {number}) {window}", "number", tick
        case "streak":
            return f"streak({name} == {number}) {window}", "number", tick
        case "valid":
            function = draw(st.sampled_from([f"mean({name} where", f"count({name} where {name} > 3 and"]))
            if function.startswith("count"):
                return f"count({name} where state_{name} == 1 and {name} > {number}) {window}", "number", tick
            return f"{function} state_{name} == 1) {window}", "number", tick
        case "size":
            return f"count({name}) {window}", "number", tick
        case "readings":
            reading = "node.load" if name == "fast" else "calls.value"
            return f"{draw(st.sampled_from(['mean', 'max', 'median']))}({reading}) {window}", "number", tick
        case _:
            return f"previous(previous({name}))", "number", tick


@st.composite
def metrics(draw: DrawFn) -> tuple[str, str, str]:
    text, kind, tick = draw(series())
    match draw(st.sampled_from(["itself", "arithmetic", "rounded", "difference", "scaled"])):
        case "arithmetic":
            literal = draw(numbers) + ("%" if kind == "share" else "")
            return f"({text}) {draw(st.sampled_from('+-'))} {literal}", kind, tick
        case "rounded":
            return f"round({text}, {draw(st.integers(0, 4))})", kind, tick
        case "scaled":
            return f"({text}) * {draw(numbers)}", "number", tick
        case "difference" if text in SERIES:
            return f"{text} - previous({text})", kind, tick
        case _:
            return text, kind, tick


def bound(draw: DrawFn, kind: str) -> str:
    return draw(st.sampled_from(["25%", "50%", "97.5%"] if kind == "share" else ["1", "12.5", "99999"]))


@st.composite
def agreements(draw: DrawFn) -> str:
    """A text in the part of the language that WSLA has words for."""
    lines = [
        HEAD,
        "  source node = push every 5m by third { load load }",
        "  source calls = push every 1h by host { value value }",
        '  source site = http "https://shop.example/health" every 1m timeout 5s by third',
        "  metric fast = last(node.load) each 5m",
        "  metric slow = last(calls.value) each 1h",
        "  metric up = last(site.ok) each 1m",
        "  metric state_fast = round(fast, 0)",
        "  metric state_slow = round(slow, 0)",
        "  metric answer = last(site.elapsed) each 1m",
    ]
    up = draw(st.sampled_from(["up", "not up"]))
    window = f"over last {draw(st.sampled_from(['5m', '1d']))} every 1m"
    statuses = {
        f"share({up}) {window}": "share",
        f"count(up where {up}) {window}": "number",
        f"streak({up}) {window}": "number",
        f"share(site.ok) {window}": "share",
    }
    text, kind = draw(st.sampled_from(sorted(statuses.items())))
    lines.append(f"  metric state = {text}")
    lines.append(f"  goal known: host guarantees state < {bound(draw, kind)}")
    made = [draw(metrics()) for _ in range(draw(st.integers(1, 3)))]
    lines += [f"  metric m{number} = {text}" for number, (text, _, _) in enumerate(made)]
    named = [(f"m{number}", kind, tick) for number, (_, kind, tick) in enumerate(made)]
    if draw(st.booleans()):
        lines.append("  metric alias = m0")
    simple = [*named, ("up", "condition", "1m"), ("answer", "length", "1m")]

    def test(name: str, kind: str) -> str:
        if kind == "condition":
            return draw(st.sampled_from([name, f"not {name}"]))
        limit = draw(st.sampled_from(["250ms", "2000ms"])) if kind == "length" else bound(draw, kind)
        return f"{name} {draw(st.sampled_from(['<', '<=', '>', '>=']))} {limit}"

    goals: list[tuple[str, str, bool]] = []
    for number in range(draw(st.integers(1, 2))):
        name, kind, tick = draw(st.sampled_from(simple))
        condition = test(name, kind)
        if kind != "condition" and draw(st.booleans()):
            word = draw(st.sampled_from(["and", "or", "implies"]))
            condition = f"{condition} {word} not ({test(name, kind)})"
        consequence = draw(
            st.sampled_from(
                [
                    "",
                    "{ otherwise notify Shop_Co }",
                    '{ otherwise notify host.page "a (b), c" }',
                    '{ otherwise notify host.post "Information: a (m0)" }',
                    "{ otherwise escalate Shop_Co }",
                ]
            )
        )
        lines.append(f"  goal g{number}: host guarantees {condition} {consequence}")
        goals.append((f"g{number}", tick, kind in ("condition", "length")))
    for _ in range(draw(st.integers(0, 2))):
        goal, tick, _ = draw(st.sampled_from(goals))
        lines.append(
            draw(
                st.sampled_from(
                    [
                        f"  when {goal} violated for 1ms {{ notify Shop_Co repeat every {tick} }}",
                        f"  when {goal} violated {{ notify Shop_Co on recovery: notify Shop_Co }}",
                        f"  when {goal} violated {{ notify host.page }}",
                        f'  when {goal} violated and node.load > 3 {{ notify Shop_Co "x" }}',
                        "  when node.load > 3 for 1ms { notify Shop_Co repeat every 5m }",
                    ]
                )
            )
        )
    return "\n".join([*lines, "}", ""])


@given(text=agreements())
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_what_is_exported_is_valid_and_comes_back_the_same(text: str) -> None:
    if any(one.severity.value == "error" for one in wsla.check(text)):
        # A promise that can never be missed, or never be kept.
        return
    document, agreement, unsaid = exported(text)
    assert unsaid == []
    assert broken(document) == []
    assert meaning(again(document)) == meaning(agreement)


@pytest.mark.parametrize(
    "path", sorted(CORPUS.glob("*.xml")) or [None], ids=lambda path: path and path.name[:2]
)
def test_documents_come_back_the_same_and_valid(path: Path | None) -> None:
    if path is None:
        pytest.skip("the corpus of documents is not beside the project")
    agreement = again_leniently(path.read_text("utf-8"))
    document, _, unsaid = exported(agreement.text)
    assert broken(document) == []
    if not unsaid:
        assert meaning(again_leniently(document)) == meaning(agreement)
    # Means of all values that there ever were are read as those of days, which WSLA cannot say.
    assert (unsaid == []) == ("each day" not in agreement.text)


def again_leniently(document: str) -> wsla.Agreement:
    _, found = import_text(SourceText(name="a.xml", text=document))
    assert found.text is not None
    return wsla.loads(found.text)
