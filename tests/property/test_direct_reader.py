"""The direct reader and lark read alike: the same surface tree with the same places, and the same texts refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsla.diagnostics.source import SourceText, Span
from wsla.syntax.build import SurfaceBuilder
from wsla.syntax.direct import Declined
from wsla.syntax.formatter import format_document
from wsla.syntax.parse import MAX_EXPRESSION_DEPTH, direct_reader, reserved_words
from wsla.syntax.pieces import Unreadable, read
from wsla.testing.surface_strategies import documents

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = {path.stem: path.read_text("utf-8") for path in sorted((ROOT / "specs").rglob("*.sla"))}
QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large)
BLANKS = st.text(" \t\r\n\f\ufeff", max_size=3)
BITS = st.one_of(
    st.sampled_from(sorted(reserved_words())),
    st.sampled_from(
        ['"a"', "a", "9", "9%", "9 EUR", "5m", "2026-01-02", "09:00", "1st", "# c\n", "9 days of"]
    ),
    st.sampled_from([*"{}():,.=+-*/", "<=", "==", "!", '"', "#", "é", "\u2028"]),
    BLANKS,
)


def with_places(node: Any) -> Any:
    """A tree in which places count."""
    if isinstance(node, tuple):
        return tuple(with_places(one) for one in node)
    if attrs.has(type(node)):
        fields = ((one.name, with_places(getattr(node, one.name))) for one in attrs.fields(type(node)))
        return type(node).__name__, *fields
    return node


def directly(text: str, start: str = "document") -> Any:
    try:
        return with_places(direct_reader().read(text, start, 0, len(text)))
    except Declined:
        return None


def by_lark(text: str, start: str = "document") -> Any:
    try:
        return with_places(SurfaceBuilder().transform(read(text, start, Span(0, len(text)))))
    except Unreadable:
        return None


@pytest.mark.parametrize("name", [name for name, text in SHIPPED.items() if "\ntemplate " not in text])
def test_shipped_agreements(name: str) -> None:
    built = directly(SHIPPED[name])
    assert built is not None
    assert built == by_lark(SHIPPED[name])


@settings(deadline=None, max_examples=40, suppress_health_check=QUIET)
@given(documents)
def test_whatever_can_be_written(document: Any) -> None:
    text = format_document(document, SourceText(name="a.sla", text=""))
    built = directly(text)
    if built is None:
        # A long text may hold an expression that is too deep; of a short one that is impossible.
        assert len(text.split()) > MAX_EXPRESSION_DEPTH
    else:
        assert built == by_lark(text)


@settings(deadline=None, max_examples=40, suppress_health_check=QUIET)
@given(st.sampled_from(sorted(SHIPPED)), st.data())
def test_texts_with_a_bit_put_in_or_taken_out(name: str, data: st.DataObject) -> None:
    text = SHIPPED[name]
    place = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 4))
    changed = text[:place] + data.draw(BITS) + text[place + length :]
    if "template" not in changed:
        assert directly(changed) == by_lark(changed)


@settings(deadline=None, max_examples=40, suppress_health_check=QUIET)
@given(st.lists(BITS, max_size=12), st.sampled_from(["document", "declarations", "test", "header"]), BLANKS)
def test_bits_in_any_order(bits: list[str], start: str, between: str) -> None:
    text = (between or " ").join(bits)
    if "template" not in text:
        assert directly(text, start) == by_lark(text, start)


def test_a_stretch_of_a_text_ends_where_it_ends() -> None:
    text = "unit point metric m = 5 metric n = 6"
    begin, end = text.index("metric m"), text.index(" metric n")
    (metric,) = direct_reader().read(text, "declarations", begin, end)
    assert (metric.name.text, metric.span) == ("m", Span(begin, end))


@pytest.mark.parametrize("body", ["1" + " + 1" * (MAX_EXPRESSION_DEPTH + 1), "m.x == " + "-" * 300 + "1"])
def test_an_expression_that_may_be_too_deep_is_for_lark(body: str) -> None:
    assert directly(f"metric m = {body}", "declarations") is None


def test_many_short_expressions_are_not_deep() -> None:
    text = "".join(f"metric m{number} = a + {number}\n" for number in range(2 * MAX_EXPRESSION_DEPTH))
    assert directly(text, "declarations") is not None


@pytest.mark.parametrize("text", ['label == "a"', 'label < "a"'])
def test_labels_are_compared_for_equality(text: str) -> None:
    test = f'test "t" {{ expect g met in 2026-01 where {text} }}'
    assert (directly(test, "test") is None) == ("<" in text)
    assert directly(test, "test") == by_lark(test, "test")


def test_templates_are_for_lark() -> None:
    assert directly("template t(a: text) { }") is None
    assert by_lark("template t(a: text) { }") is not None
