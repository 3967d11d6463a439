"""S3: what a real daemon said of every period, and what `wsla eval` says of what it has observed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from wsla.api import load
from wsla.reporting.verdicts import judgement_value
from wsla.store.sqlite import Store
from wsla.values.instants import format_instant

EVER = (-(2**62), 2**62)


def test_every_period_is_judged_as_wsla_eval_does(place: Any, run_wsla: Callable[..., Any]) -> None:
    """S3."""
    path = place.write(place.text())
    running = place.run(path)
    for verdict in ("violated", "met", "violated"):
        place.service.healthy = verdict == "met"
        found = f"final AND verdict = '{verdict}'"
        count = place.count("judgements", found)
        place.until(lambda found=found, count=count: place.count("judgements", found) > count)
    assert running.stop() == 0
    agreement = load(path)
    data = place.folder / "probe.jsonl"
    with Store.open(str(place.store), writer=False) as store:
        [registered] = store.agreement_history("Quick")
        judgements = list(store.judgements("Quick", *EVER, final_only=True))
        booked = {entry.id: str(entry.amount) for _, entry in store.entries("Quick", *EVER)}
        rows = [
            {"at": format_instant(one.at), "ok": one.fields["ok"]}
            for one in store.observations("Quick", *EVER)
        ]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    until = max(one.window.end for one in judgements)
    done = run_wsla(
        "eval", path, "--data", f"probe={data}", "--from", format_instant(registered.at),
        "--until", format_instant(until), "--format", "json",
    )  # fmt: skip
    assert done.code == 0, done.said
    told = json.loads(done.out)
    said = [judgement_value(agreement.plan, one) for one in judgements]
    assert told["judgements"] == said
    assert {one["verdict"] for one in said} >= {"violated"}
    assert {one["id"]: one["amount"] for one in told["entries"]} == booked
