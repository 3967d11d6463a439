"""The law of the formatter for imports, templates, uses and amendments."""

from __future__ import annotations

from hypothesis import given, settings

from wsla.diagnostics.source import SourceText
from wsla.syntax import surface
from wsla.syntax.formatter import format_document, format_source
from wsla.syntax.parse import parse
from wsla.testing.reuse_strategies import sharing_documents

WRITTEN = """\
import   "terms.sla"
import "holidays.sla" # of the year


# What all are promised.
template hosting(host : party, # who
  shop: party,target:quantity=99.9 %, address: text="https://shop.example/health", uptime: name = uptime) { # as always
  # how it is seen
  source probe = http address every 30s
  metric uptime = availability(probe.ok) each month
  goal available: host guarantees uptime >= target { coverage target }
}
template nothing() {}
agreement "A" version 4   amends 3 {
  effective 2026-07-01   for windows under way
  use hosting(host = acme, shop = globex, target = 99.95 %, address = "https://globex.example/health/of/all/shops")
  use nothing( )  # yet
}
"""

PRINTED = """\
import "terms.sla"
import "holidays.sla"  # of the year

# What all are promised.
# who
template hosting(
  host: party,
  shop: party,
  target: quantity = 99.9%,
  address: text = "https://shop.example/health",
  uptime: name = uptime
) {  # as always
  # how it is seen
  source probe = http address every 30s
  metric uptime = availability(probe.ok) each month
  goal available: host guarantees uptime >= target { coverage target }
}

template nothing() {
}

agreement "A" version 4 amends 3 {
  effective 2026-07-01 for windows under way
  use hosting(
    host = acme,
    shop = globex,
    target = 99.95%,
    address = "https://globex.example/health/of/all/shops"
  )
  use nothing()  # yet
}
"""


@settings(max_examples=35)
@given(sharing_documents)
def test_what_is_printed_reads_back_equal_and_is_stable(document: surface.Document) -> None:
    printed = format_document(document, SourceText(name="nowhere", text=""))
    again, problems = parse(SourceText(name="printed", text=printed))
    assert [problem.message for problem in problems] == []
    assert again == document
    assert format_document(again, SourceText(name="printed", text=printed)) == printed


def test_the_standard_form_keeps_comments() -> None:
    once, problems = format_source(SourceText(name="a", text=WRITTEN))
    assert (once, problems) == (PRINTED, ())
    assert format_source(SourceText(name="a", text=PRINTED))[0] == PRINTED
