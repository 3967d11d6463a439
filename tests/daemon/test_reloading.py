"""Files that change under a running daemon: one state of all of them is taken as a whole, or nothing is (R1 to R6)."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import wsla
from wsla.daemon.config import load_config
from wsla.reporting.verification import verify_agreement
from wsla.store.sqlite import Store
from wsla.texts import LARGEST_FILE
from wsla.values.instants import SECOND


def status(running: Any) -> Any:
    return running.ask(lambda daemon: daemon.status())


def versions(running: Any) -> dict[str, int]:
    return {one.title: one.version for one in status(running).agreements}


def checked(folder: Path) -> int:
    """The exit code of `wsla check`."""
    environ = {**os.environ, "PYTHONPATH": str(Path(wsla.__path__[0]).parent)}
    command = [sys.executable, "-m", "wsla", "check", str(folder)]
    return subprocess.run(command, env=environ, capture_output=True, check=False).returncode


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.sla")


MALFORMED: dict[str, tuple[Callable[[Path, str], object], str]] = {
    "syntax": (lambda path, text: path.write_text(text.replace("guarantees", "guarantes")), "quick.sla:11:"),
    "type": (lambda path, text: path.write_text(text.replace(">= 99%", ">= 99ms")), "quick.sla:11:"),
    "name": (lambda path, text: path.write_text(text.replace("not up for", "not upp for")), "quick.sla:15:"),
    "import": (lambda path, text: path.write_text('import "gone.sla"\n' + text), "quick.sla:1:8: E0901"),
    "bytes": (lambda path, text: path.write_bytes(b"\xff" + text.encode()), "not UTF-8 (line 1)"),
    "large": (lambda path, text: path.write_bytes(b"#" * (LARGEST_FILE + 1)), "larger than 16 MiB"),
    "link": (lambda path, text: dangling(path), "no such file"),
    "empty": (lambda path, text: path.write_text(""), "quick.sla:1:1: E0120"),
}


def test_a_broken_file_changes_nothing_and_mends_itself(place: Any) -> None:
    """R1: everything stays, the other file's change too, until the set is sound; every error has its place."""
    text, other = (place.text(title=title, every="2s", timeout="2s") for title in ("Quick", "Other"))
    path = place.write(text)
    place.write(other, "other.sla")
    running = place.run()
    place.until(lambda: place.count("observations") > 3)
    probers = running.ask(lambda daemon: daemon._keeper.runners)
    for name, (damage, words) in MALFORMED.items():
        before = running.ask(lambda daemon: daemon.reloads)
        damage(path, text)
        place.write(other.replace("version 1", "version 2"), "other.sla")
        running.reload()
        found = status(running)
        assert words in "\n".join(found.broken), name
        assert versions(running) == {"Quick": 1, "Other": 1}, name
        assert checked(place.folder) == 1, name
        if path.is_symlink():
            path.unlink()
        path.write_text(text)
        place.write(other, "other.sla")
        running.reload()
        assert not status(running).broken, name
        assert status(running).sound_at > found.sound_at, name
        assert running.ask(lambda daemon: daemon.reloads) >= before + 2
    # Not one source was touched, and none was late by a whole turn but for what a busy machine does.
    assert running.ask(lambda daemon: daemon._keeper.runners) == probers
    count = place.count("observations")
    place.until(lambda: place.count("observations") > count + 2)
    assert running.stop() == 0
    assert place.count("observations", "failure = 'observer-shutdown'") <= 2
    assert place.count("observations", "failure = 'observer-missed'") <= 10
    assert place.count("registrations") == 2


def test_changed_files_are_taken_without_being_asked(place: Any) -> None:
    """R2: written over, renamed into place, broken and mended again."""
    path = place.write(place.text())
    running = place.run()
    path.write_text(place.text(version=2, promised="98%"))
    place.until(lambda: versions(running) == {"Quick": 2})
    new = place.folder / ".quick.sla.swp"
    new.write_text(place.text(version=3, promised="97%"))
    new.replace(path)
    place.until(lambda: versions(running) == {"Quick": 3})
    path.write_text("agreement {")
    place.until(lambda: status(running).broken)
    assert versions(running) == {"Quick": 3}
    path.write_text(place.text(version=4, promised="96%"))
    place.until(lambda: versions(running) == {"Quick": 4})
    assert not status(running).broken
    reloads = status(running).reloads
    assert running.stop() == 0
    # Each of the four, and as often as a file was seen when it was half written.
    assert reloads <= 8


def test_a_mounted_set_is_swapped_as_one(place: Any) -> None:
    """R2: `..data` of Kubernetes; both files are of one state or the other at every moment."""
    for number in (1, 2):
        version = place.folder / "mounted" / f"..state_{number}"
        version.mkdir(parents=True)
        for title in ("One", "Two"):
            content = place.text(title=title, version=number, promised=f"9{number}%")
            (version / f"{title}.sla").write_text(content)
    mounted = place.folder / "mounted"
    (mounted / "..data").symlink_to("..state_1")
    for title in ("One", "Two"):
        (mounted / f"{title}.sla").symlink_to(f"..data/{title}.sla")
    running = place.run(mounted)
    assert versions(running) == {"One": 1, "Two": 1}
    (mounted / "..new").symlink_to("..state_2")
    (mounted / "..new").rename(mounted / "..data")
    place.until(lambda: versions(running) == {"One": 2, "Two": 2})
    assert running.stop() == 0
    assert sum("2 agreements changed" in line for line in running.lines) == 1


def test_files_that_change_while_they_are_read_are_read_again(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R2: never a part of one state and a part of another."""
    from wsla.daemon import reloading

    for title in ("One", "Two"):
        place.write(place.text(title=title), f"{title}.sla")
    running = place.run()
    read = reloading.find_agreements
    calls = []

    def reads_slowly(*values: Any) -> Any:
        calls.append(1)
        found = read(*values)
        if len(calls) == 1:
            place.write(place.text(title="Two", version=2, promised="98%"), "Two.sla")
        return found

    monkeypatch.setattr(reloading, "find_agreements", reads_slowly)
    place.write(place.text(title="One", version=2, promised="98%"), "One.sla")
    running.reload()
    assert versions(running) == {"One": 2, "Two": 2}
    assert running.stop() == 0
    assert sum("2 agreements changed" in line for line in running.lines) == 1


def test_files_that_never_hold_still_wait(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from wsla.daemon import reloading

    path = place.write(place.text())
    running = place.run()
    read = reloading.find_agreements
    restless = threading.Event()
    restless.set()
    calls: list[int] = []

    def reads_slowly(*values: Any) -> Any:
        found = read(*values)
        if restless.is_set():
            calls.append(1)
            path.write_text(place.text(version=2, promised="98%") + "#" * len(calls))
        return found

    monkeypatch.setattr(reloading, "find_agreements", reads_slowly)
    running.ask(lambda daemon: daemon.reload())
    place.until(lambda: any("once they hold still" in line for line in running.lines))
    assert versions(running) == {"Quick": 1}
    restless.clear()
    place.until(lambda: versions(running) == {"Quick": 2})
    assert running.stop() == 0


def test_the_configuration_and_its_secrets_are_read_again(place: Any) -> None:
    config, secret = place.folder / "wsla.toml", place.folder / "hook"
    secret.write_text("first secret\n")
    config.write_text('[secrets]\nHOOK_SECRET = { file = "hook" }\n')
    place.environ.clear()
    place.write(place.text())
    running = place.run(config=load_config(config, {}))

    def signed_with() -> Any:
        [kept] = running.ask(lambda daemon: list(daemon._keeper.agreements.values()))
        return dict(kept.deployment.channels["globex"].options)["secret"]

    assert signed_with() == "first secret"
    secret.write_text("second secret\n")
    place.until(lambda: signed_with() == "second secret")
    secret.unlink()
    place.until(lambda: status(running).broken)
    assert signed_with() == "second secret"
    secret.write_text("third secret\n")
    place.until(lambda: signed_with() == "third secret")
    config.write_text('[secrets]\nHOOK_SECRET = { file = "hook" }\n[bindings.sources.none]\nevery = "1s"\n')
    place.until(lambda: "there is no such source" in "".join(status(running).broken))
    config.write_text("[secrets\n")
    place.until(lambda: "this is not TOML" in "".join(status(running).broken))
    config.write_text('[secrets]\nHOOK_SECRET = { file = "hook" }\n[reload]\non_change = false\n')
    place.until(lambda: not status(running).broken)
    reloads = status(running).reloads
    secret.write_text("fourth secret\n")
    count = place.count("observations")
    place.until(lambda: place.count("observations") > count + 30)
    assert (signed_with(), status(running).reloads) == ("third secret", reloads)
    running.reload()
    assert signed_with() == "fourth secret"
    assert running.stop() == 0


def test_an_imported_file_that_changes_changes_the_agreement(place: Any) -> None:
    head, _, rest = place.text().partition("  goal")
    (place.folder / "shared").mkdir()
    terms = place.folder / "shared" / "terms.txt"
    terms.write_text(
        "template Promised(promised: quantity) {\n  goal" + rest.replace(">= 99%", ">= promised")
    )
    path = place.write('import "shared/terms.txt"\n' + head + "  use Promised(promised = 99%)\n}\n")
    running = place.run(path)
    terms.write_text(terms.read_text().replace("5 EUR", "6 EUR"))
    place.until(lambda: any("1 agreement changed" in line for line in running.lines))
    terms.rename(place.folder / "elsewhere")
    place.until(lambda: "E0901" in "".join(status(running).broken))
    (place.folder / "elsewhere").rename(terms)
    place.until(lambda: not status(running).broken)
    assert running.stop() == 0


def test_an_agreement_that_comes_back_has_its_history(place: Any) -> None:
    """R3: removed, renamed and written again, in a file of another name: history and ledger are as they were."""
    path = place.write(place.text())
    # A busy machine makes a look take too long: what is promised of the others is kept all the same.
    beside = {"url": f"{place.service.url}/ok", "promised": "1%", "patience": "1h"}
    place.write(place.text(title="Other", **beside), "other.sla")
    place.service.healthy = False
    running = place.run()
    place.until(lambda: place.count("entries") >= 1)
    place.service.healthy = True
    path.unlink()
    running.reload()
    assert versions(running) == {"Other": 1}
    ids = "SELECT id FROM agreements WHERE key = 'Quick'"
    observations = f"SELECT at FROM observations WHERE agreement_id IN ({ids})"
    # What was under way when the file went may be stored a moment later.
    booked, seen = place.rows("SELECT id, content FROM entries"), set(place.rows(observations))
    place.write(place.text(title="Renamed", **beside), "quick.sla")
    running.reload()
    assert versions(running) == {"Other": 1, "Renamed": 1}
    assert place.rows("SELECT id, content FROM entries")[: len(booked)] == booked
    assert seen <= set(place.rows(observations))
    place.write(place.text(), "again.sla")
    running.reload()
    before = len(place.rows(observations))
    place.until(lambda: len(place.rows(observations)) > before + 15)
    assert seen <= set(place.rows(observations))
    assert place.rows("SELECT id, content FROM entries")[: len(booked)] == booked
    assert running.stop() == 0
    keys = [key for (key,) in place.rows("SELECT key FROM agreements ORDER BY key")]
    assert keys == ["Other", "Quick", "Renamed"]
    assert place.count("registrations") == 3
    with Store.open(str(place.store), writer=False) as store:
        for title in keys:
            assert verify_agreement(store, title, lambda *_: None).findings == []
        assert len(store.agreement_history("Quick")) == 1


def test_one_more_agreement_touches_no_other(place: Any) -> None:
    """R4: again and again one more; every source that ran before is the same one, and nothing is left behind."""
    for number in range(10):
        place.write(place.text(title=f"Kept {number}", every="2s", timeout="1s"), f"kept{number}.sla")
    running = place.run()
    before = running.ask(lambda daemon: daemon._keeper.runners)
    extra = place.folder / "extra.sla"
    for round_ in range(5):
        extra.write_text(place.text(title=f"Extra {round_}", every="2s", timeout="1s"))
        running.reload()
        runners = running.ask(lambda daemon: daemon._keeper.runners)
        assert runners[:10] == before
        assert len(runners) == 11
    extra.unlink()
    running.reload()
    assert running.ask(lambda daemon: daemon._keeper.runners) == before
    assert status(running).running_probes <= 10
    # What is due when the daemon stops is no look that a reload has ended.
    before_the_end = time.time_ns() - SECOND
    assert running.stop() == 0
    ended = (
        "SELECT 1 FROM observations JOIN agreements ON agreements.id = agreement_id"
        f" WHERE failure = 'observer-shutdown' AND key LIKE 'Kept%' AND at < {before_the_end}"
    )
    assert place.rows(ended) == []


def test_a_storm_of_reloads_ends_with_the_last_state(place: Any) -> None:
    """R5: one after the other, the last one wins."""
    path = place.write(place.text())
    running = place.run()
    for version in range(2, 12):
        path.write_text(place.text(version=version, promised=f"{99 - version}%"))
        running.ask(lambda daemon: [daemon.reload() for _ in range(50)])
    place.until(lambda: versions(running) == {"Quick": 11})
    # Of each fifty the first, and one more for those that came while it ran; a change is seen without a demand too.
    assert status(running).reloads <= 3 * 10
    assert running.stop() == 0
    kept = [
        row[0]
        for row in place.rows(
            "SELECT version FROM registrations JOIN agreement_texts ON agreement_texts.id = text_id ORDER BY sequence"
        )
    ]
    assert kept == sorted(kept)
    assert kept[-1] == 11
    with Store.open(str(place.store), writer=False) as store:
        assert verify_agreement(store, "Quick", lambda *_: None).findings == []


def test_other_terms_in_the_middle_of_a_window(place: Any) -> None:
    """R6: what was final stays, the window under way is judged by the new terms, and both texts are kept."""
    place.service.healthy = False
    path = place.write(place.text(window="2s"))
    running = place.run(path)
    place.until(lambda: place.count("entries") >= 1)
    old = place.rows(
        "SELECT window_start, window_end, content FROM judgements WHERE final ORDER BY window_end"
    )
    booked = place.rows("SELECT id, content FROM entries ORDER BY at, id")
    path.write_text(place.text(window="2s", version=2, promised="0.01%"))
    place.service.healthy = True
    running.reload()
    place.until(lambda: place.count("judgements", "final AND verdict = 'met'") >= 2)
    assert running.stop() == 0
    all_ = place.rows(
        "SELECT window_start, window_end, content FROM judgements WHERE final ORDER BY window_end"
    )
    assert all_[: len(old)] == old
    # Every instant belongs to one window: none twice, none to no version.
    assert all(early[1] == late[0] for early, late in pairwise(all_))
    assert {json.loads(row[2])["verdict"] for row in all_[len(old) + 1 :]} == {"met"}
    assert place.rows("SELECT id, content FROM entries ORDER BY at, id")[: len(booked)] == booked
    with Store.open(str(place.store), writer=False) as store:
        history = store.agreement_history("Quick")
        assert verify_agreement(store, "Quick", lambda *_: None).findings == []
    assert [one.version for one in history] == [1, 2]
    assert history[0].at < history[1].at


def test_changed_files_wait_for_a_store_that_cannot_be_written(place: Any) -> None:
    path = place.write(place.text())
    running = place.run(path)
    place.until(lambda: place.count("observations") > 3)
    blocker = sqlite3.connect(place.store, isolation_level=None, timeout=10)
    blocker.execute("BEGIN IMMEDIATE")
    place.until(lambda: status(running).store_trouble)
    path.write_text(place.text(version=2, promised="98%"))
    place.until(lambda: any("once the store can be written again" in line for line in running.lines))
    assert versions(running) == {"Quick": 1}
    blocker.execute("ROLLBACK")
    blocker.close()
    place.until(lambda: versions(running) == {"Quick": 2})
    assert running.stop() == 0
