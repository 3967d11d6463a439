"""Laws of the formatter: what is printed reads back equal, and printing again changes nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.diagnostics.source import SourceText
from wsla.syntax import surface
from wsla.syntax.formatter import format_document, format_source
from wsla.syntax.parse import parse
from wsla.testing.surface_strategies import documents

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "design" / "samples"
WRITTEN = """\
# About this text.

agreement "Search" version 3 {   # the third
  # settings
  kind customer
  effective 2026-01-01 until 2027-01-01 in "Europe/Berlin"

  party acme "Acme" provider { # who delivers
    email "sla@acme.example"  # day
    # at night
    oncall pagerduty env KEY
  }
  party globex "Globex" consumer {}
  service search "Search" { fee 2000 EUR per month }
  schedule office { Monday-Friday 08:00-18:00 except holidays "DE", 2026-12-24 until 2026-12-31 }
  source probe = http "https://x.example" every 30s timeout 5s by acme {
    ok status  # what counts
    until_next until closed in s
  }


  metric up = probe.ok and # not only ok
    probe.elapsed < 2s
  metric uptime = availability(up) each month excluding maintenance, or 100% when idle
  metric target = by probe.kind {
    # the worst first
    "a": 4h
    else: 40h # everything else
  }
  goal available: acme guarantees uptime >= 99.9% provided count(probe) > 10 { # why
    otherwise credit globex by uptime { >= 99.0%: 10% of search.fee else: 25% of search.fee }
    otherwise { # both
      notify acme }
    unknown time counts as met
  # at the end
  }
  when not up for 3m {
    notify acme.oncall "down"
    after 2h: { notify acme.oncall
      escalate globex }
    on recovery: notify acme
  } # done
  # nothing more
}
# between

test "one" {
  given probe.ok = true, probe.elapsed = unknown every 30s
  expect available met in 2026-03 where region == "eu" and zone == "a" # fine
  expect no credit globex
}
# the end"""


def formatted(text: str) -> str:
    result, problems = format_source(SourceText(name="text.sla", text=text))
    assert result is not None, [problem.message for problem in problems]
    return result


def read(text: str) -> surface.Document:
    document, problems = parse(SourceText(name="text.sla", text=text))
    assert [(problem.position, problem.message) for problem in problems] == []
    return document


def same_meaning(first: surface.Document, second: surface.Document) -> bool:
    return first.items == second.items and sorted(c.text for c in first.comments) == sorted(
        c.text for c in second.comments
    )


@settings(max_examples=30)
@given(documents)
def test_what_is_printed_reads_back_equal_and_is_stable(document: surface.Document) -> None:
    printed = format_document(document, SourceText(name="nowhere", text=""))
    again = read(printed)
    assert again == document
    assert format_document(again, SourceText(name="printed", text=printed)) == printed


@st.composite
def disturbed(draw: st.DrawFn) -> str:
    """The written text with other blanks, line ends and comments between its tokens."""
    tokens = re.findall(
        r'"[^"\n]*"|#[^\n]*|\d[\w.:-]*(?:%|[ ][A-Z]{3}\b)?|[^\W\d]\w*|<=|>=|==|[^\s\w]', WRITTEN
    )
    text = ""
    for token in tokens:
        blanks = draw(
            st.sampled_from((" ", " ", " ", "\n", "\n\n\n", "  ", " # why\n", "\n# own\n\n", "\t\r\n"))
        )
        text += token + ("\n" if token.startswith("#") else "") + blanks
    return text


@settings(max_examples=30)
@given(disturbed())
def test_blanks_and_comments_anywhere(text: str) -> None:
    once = formatted(text)
    assert same_meaning(read(once), read(text))
    assert formatted(once) == once


def test_the_written_text() -> None:
    once = formatted(WRITTEN)
    assert formatted(once) == once
    assert same_meaning(read(once), read(WRITTEN))
    assert max(len(line) for line in once.splitlines()) <= 100


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the design samples are not beside the project")
@pytest.mark.parametrize("name", ["marketing-sales", "object-storage", "search-api", "service-desk"])
def test_formatting_a_sample_changes_only_blanks(name: str) -> None:
    text = (SAMPLES / f"{name}.sla").read_text("utf-8")
    once = formatted(text)
    assert "".join(once.split()) == "".join(text.split())
    assert read(once) == read(text)
    assert formatted(once) == once
