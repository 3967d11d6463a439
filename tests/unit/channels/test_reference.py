"""The reference page says what the code does: its tables, its sample and its program are tried."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest

from wsla.channels.backoff import next_delay
from wsla.channels.notice import encode_canonical, notice_document, notice_schema
from wsla.channels.registry import KNOWN_KINDS, OPTIONS
from wsla.channels.webhook import outcome_of_status
from wsla.ports import Delivery
from wsla.values.instants import SECOND

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "channels.md").read_text("utf-8")


def section(title: str) -> str:
    """The text under a heading, up to the next heading."""
    return re.split(r"^#+ ", PAGE.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(title: str) -> list[list[str]]:
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section(title).splitlines()
        if line.startswith("|")
    ]
    return [row for row in cells if not set(row[0]) <= set("-")][1:]


def block(language: str) -> str:
    return PAGE.split(f"```{language}\n", 1)[1].split("```", 1)[0]


def test_the_kinds_are_all_there():
    assert {row[0].strip("`") for row in rows("Channels")} == KNOWN_KINDS


@pytest.mark.parametrize(("title", "kind"), [("Webhooks", "webhook"), ("Mail", "email")])
def test_the_options_are_all_there(title, kind):
    listed = {name for row in rows(title) for name in re.findall(r"`(\w+)`", row[0])}
    assert OPTIONS[kind] <= listed


def test_the_sample_is_a_notice():
    sample = block("json").strip()
    notice = json.loads(sample)
    delivery = Delivery(
        key=notice["id"],
        attempt=notice["attempt"],
        subject=notice["subject"],
        text=notice["text"],
        payload=notice["cause"],
    )
    assert encode_canonical(notice_document(delivery)).decode("utf-8") == sample
    members = {row[0].strip("`") for row in rows("The notice")}
    assert (
        members
        == {*notice, "at", "page_url", "acknowledge_url", "report", "meeting"}
        == set(notice_schema()["properties"])
    )


def test_the_program_runs():
    exec(compile(block("python"), "channels.md", "exec"), {})


def test_the_table_of_answers_is_the_code():
    told: dict[int, str] = {}
    for answer, outcome in rows("What answers mean"):
        word = re.match(r"\w+", outcome)[0]
        if bounds := re.match(r"(\d+)–(\d+)", answer):
            for status in range(int(bounds[1]), int(bounds[2]) + 1):
                told.setdefault(status, word)
        else:
            told |= {int(status): word for status in re.findall(r"\b\d{3}\b", answer)}
    assert sorted(told) == list(range(200, 600))
    assert told == {status: outcome_of_status(status) for status in told}


def test_the_table_of_waits_is_the_code():
    nearly_one = Fraction(10**12 - 1, 10**12)
    for attempts, longest in rows("The wait between attempts"):
        number = int(re.match(r"\d+", attempts)[0])
        assert next_delay(number, nearly_one) + 1 == int(longest.removesuffix(" s")) * SECOND
