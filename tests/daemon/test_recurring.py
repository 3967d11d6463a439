"""Reports and invitations that a running daemon sends, with the content of `wsla report`."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest

pytest.importorskip("icalendar", reason="what writes calendars is not installed")

from wsla.api import loads
from wsla.channels.notice import notice_schema
from wsla.cli.report_mail import write_report
from wsla.daemon.agreements import sha256_of
from wsla.store.records import AgreementVersion, Batch
from wsla.store.sqlite import Store
from wsla.values.instants import parse_instant

LINES = """publish report to globex each day
  call review with globex each month after 10d at 10:00 for 90m "Review"
}"""


def kept_since_yesterday(place: Any, lines: str = LINES) -> None:
    """A store in which the agreement came into force a day and a half ago."""
    text = re.sub(r"  when not up .*\n}", f"  {lines}", place.text(promised="1%", window="1h"))
    place.write(text)
    agreement = loads(text)
    at = int((datetime.now(UTC) - timedelta(hours=36)).timestamp()) * 10**9
    version = AgreementVersion(
        key=agreement.title,
        title=agreement.title,
        version=agreement.version,
        text=text,
        sha256=sha256_of(agreement),
        at=at,
    )
    with Store.open(str(place.store), writer=True) as store:
        store.write(Batch(agreements=(version,)))


def told(place: Any, kind: str) -> list[dict[str, Any]]:
    return [one["notice"] for one in list(place.receiver.got) if kind in one["notice"]["cause"]]


def test_what_fell_due_is_sent_and_after_another_start_not_again(place: Any) -> None:
    """M104, M105: the report of each day that ended since, and one invitation for each meeting to come."""
    kept_since_yesterday(place)
    running = place.run(report=write_report)
    place.until(lambda: told(place, "report") and told(place, "review"))
    place.until(lambda: place.count("outbox", "state = 'pending'") == 0)
    reports, meetings = told(place, "report"), told(place, "review")
    validator = jsonschema.Draft202012Validator(notice_schema(), format_checker=jsonschema.FormatChecker())
    for one in (*reports, *meetings):
        validator.validate(one)
    assert 1 <= len(reports) <= 2
    assert reports[-1]["report"]["agreement"] == "Quick"
    start = reports[-1]["cause"]["window"]["start"]
    assert parse_instant(reports[-1]["report"]["start"]) == parse_instant(start)
    assert reports[-1]["text"].startswith("Quick, version 1: ")
    assert "acknowledge_url" not in reports[-1]
    assert {one["meeting"]["method"] for one in meetings} == {"REQUEST"}
    assert 1 <= len({one["meeting"]["uid"] for one in meetings}) == len(meetings) <= 2
    running.stop()
    before, seen = len(place.receiver.got), place.count("observations")
    again = place.run(report=write_report)
    place.until(lambda: place.count("observations") > seen + 15)
    again.stop()
    assert not any(
        kind in one["notice"]["cause"] for one in place.receiver.got[before:] for kind in ("report", "review")
    )


def test_a_report_says_what_the_command_says(place: Any, run_wsla: Any) -> None:
    kept_since_yesterday(place)
    running = place.run(report=write_report)
    place.until(lambda: told(place, "report"))
    running.stop()
    sent = told(place, "report")[-1]
    window = f"{sent['report']['start']}..{sent['report']['end']}"
    path = place.folder / "quick.sla"
    shown = run_wsla(
        "report",
        path,
        "--store",
        place.store,
        "--window",
        window,
        "--at",
        sent["cause"]["at"],
        "--format",
        "json",
    )
    if shown.code == 0:
        same = ("agreement", "version", "start", "end", "goals", "entries", "claims", "owed")
        assert {name: json.loads(shown.out)[name] for name in same} == {
            name: sent["report"][name] for name in same
        }
    else:
        assert sent["report"]["goals"] == []


def test_a_reload_that_drops_the_review_cancels_the_meeting(place: Any) -> None:
    """M105."""
    kept_since_yesterday(place)
    running = place.run(report=write_report)
    place.until(lambda: told(place, "review"))
    place.until(lambda: place.count("outbox", "state = 'pending'") == 0)
    invited = {one["meeting"]["uid"]: one["meeting"]["sequence"] for one in told(place, "review")}
    path = place.folder / "quick.sla"
    path.write_text(re.sub(r"  call review .*\n", "", path.read_text()))
    running.reload()
    place.until(lambda: {one["meeting"]["method"] for one in told(place, "review")} == {"REQUEST", "CANCEL"})
    place.until(lambda: len(told(place, "review")) == 2 * len(invited))
    cancelled = [one["meeting"] for one in told(place, "review") if one["meeting"]["method"] == "CANCEL"]
    assert {one["uid"] for one in cancelled} == set(invited)
    assert all(one["sequence"] > invited[one["uid"]] for one in cancelled)
