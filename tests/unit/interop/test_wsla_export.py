"""What WSLA cannot say is named at its place; what it can is a valid document."""

from __future__ import annotations

import pytest

import wsla
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import FORMATS, exporter, import_text

from .wsla_schema import broken

TEXT = """\
agreement "Shop" version 1 {
  effective 2026-01-01T00:00Z until 2027-01-01T00:00Z
  grace 1m
  party host provider
  party shop consumer { email "it@shop.example" }
  source node = push every 1m by host { load load }
  source site = http "https://shop.example/health" every 1m by host
  metric load = mean(node.load) over last 1h every 1m
  goal calm: host guarantees load < 5 { otherwise notify shop.email }
}
"""


def exported(text: str) -> tuple[str, list[tuple[int, str]]]:
    agreement = wsla.loads(text)
    made = exporter(FORMATS["wsla"]).export_agreement(agreement.checked, agreement.source)
    (file,) = made.files
    assert {one.code for one in made.diagnostics} <= {"W1020"}
    unsaid = [(one.position[0], one.message.removeprefix("WSLA 1.0 cannot say ")) for one in made.diagnostics]
    return file.text, unsaid


def test_an_agreement_that_can_be_said() -> None:
    document, unsaid = exported(TEXT)
    assert unsaid == []
    assert broken(document) == []
    assert "<Address>mailto:it@shop.example</Address>" in document


def test_time_in_which_a_goal_is_judged_is_its_validity() -> None:
    within = "metric within = last(node.load) each 1m during office"
    office = f"schedule office {{ Monday-Friday 08:00-18:00 }}\n  {within}\n  goal calm"
    judged = TEXT.replace("goal calm", office).replace(
        "load < 5", "load < 5 provided count(node) over last 1h every 1m during office >= 0"
    )
    document, unsaid = exported(judged)
    assert unsaid == []
    assert broken(document) == []
    _, found = import_text(SourceText(name="a.xml", text=document))
    assert found.text is not None
    made = " ".join(found.text.split())
    assert "schedule office { Monday-Friday 08:00-18:00 }" in made
    assert "metric within = last(node.load) each 1m during office" in made
    assert "load < 5 provided count(node) over last 1h every 1m during office >= 0" in made


def test_the_second_opinion_sees_what_is_wrong() -> None:
    document, _ = exported(TEXT)
    assert broken(document.replace("<Window>60</Window>", "")) == []
    assert broken(document.replace("<Window>60</Window>", "<Window>many</Window>")) != []
    assert broken(document.replace("<Interval>", "<Step>").replace("</Interval>", "</Step>")) != []
    assert broken(document.replace("Obliged>", "Bound>")) != []
    assert broken(document.replace("OnEnteringCondition", "Once")) != []


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("version 1", "version 2", 1, "which version of an agreement it is"),
        ("  grace 1m\n", "", 1, "how long late observations are waited for"),
        ("grace 1m", "grace 1m kind internal", 3, "of which kind an agreement is"),
        ("grace 1m", "grace 1m currency EUR", 3, "a currency"),
        ("party host provider", 'party host "Host Ltd" provider', 4, "the title of `host` beside its name"),
        ("shop.example\" }", "shop.example\" } party law auditor", 5, "the roles of `law`"),
        ("every 1m by host {", "every 1m {", 6, "that nobody in particular measures `node`"),
        ("{ load load }", "{ load load holds until next }", 6, "how long a sample of `node` holds, or its labels"),
        ("{ load load }", '{ load load } schedule x { holidays "DE" }', 6, "the schedule `x` like this"),
        ("mean(node", "min(node", 8, "`min`"),
        ("over last 1h every 1m", "each day", 8, "windows of the calendar, or of outages"),
        ("mean(node.load)", "mean(node.load where node.load > 1)", 8, "this condition after `where`"),
        ("load < 5", "load < 5 provided load > 1", 9, "`provided`, so the goal `calm` is missing"),
        ("load < 5", "availability(site.ok) each 5m >= 99%", 9, "`availability`, so the goal `calm` is missing"),
        ("notify shop.email", "notify shop.email coverage 50%", 9, "what unknown time counts as"),
        ("shop.email }", "shop.email } when load > 7 for 3m { notify shop }", 9,
         "how long a condition has to hold, or how often a rule repeats, so this rule is missing"),
        ("shop.email }\n", 'shop.email }\n  when load > 7 { notify shop after 2h: notify shop }\n', 10,
         "steps, and labels, of a rule, so this rule is missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_named_at_its_place(old: str, new: str, line: int, what: str) -> None:
    assert TEXT.count(old) >= 1
    document, unsaid = exported(TEXT.replace(old, new, 1))
    assert (line, what) in unsaid
    if "missing" not in what and line != 8:
        assert broken(document) == []
