"""A damaged document is never a crash: what can still be read is imported and checks, and the rest is told."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.analysis.check import check_text
from wsla.diagnostics.diagnostic import has_errors
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import import_text

from ..unit.interop.test_wsla_import import CASES
from ..unit.interop.wsla_documents import (
    LEAF,
    document,
    expression,
    guarantee,
    metric,
    objective,
    predicate,
    series,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "import-wsla.md"
FOUND = re.search(r"^```xml\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
assert FOUND is not None
FUNCTIONS = [written for written, _ in CASES.values()]
VIOLATED = '<Predicate xsi:type="Violation"><ServiceLevelObjective>O</ServiceLevelObjective></Predicate>'
WORDS = [
    "",
    "-1",
    "0",
    "1e9",
    "INF",
    "NaN",
    "Host",
    "S",
    "P",
    "2026-13-45T99:00:00Z",
    "0101",
    "\U0001f600",
    "x" * 300,
]


def whole(function: str) -> str:
    both = f"<Implies>{expression(predicate('Less', 'P'))}{expression(predicate('Greater', 'P'))}</Implies>"
    others = (
        metric("S", series("Load"))
        + metric("V", series("Valid"))
        + LEAF.format("Valid")
        + LEAF.format("Load")
    )
    constant = '<Constant name="Low"><Integer>-4</Integer></Constant>'
    duties = objective("O", both) + guarantee(VIOLATED, "Always")
    return document(metric("M", function) + others, duties, schedules=constant)


@given(data=st.data())
@settings(max_examples=80)
def test_a_damaged_document_is_read_as_far_as_it_goes(data: st.DataObject) -> None:
    assert FOUND is not None
    text = data.draw(st.sampled_from([FOUND.group(1), *(whole(one) for one in FUNCTIONS)]))
    root = ElementTree.fromstring(text)
    for _ in range(data.draw(st.integers(1, 4))):
        elements = list(root.iter())
        one = elements[data.draw(st.integers(0, len(elements) - 1))]
        match data.draw(st.sampled_from(["text", "drop", "twice", "attribute", "move"])):
            case "text":
                one.text = data.draw(st.sampled_from(WORDS))
            case "drop" if len(one):
                one.remove(one[data.draw(st.integers(0, len(one) - 1))])
            case "twice" if len(one):
                one.append(one[0])
            case "attribute" if one.attrib:
                key = data.draw(st.sampled_from(sorted(one.attrib)))
                one.attrib[key] = data.draw(st.sampled_from([*WORDS, "Mean", "TSSelect", "Less", "Status"]))
            case _:
                other = elements[data.draw(st.integers(0, len(elements) - 1))]
                if other not in one.iter() and one is not root:
                    other.append(one)
    _, found = import_text(SourceText(name="a.xml", text=ElementTree.tostring(root, encoding="unicode")))
    if found.text is None:
        assert has_errors(found.diagnostics)
        return
    if has_errors(check_text(SourceText(name="a.sla", text=found.text))[1]):
        # A promise that nobody could keep, say, is no fault of the document's form.
        assert has_errors(found.diagnostics)
