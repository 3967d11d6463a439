"""Files that grow, while an agreement is kept: every row stored once, judged as it says, whatever happens."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsla.api import judge, load
from wsla.daemon.config import Config, Limits
from wsla.store.sqlite import Store
from wsla.values.instants import format_instant

SOON = Config(limits=Limits(snapshot_every=300_000_000))


def agreement(grace: str = "20s") -> str:
    return (
        f'agreement "Files" version 1 {{\n  effective 2026-01-01 in "UTC"\n  grace {grace}\n'
        '  party acme "Acme" provider\n  party globex "Globex" consumer\n'
        '  source probe = csv "probe.csv" every 100ms timeout 100ms { holds until next  label region }\n'
        '  source desk = records jsonl "logs/*.jsonl" { at closed }\n'
        "  metric uptime = availability(probe.ok) each 1s by region\n"
        "  metric fixed = count(desk where desk.done) each 1s\n"
        "  goal available: acme guarantees uptime >= 99%\n"
        "  goal fixing: acme guarantees fixed <= 1000\n}\n"
    )


def now() -> str:
    return format_instant(time.time_ns())


def add(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def sample(region: str, ok: str = "true") -> str:
    return f"{now()},{region},{ok}\n"


def judged_again(place: Any, path: Path) -> None:
    """What was said live is what the stored observations say."""
    with Store.open(str(place.store), writer=False) as store:
        [registered] = store.agreement_history("Files")
        observations = list(store.observations("Files", 0, 2**62, late=False))
        live = {
            (one.goal, one.labels, one.window): one
            for one in store.judgements("Files", 0, 2**62, final_only=True)
        }
    if not live:
        return
    report = judge(load(path), observations, registered.at, max(window.end for *_, window in live))
    again = {(one.goal, one.labels, one.window): one for one in report.judgements}
    assert {key: again[key] for key in live} == live


def test_rows_are_taken_as_they_come_and_judged_as_history_is(place: Any) -> None:
    path = place.write(agreement("0s"))
    running = place.run(path, config=SOON)
    probe, desk = place.folder / "probe.csv", place.folder / "logs" / "a.jsonl"
    add(probe, "time,region,ok\n" + sample("eu") + sample("us"))
    add(desk, json.dumps({"closed": now(), "done": True}) + "\n{}}\n")
    place.until(lambda: place.count("observations") >= 3)
    add(probe, sample("eu", "false") + f"{now()},eu")
    add(desk.with_name("b.jsonl"), json.dumps({"closed": now(), "done": False}) + "\n")
    place.until(lambda: place.count("observations") >= 5)
    add(probe, ",true\n")
    place.until(lambda: place.count("observations") >= 6)
    place.until(lambda: place.count("judgements", "final") >= 4)
    assert running.ask(lambda daemon: daemon.status().refused_rows) == 1
    assert running.stop() == 0
    again = place.run(path, config=SOON)
    add(probe, sample("us", "false"))
    place.until(lambda: place.count("observations") >= 7)
    assert again.stop() == 0
    assert place.count("observations") == 7
    judged_again(place, path)


def test_a_file_that_is_away_is_unknown_and_rows_make_it_known_again(place: Any) -> None:
    path = place.write(agreement())
    probe = place.folder / "probe.csv"
    add(probe, "time,region,ok\n" + sample("eu") + sample("us"))
    (place.folder / "logs").mkdir()
    running = place.run(path, config=SOON)
    place.until(lambda: place.count("observations") >= 2)
    probe.rename(place.folder / "elsewhere")
    place.until(lambda: place.count("observations", "failure = 'observer-file'") == 2)
    add(probe, "time,region,ok\n" + sample("eu"))
    place.until(lambda: place.count("observations", "failure IS NULL") == 3)
    assert running.stop() == 0
    assert place.count("observations", "failure IS NOT NULL") == 2
    reason = place.rows("SELECT DISTINCT reason FROM observations WHERE failure IS NOT NULL")
    assert [text for (text,) in reason] == [f"there is no file `{probe}`"]
    judged_again(place, path)


def test_a_file_that_is_not_there_yet_is_unknown_till_it_comes(place: Any) -> None:
    path = place.write(agreement().replace("label region", "").replace(" by region", ""))
    running = place.run(path, config=SOON)
    place.until(lambda: place.count("observations", "failure = 'observer-file'") == 1)
    add(place.folder / "probe.csv", f"time,ok\n{now()},true\n")
    place.until(lambda: place.count("observations", "failure IS NULL") == 1)
    assert running.stop() == 0
    assert place.count("observations") == 2


def test_the_configuration_says_where_the_file_lies_here(place: Any) -> None:
    other = place.folder / "here"
    other.mkdir()
    (place.folder / "wsla.toml").write_text(
        '[bindings.sources.probe]\nkind = "jsonl"\npath = "here/probe.jsonl"\nevery = "100ms"\n'
    )
    from wsla.daemon.config import load_config

    add(other / "probe.jsonl", json.dumps({"at": now(), "region": "eu", "ok": True}) + "\n")
    running = place.run(place.write(agreement()), config=load_config(place.folder / "wsla.toml", {}))
    place.until(lambda: place.count("observations", "failure IS NULL") == 1)
    assert running.stop() == 0


def test_another_path_after_a_reload_is_followed_instead(place: Any) -> None:
    add(place.folder / "probe.csv", "time,region,ok\n" + sample("eu"))
    add(place.folder / "other.csv", "time,region,ok\n" + sample("us"))
    (place.folder / "logs").mkdir()
    path = place.write(agreement())
    running = place.run(path, config=SOON)
    place.until(lambda: place.count("observations") == 1)
    path.write_text(agreement().replace("probe.csv", "other.csv").replace("version 1", "version 2"))
    running.reload()
    place.until(lambda: place.count("observations") == 2)
    add(place.folder / "probe.csv", sample("eu"))
    add(place.folder / "other.csv", sample("us"))
    place.until(lambda: place.count("observations") == 3)
    assert running.stop() == 0
    assert place.count("observations") == 3


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_killed_at_any_moment_no_row_is_lost_or_doubled(place: Any, spawned: Callable[..., Any]) -> None:
    """K2, for what is read on: rows are added and files rotated while the daemon is killed again and again."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    path = place.write(agreement("1h"))
    desk = place.folder / "logs" / "desk.jsonl"
    add(desk, "")
    add(place.folder / "probe.csv", "time,region,ok\n")
    written = 0
    for _ in range(5):
        process = spawned(path)
        end = time.monotonic() + chance.uniform(0.9, 2.0)
        while time.monotonic() < end:
            # Rows of a second all say the same: only their places tell them apart.
            row = json.dumps({"closed": now()[:19] + "Z", "done": True})
            for _ in range(chance.randrange(1, 30)):
                text = row + "\n"
                cut = chance.randrange(len(text))
                add(desk, text[:cut])
                add(desk, text[cut:])
                written += 1
            if chance.random() < 0.1:
                desk.rename(desk.with_name(f"desk-{written}.jsonl"))
                add(desk, "")
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    process = spawned(path)
    rows = "observations JOIN streams ON streams.id = stream_id"
    place.until(lambda: place.count(rows, "source = 'desk'") >= written)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert place.count(rows, "source = 'desk'") == written
