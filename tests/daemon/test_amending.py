"""A version and its amendment side by side: a real daemon, files that change, and what `wsla eval` says of the data."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from wsla.api import load_all, versions_of
from wsla.diagnostics.source import SourceText
from wsla.reporting.verdicts import judgement_value
from wsla.reporting.verification import verify_agreement
from wsla.store.sqlite import Store
from wsla.values.instants import SECOND, format_instant, parse_instant

EVER = (-(2**62), 2**62)


def amendment(place: Any, begins: int, **terms: Any) -> str:
    begin = datetime.fromtimestamp(begins, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    written: str = place.text(version=2, **terms)
    return written.replace("version 2", "version 2 amends 1").replace("2026-01-01", begin)


def in_store(place: Any, begins: int) -> set[str]:
    """Which versions have decided something in windows on which side of an instant."""
    with Store.open(str(place.store), writer=False) as store:
        entries = [entry for _, entry in store.entries("Quick", *EVER)]
    return {
        f"{entry.id.split('|')[1]} {'before' if entry.window.start < begins * SECOND else 'after'}"
        for entry in entries
    }


@pytest.mark.parametrize("way", ["one file", "two files", "in its place", "from the beginning"])
def test_what_comes_out_is_what_eval_says(place: Any, run_wsla: Callable[..., Any], way: str) -> None:
    """R6: windows that began before the amendment are the earlier version's to their ends (M69)."""
    first = place.text(window="2s")
    path = place.write(first)
    place.service.healthy = False
    # So that a window that began before it ends after it.
    begins = int(time.time()) + 7
    begins += begins % 2 == 0
    second = amendment(place, begins, window="1s", promised="99.9%")
    if way == "from the beginning":
        place.write(second, "zzz.sla")
    running = place.run()
    if way != "from the beginning":
        place.until(lambda: place.count("entries") >= 1)
        if way == "one file":
            path.write_text(f"{first}\n{second}", "utf-8")
        elif way == "two files":
            place.write(second, "amendment.sla")
        else:
            path.write_text(second, "utf-8")
        running.reload()
    place.until(lambda: {"v1 before", "v2 after"} <= in_store(place, begins), 60)
    assert running.stop() == 0
    # And once more, from what is noted.
    running = place.run()
    count = place.count("judgements", "final")
    place.until(lambda: place.count("judgements", "final") > count + 1)
    assert running.stop() == 0
    assert in_store(place, begins) == {"v1 before", "v2 after"}
    agreements = versions_of(load_all(SourceText(name="x.sla", text=one))[0] for one in (first, second))
    for version, text in ((1, first), (2, second)):
        place.folder.joinpath(f"{version}.txt").write_text(text, "utf-8")
    data = place.folder / "probe.jsonl"
    with Store.open(str(place.store), writer=False) as store:
        history = store.agreement_history("Quick")
        judgements = list(store.judgements("Quick", *EVER, final_only=True))
        booked = {entry.id: str(entry.amount) for _, entry in store.entries("Quick", *EVER)}
        observations = list(store.observations("Quick", *EVER))
        assert verify_agreement(store, "Quick", lambda *_: None).findings == []
    assert {one.source for one in observations} == {"probe"}
    at = [one.at for one in observations]
    assert len(at) == len(set(at))
    rows = [{"at": format_instant(one.at), "ok": one.fields.get("ok")} for one in observations]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    until = max(one.window.end for one in judgements)
    done = run_wsla(
        "eval", place.folder / "1.txt", place.folder / "2.txt", "--data", f"probe={data}",
        "--from", format_instant(history[0].at), "--until", format_instant(until), "--format", "json",
    )  # fmt: skip
    assert done.code == 0, done.said
    told = json.loads(done.out)
    said = [judgement_value(agreements[one.window.start >= begins * SECOND].plan, one) for one in judgements]
    key = lambda one: (parse_instant(one["end"]), parse_instant(one["start"]))  # noqa: E731
    expected = [one for version in told for one in version["judgements"] if one["final"]]
    assert sorted(expected, key=key) == sorted(said, key=key)
    assert {one["id"]: one["amount"] for version in told for one in version["entries"]} == booked
