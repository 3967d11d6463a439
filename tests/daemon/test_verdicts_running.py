"""An agreement that stands on what another comes to, both kept by one daemon."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import wsla
from wsla.api import judge, load
from wsla.daemon.config import Config, Limits
from wsla.evaluation.verdicts import Verdict
from wsla.reporting.standing_on import reconsider_together
from wsla.store.records import Batch, Rejudged
from wsla.store.sqlite import Store

PROCESS = Path(__file__).with_name("process.py")
SOON = Config(limits=Limits(snapshot_every=300_000_000))
OWN = """agreement "Base" version 1 {{
  effective 2026-01-01 in "UTC"
  grace 0s
  party acme "Acme" provider
  party globex "Globex" consumer
  source probe = http "{url}/health" every 100ms timeout 80ms
  metric uptime = availability(probe.ok) each 1s
  goal available: acme guarantees uptime >= 99%
}}
"""
STANDS = """agreement "Above" version 1 {
  effective 2026-01-01 in "UTC"
  grace 5s
  party acme "Acme" provider
  party globex "Globex" consumer
  source base = verdicts "Base" "available" timeout 200ms { holds 1s }
  source windows = records verdicts "Base" "available" timeout 200ms { uptime value in percent }
  metric up   = availability(base.met) each 2s
  metric kept = share(windows.met and windows.uptime >= 99%) each 2s
  goal upright: acme guarantees up >= 50%
  goal keeping: acme guarantees kept >= 50%
}
"""


def write(place: Any) -> tuple[Path, Path]:
    return place.write(OWN.format(url=place.service.url), "base.sla"), place.write(STANDS, "above.sla")


def stored(place: Any, title: str, source: str) -> list[Any]:
    with Store.open(str(place.store), writer=False) as store:
        return list(store.observations(title, 0, 2**62, source))


def verdicts(place: Any, title: str) -> dict[Any, Any]:
    with Store.open(str(place.store), writer=False) as store:
        return {(one.goal, one.window): one for one in store.judgements(title, 0, 2**62, final_only=True)}


def check(place: Any, above: Path) -> None:
    """Every final verdict of the one was observed once by the other, which is judged as its observations say."""
    base = sorted(
        (window.start, window.end, one.verdict.value) for (_, window), one in verdicts(place, "Base").items()
    )
    [since] = [one.at for one in history(place, "Above")][:1]
    samples = {one.at: one.fields["met"] for one in stored(place, "Above", "base")}
    records = [(one.at, one.fields["met"]) for one in stored(place, "Above", "windows")]
    assert len(records) == len(set(records))
    met = {"met": True, "violated": False}
    known = {end - 1: met.get(verdict) for _, end, verdict in base}
    assert dict(records).items() <= known.items()
    assert samples.items() <= {start: met.get(verdict) for start, _, verdict in base}.items()
    last = max(at for at, _ in records)
    assert [at for at in known if since < at <= last and at not in dict(records)] == []
    live = verdicts(place, "Above")
    with Store.open(str(place.store), writer=False) as store:
        observations = list(store.observations("Above", 0, 2**62, late=False))
    report = judge(load(above), observations, since, max(window.end for _, window in live))
    again = {(one.goal, one.window): one for one in report.judgements}
    assert {key: again[key] for key in live} == live


def history(place: Any, title: str) -> list[Any]:
    with Store.open(str(place.store), writer=False) as store:
        return store.agreement_history(title)


def test_what_one_comes_to_the_other_stands_on(place: Any) -> None:
    _, above = write(place)
    for turn in range(2):
        running = place.run(config=SOON)
        for healthy in (True, False):
            place.service.healthy = healthy
            before = place.count("judgements", "final")
            place.until(lambda before=before: place.count("judgements", "final") >= before + 4)
        place.until(lambda turn=turn: len(verdicts(place, "Above")) >= 2 * turn + 2)
        # On a busy machine it may take some windows till not one look of one was slow.
        place.service.healthy = True
        place.until(
            lambda: (
                10**12 in {one.fields["uptime"] for one in stored(place, "Above", "windows")}
                and {one.fields["met"] for one in stored(place, "Above", "base")} >= {True, False}
            )
        )
        assert running.stop() == 0
    check(place, above)


def test_another_that_is_missing_or_comes_later_is_unknown_till_then(place: Any) -> None:
    base, above = write(place)
    base.rename(base.with_suffix(".away"))
    running = place.run(place.folder, config=SOON)
    place.until(lambda: len(verdicts(place, "Above")) >= 2)
    assert {one.verdict.value for one in verdicts(place, "Above").values()} == {"unknown"}
    base.with_suffix(".away").rename(base)
    running.reload()
    place.until(lambda: len(stored(place, "Above", "windows")) >= 3)
    # Only the other is changed, and then taken away again.
    base.write_text(base.read_text().replace("99%", "98%").replace("version 1", "version 2"))
    running.reload()
    count = len(stored(place, "Above", "windows"))
    place.until(lambda: len(stored(place, "Above", "windows")) >= count + 2)
    base.unlink()
    running.reload()
    runner = running.ask(lambda daemon: daemon.kept("Above").judge.runners["base"])
    place.until(lambda: runner.last.failure == "observer-agreement")
    assert runner.last.reason == "the agreement “Base” is not kept here"
    assert running.stop() == 0
    check(place, above)


def test_a_goal_that_is_not_there_is_unknown(place: Any) -> None:
    _, above = write(place)
    above.write_text(STANDS.replace('"available"', '"fast"'))
    running = place.run(config=SOON)
    runner = running.ask(lambda daemon: daemon.kept("Above").judge.runners["base"])
    place.until(lambda: runner.last is not None)
    assert runner.last.reason == "the agreement “Base” has no goal fast"
    assert running.stop() == 0
    assert stored(place, "Above", "base") == []


def test_killed_again_and_again_every_verdict_counts_once(place: Any) -> None:
    _, above = write(place)
    command = [sys.executable, str(PROCESS), str(place.store), "", str(place.folder / "accepted")]
    environ = {**os.environ, "PYTHONPATH": str(Path(wsla.__path__[0]).parent)}
    for pause in (2.5, 1.7, 3.1):
        process = subprocess.Popen(
            [*command, str(place.folder)], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        place.processes.append(process)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
    running = place.run(config=SOON)
    before = len(stored(place, "Above", "windows"))
    place.until(lambda: len(stored(place, "Above", "windows")) >= before + 2)
    place.until(lambda: len(verdicts(place, "Above")) >= 2)
    assert running.stop() == 0
    check(place, above)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("uptime valu", "a verdict has no valu"),
        ("uptime met", "met of a verdict is something else"),
    ],
)
def test_what_no_verdict_has_is_said(place: Any, line: str, words: str) -> None:
    write(place)
    place.write(STANDS.replace("uptime value in percent", line), "above.sla")
    running = place.run(config=SOON)
    assert running.stop() == 1
    assert any(words in said for said in running.lines)


def test_a_verdict_that_was_corrected_is_read_as_it_stands_or_followed(place: Any) -> None:
    """M106: what was read before is not refused when it is read again, and a correction follows it, once."""
    _, above = write(place)
    running = place.run(config=SOON)
    place.until(lambda: len(stored(place, "Above", "windows")) >= 3)
    assert running.stop() == 0
    read = max(one.at for one in stored(place, "Above", "windows"))
    said = [one for one in verdicts(place, "Base").values() if one.window.end >= read + 1]
    flipped = {Verdict.MET: Verdict.VIOLATED}
    later = tuple(
        Rejudged("Base", time.time_ns(), evolve(one, verdict=flipped.get(one.verdict, Verdict.MET)))
        for one in said
    )
    with Store.open(str(place.store), writer=False, beside=True) as store:
        store.write(Batch(corrections=later))
    again = place.run(config=SOON)
    place.until(lambda: len(stored(place, "Above", "windows")) >= 4 + len(later))
    assert again.ask(lambda daemon: daemon.status().refused_rows) == 0
    assert again.stop() == 0
    known = {one.at: one.fields["met"] for one in stored(place, "Above", "windows")}
    assert {known[one.window.end - 1] for one in said if one.window.end > read + 1} <= {False}
    assert known[read]
    with Store.open(str(place.store), writer=False, beside=True) as store:
        seen = reconsider_together(store, "Above", load(above), time.time_ns())
        [correction] = seen.corrections
        assert {one.observation.at for one in correction.versions} >= {read}
        store.write(seen.batch())
        stands = {
            one.at: one.fields["met"]
            for one in store.observations_that_stand("Above")
            if one.source == "windows"
        }
        assert stands[read] is False
        assert reconsider_together(store, "Above", load(above), time.time_ns()).corrections[0].versions == ()
