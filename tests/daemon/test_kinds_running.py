"""Every kind of source, looked at by a whole daemon: stored, judged, and judged alike from the store."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from wsla.api import judge, load
from wsla.daemon.config import Config, Limits, Network
from wsla.sources.network.endpoint import Endpoint
from wsla.store.sqlite import Store

PYTHON = os.path.realpath(sys.executable)
COUNTER = (
    "import sys, pathlib; path = pathlib.Path(sys.argv[1]); path.write_text(path.read_text() + 'x'); "
    "print(len(path.read_text()))"
)
GOOD = (
    "SELECT 1 FROM observations JOIN streams ON streams.id = stream_id WHERE source = ? AND failure IS NULL"
)


def may_ping() -> bool:
    from wsla.sources.icmp import open_socket

    try:
        open_socket(2).close()  # type: ignore[arg-type]
    except OSError:
        return False
    return True


def agreement(place: Any) -> str:
    host = place.service.url.removeprefix("http://")
    closed = place.closed_port()
    ping = '  source line = icmp "127.0.0.1" every 300ms timeout 250ms\n' if may_ping() else ""
    return (
        'agreement "Kinds" version 1 {\n  effective 2026-01-01 in "UTC"\n  grace 0s\n'
        '  party acme "Acme" provider\n  party globex "Globex" consumer\n'
        f'  source web = http "{place.service.url}/state" every 300ms timeout 250ms {{\n'
        '    queue "$.queue"\n    state "$.state"\n  }\n'
        f'  source open = tcp "{host}" every 300ms timeout 250ms\n'
        f'  source closed = tcp "127.0.0.1:{closed}" every 300ms timeout 250ms\n'
        f'  source plain = tls "{host}" every 300ms timeout 250ms\n'
        f'  source names = dns "shop.example" every 300ms timeout 250ms {{ server "127.0.0.1:{closed}" }}\n'
        f"{ping}"
        f'  source counter = command "{PYTHON}" every 1s timeout 900ms {{\n'
        f'    argument "-c"\n    argument "{COUNTER}"\n    argument "{place.folder / "counted"}"\n  }}\n'
        '  metric up = open.ok and web.ok and web.state == "fine" and web.queue < 4\n'
        "  metric uptime = availability(up) each 1s\n"
        "  metric most = max(counter.output) each 1s\n"
        "  goal available: acme guarantees uptime >= 99%\n"
        "  goal counting: acme guarantees most <= 2\n}\n"
    )


def test_every_kind_is_looked_at_and_judged_as_history_is(place: Any) -> None:
    (place.folder / "counted").write_text("")
    path: Path = place.write(agreement(place))
    config = Config(limits=Limits(snapshot_every=500_000_000), commands=(PYTHON,))
    for _ in range(2):
        running = place.run(path, config=config)
        before = place.count("judgements", "final")
        place.until(lambda before=before: place.count("judgements", "final") >= before + 4)
        for source in ("open", "web", "counter", *(["line"] if may_ping() else [])):
            place.until(lambda source=source: place.rows(GOOD, source))
        assert running.stop() == 0
    with Store.open(str(place.store), writer=False) as store:
        [registered] = store.agreement_history("Kinds")
        observations = list(store.observations("Kinds", 0, 2**62))
        live = {(one.goal, one.window): one for one in store.judgements("Kinds", 0, 2**62, final_only=True)}
    told: dict[str, set[str | None]] = {}
    for one in observations:
        if one.failure is None or not one.failure.startswith("observer-"):
            told.setdefault(one.source, set()).add(one.failure)
    # A loaded machine may be slow to answer.
    assert {"refused"} <= told["closed"] <= {"refused", "timeout"}
    assert told["names"] == {"timeout"}
    assert "tls-handshake" in told["plain"]
    assert None in told["open"]
    assert None in told["counter"]
    assert None in told.get("line", {None})
    good = [one.fields for one in observations if one.source == "web" and one.failure is None]
    assert {(one["queue"], one["state"]) for one in good} == {(3_000_000, "fine")}
    report = judge(load(path), observations, registered.at, max(window.end for _, window in live))
    again = {(one.goal, one.window): one for one in report.judgements}
    assert {key: again[key] for key in live} == live


def test_a_program_that_is_not_allowed_keeps_it_from_starting(place: Any) -> None:
    running = place.run(place.write(agreement(place)))
    assert running.stop() == 1
    assert any("[commands] allow" in line for line in running.lines)
    assert not (place.folder / "counted").exists()


def test_a_cut_line_of_the_observer_blames_nobody(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """N9."""
    monkeypatch.setattr("wsla.daemon.keeper.needs_network", lambda kind, host: True)
    closed = place.closed_port()
    path = place.write(
        'agreement "Cut" version 1 {\n  effective 2026-01-01 in "UTC"\n  currency EUR\n  grace 0s\n'
        '  party acme "Acme" provider\n  party globex "Globex" consumer\n'
        f'  source far = tcp "127.0.0.1:{closed}" every 200ms timeout 150ms\n'
        "  metric uptime = availability(far.ok) each 1s\n"
        "  goal available: acme guarantees uptime >= 99% { otherwise credit globex 5 EUR }\n}\n"
    )
    nowhere = Endpoint(host="nobody.invalid", port=1)
    running = place.run(path, config=Config(network=Network(references=(nowhere,))))
    place.until(lambda: place.count("judgements", "final = 1") >= 2)
    assert running.stop() == 0
    told = [line for line in running.lines if line.startswith("This machine's network does not work")]
    assert len(told) == 1
    assert place.count("judgements", "verdict = 'violated'") == place.count("entries") == 0
    assert {row[0] for row in place.rows("SELECT DISTINCT failure FROM observations")} <= {
        "observer-network",
        "observer-shutdown",
        "observer-missed",
    }
