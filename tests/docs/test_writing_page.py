"""The reference page of the language: its examples parse, its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wsla.analysis.fields import SOURCE_KINDS
from wsla.analysis.functions import FUNCTIONS
from wsla.analysis.heads import CHANNEL_KINDS, KINDS, ROLES
from wsla.diagnostics.source import SourceText
from wsla.syntax.parse import parse

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "writing.md"
BLOCKS: list[str] = re.findall(r"^```\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=[block.split("\n")[0] for block in BLOCKS])
def test_every_example_can_be_read(block: str) -> None:
    text = block.replace("  …\n", "")
    if not text.startswith(("agreement", "import", "template", "test")):
        text = f'agreement "Test" version 1 {{\n{text}}}\n'
    document, problems = parse(SourceText(name="page", text=text))
    assert problems == ()
    assert document.items


def test_there_are_examples() -> None:
    assert len(BLOCKS) > 5


@pytest.mark.parametrize("name", [*FUNCTIONS, "elapsed", "due"])
def test_every_function_is_in_the_table(name: str) -> None:
    assert re.search(rf"^\|[^|]*`{name}[(`]", PAGE.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("word", sorted({*SOURCE_KINDS, *CHANNEL_KINDS, *KINDS, *ROLES}))
def test_every_kind_and_role_is_named(word: str) -> None:
    assert f"`{word}`" in PAGE.read_text("utf-8")


@pytest.mark.parametrize("field", [name for name, _ in SOURCE_KINDS["http"].fields or ()])
def test_every_field_of_a_probe_is_named(field: str) -> None:
    assert f"`{field}`" in PAGE.read_text("utf-8")
