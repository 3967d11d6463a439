"""Paths to one value of a JSON document."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.values.paths import Missing, PathError, parse_path, value_at

DOCUMENT = {
    "queue": {"length": 3, "due at": None},
    "items": [{"age": 1}, {"age": 2}],
    "": "empty",
    "größe": 7,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$.queue.length", 3),
        ("$['queue']['length']", 3),
        ('$["queue"].length', 3),
        ("$.queue['due at']", None),
        ("$.items[0].age", 1),
        ("$.items[-1].age", 2),
        ("$['']", "empty"),
        ("$.größe", 7),
        ("$", DOCUMENT),
        ("$.items[2]", Missing),
        ("$.items[-3]", Missing),
        ("$.items.age", Missing),
        ("$.queue[0]", Missing),
        ("$.queue.length.more", Missing),
        ("$.nothing.at.all", Missing),
    ],
)
def test_values(text: str, value: object) -> None:
    assert value_at(DOCUMENT, parse_path(text)) == value


@pytest.mark.parametrize(
    "text",
    ["", "queue", "$queue", "$.", "$..age", "$.items[*]", "$.items[0:1]", "$.items[?(@.age)]", "$.a b", "$.items[01]",
     "$.items[-0]", "$['a", "$.items[0", " $.a", "$.a ", "$" + ".a" * 65],
)  # fmt: skip
def test_what_is_no_path_to_one_value(text: str) -> None:
    with pytest.raises(PathError):
        parse_path(text)


@given(st.text(max_size=20))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        path = parse_path(text)
    except PathError:
        return
    assert text.startswith("$")
    value_at(DOCUMENT, path)


@given(
    st.lists(
        st.one_of(st.integers(-99, 99), st.text(st.characters(exclude_characters="'\\"), max_size=5)),
        max_size=6,
    )
)
def test_every_path_can_be_written(steps: list[int | str]) -> None:
    text = "$" + "".join(f"[{step}]" if isinstance(step, int) else f"['{step}']" for step in steps)
    assert parse_path(text) == tuple(steps)
