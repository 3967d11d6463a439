"""`wsla verify`: what was altered is named, by its link; two parties' records are held against each other."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from wsla.reporting import verification
from wsla.store import packing
from wsla.store.chain import Link
from wsla.store.evidence import HoursInMemory
from wsla.store.interventions import Intervention
from wsla.store.records import Batch, Decided, Judged, Observed
from wsla.store.sqlite import Store
from wsla.values.instants import DAY, MINUTE
from wsla.values.observations import Observation

from . import march

Run = Callable[..., Any]
FIRST_DAY = "(SELECT min(window_end) FROM judgements)"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("verify") / "sound.db"
    march.fill(path)
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    """The store of March, to be altered."""
    path = tmp_path / "wsla.db"
    shutil.copy(sound, path)
    return path


def alter(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0
    connection.close()


def findings(run_wsla: Run, path: Path, *more: object) -> list[str]:
    done = run_wsla("verify", path, "--format", "json", *more)
    value = json.loads(done.out)
    assert done.code == (0 if value["good"] else 1)
    return [
        *value["findings"],
        *(f"{found['link']} {found['what']}" for one in value["agreements"] for found in one["findings"]),
    ]


def test_a_sound_store_is_sound(run_wsla: Run, path: Path) -> None:
    done = run_wsla("verify", path)
    assert done.code == 0, done.said
    assert "45 links" in done.out
    assert "41 verdicts judged again by the engine of " in done.out
    assert "all is as it was stored" in done.out


@pytest.mark.parametrize("few", [10, 100_000])
def test_engines_other_than_the_daemons_judge_again(
    run_wsla: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    path = tmp_path / "short.db"
    march.fill(path, "2026-03-03T12:00")
    monkeypatch.setattr(verification, "FEW", few)
    done = run_wsla("verify", path)
    assert done.code == 0, done.said
    assert ("reference" in done.out) == (few > 10)


def test_packed_and_rolled_up_it_is_sound(run_wsla: Run, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "ENOUGH", 1)
    found = march.agreement()
    with Store.open(str(path), writer=True) as store:
        for day in range(2, 10):
            until = found.instant(f"2026-03-{day:02}")
            store.pack(store.streams_to_pack(until), until)
        until = found.instant("2026-03-08")
        assert store.thin(store.streams_to_thin(march.TITLE, until, 0, 9), until, DAY).observations > 0
    done = run_wsla("verify", path)
    assert done.code == 0, done.said
    assert "verdicts rest on what is no longer kept" in done.out


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "UPDATE observations SET fields = '{\"ok\":true}' WHERE fields = '{\"ok\":false}'",
            [
                "11 verdict awake in 2026-03-09T23:00:00Z..2026-03-10T23:00:00Z rested on",
                "give met",
                "32 verdict",
            ],
        ),
        ("DELETE FROM observations WHERE arrival = 100", ["2 verdict awake", "stored are 143"]),
        (
            "INSERT INTO observations (agreement_id, stream_id, row, at, received_at, fields)"
            " SELECT agreement_id, stream_id, '', at + 1, at, fields FROM observations WHERE arrival = 100",
            ["2 verdict awake", "stored are 145"],
        ),
        (
            "UPDATE judgements SET verdict = 'met', content = replace(content, 'violated', 'met')"
            " WHERE verdict = 'violated' AND goal = 'awake'",
            ["11 verdict awake", "is not what was stored", "was said to be met"],
        ),
        (f"DELETE FROM judgements WHERE window_end = {FIRST_DAY}", ["2 verdict awake", "is missing"]),
        (
            "UPDATE entries SET content = replace(content, '60.00', '6.00')",
            [
                "the ledger was altered at the entry",
                "is not what was stored",
                "the credit of 6.00 EUR from carrier to store for reachable",
                "would be 60.00 EUR from carrier to store",
            ],
        ),
        ("UPDATE chain SET sha256 = 'x' WHERE number = 7", ["7 verdict awake", "the link was altered"]),
        ("UPDATE chain SET evidence = NULL WHERE number = 7", ["7 verdict awake", "the link was altered"]),
        ("UPDATE chain SET recorded_at = 5 WHERE number = 7", ["7 verdict awake", "the link was altered"]),
        ("DELETE FROM chain WHERE number = 7", ["8 verdict awake", "one before it is missing"]),
        ("UPDATE agreement_texts SET text = text || ' '", ["1 text 1 is not what was stored"]),
        (
            "INSERT INTO intents (id, agreement_id, at, content, recorded_at)"
            " SELECT 'more', agreement_id, at, content, recorded_at FROM intents LIMIT 1",
            ["intent more is in no link of the chain"],
        ),
    ],
)
def test_what_was_altered_is_named(run_wsla: Run, path: Path, statement: str, words: list[str]) -> None:
    alter(path, statement)
    found = "\n".join(findings(run_wsla, path))
    for word in words:
        assert word in found
    assert run_wsla("verify", path).code == 1


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE interventions SET author = 'Somebody'", ["intervention 1 is not what was stored"]),
        ("UPDATE interventions SET until = until + 1", ["intervention 1 is not what was stored"]),
        ("DELETE FROM interventions", ["intervention 1 is missing"]),
        (
            "INSERT INTO interventions SELECT 2, kind, agreement_id, '', target, at, until, author, note, 0"
            " FROM interventions",
            ["intervention 2 is in no link of the chain"],
        ),
    ],
)
def test_what_people_did_is_a_part_of_it(run_wsla: Run, path: Path, statement: str, words: list[str]) -> None:
    at = march.agreement().instant("2026-03-05")
    silence = Intervention(
        kind="silence", agreement=march.TITLE, subject="", at=at, until=at + DAY, author="Ana", note="moving"
    )
    with Store.open(str(path), writer=False, beside=True) as store:
        store.intervene([silence])
    assert findings(run_wsla, path) == []
    alter(path, statement)
    found = "\n".join(findings(run_wsla, path))
    for word in words:
        assert word in found


def test_a_verdict_that_was_never_right_is_found(run_wsla: Run, tmp_path: Path) -> None:
    # Stored in the ordinary way, with its link and its evidence; but the observations say otherwise.
    path = tmp_path / "wrong.db"
    march.fill(path, "2026-03-05")
    found = march.agreement()
    window = (found.instant("2026-03-05"), found.instant("2026-03-06"))
    looks = tuple(
        Observed(march.TITLE, Observation(source="probe", at=at, fields={"ok": True}), at)
        for at in range(*window, 10 * MINUTE)
    )
    wrong = evolve(march.missed(*window).judgement, goal="awake")
    with Store.open(str(path), writer=True) as store:
        store.write(Batch(observations=looks, judgements=(Judged(march.TITLE, wrong, ("probe",)),)))
    assert findings(run_wsla, path) == [
        "5 verdict awake in 2026-03-04T23:00:00Z..2026-03-05T23:00:00Z was said to be violated; "
        "the stored observations give met"
    ]


def test_an_entry_that_was_never_owed_is_found(run_wsla: Run, path: Path) -> None:
    # Stored in the ordinary way, with its link; but no verdict gives rise to it.
    found = march.agreement()
    window = (found.instant("2026-03-04"), found.instant("2026-03-05"))
    with Store.open(str(path), writer=True) as store:
        store.write(Batch(decisions=(Decided(march.TITLE, march.entry("more", *window, "5.00")),)))
    [told] = findings(run_wsla, path)
    assert told.startswith(
        "46 the credit of 5.00 EUR from carrier to store for reachable in 2026-03-03T23:00:00Z.."
    )
    assert told.endswith("follows from no verdict")


@pytest.mark.parametrize("few", [10, 100_000])
def test_a_credit_that_was_never_booked_is_found(
    run_wsla: Run, path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(verification, "FEW", few)
    # As a store whose chain was computed anew without the entry.
    alter(path, "DELETE FROM entries", "DELETE FROM chain WHERE kind = 'entry'")
    assert any("60.00 EUR" in told and "was never booked" in told for told in findings(run_wsla, path))


def test_a_daemon_may_write_meanwhile(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "ENOUGH", 1)
    found = march.agreement()
    with Store.open(str(path), writer=True) as daemon, Store.open(str(path), writer=False) as store:
        links, hours = store.links, store.digest_hours
        number = 0

        def writing(key: str, after: int = 0) -> Iterator[Link]:
            nonlocal number
            taken = list(links(key, after))
            number += 1
            entry = march.entry(f"more {number}", 0, found.instant("2026-04-01"), "5.00")
            daemon.write(Batch(decisions=(Decided(key, entry),)))
            return iter(taken)

        def thinning(key: str, step: Callable[[int], None]) -> HoursInMemory:
            for day in range(2, 10):
                until = found.instant(f"2026-03-{day:02}")
                daemon.pack(daemon.streams_to_pack(until), until)
            until = found.instant("2026-03-08")
            assert daemon.thin(daemon.streams_to_thin(key, until, 0, 9), until, DAY).observations > 0
            return hours(key, step)

        monkeypatch.setattr(store, "links", writing)
        monkeypatch.setattr(store, "digest_hours", thinning)
        assert verification.verify_agreement(store, march.TITLE, lambda *_: None).findings == []
        assert number == 1


def test_two_parties_stores(run_wsla: Run, path: Path, sound: Path, tmp_path: Path) -> None:
    assert findings(run_wsla, path, "--against", sound) == []
    # One that ends earlier tells the same story as far as it goes.
    shorter = tmp_path / "shorter.db"
    shutil.copy(sound, shorter)
    alter(shorter, "DELETE FROM chain WHERE number > 10")
    assert findings(run_wsla, path, "--against", shorter) == []
    # One that was written anew has other times in its links.
    anew = tmp_path / "anew.db"
    march.fill(anew)
    assert findings(run_wsla, anew) == []
    assert findings(run_wsla, path, "--against", anew) == ["1 here it is text 1, there text 1"]
    alter(path, "UPDATE chain SET digest = 'x' WHERE number = 9")
    found = findings(run_wsla, sound, "--against", path)
    assert len(found) == 1
    assert found[0].startswith("9 here it is verdict awake")


def exported(run_wsla: Run, path: Path, tmp_path: Path, verb: str) -> Path:
    file = tmp_path / f"{verb}.json"
    if verb == "verify":
        done = run_wsla("verify", path, "--format", "json")
    else:
        (tmp_path / "parcels.sla").write_text(march.TEXT, "utf-8")
        done = run_wsla("report", tmp_path / "parcels.sla", "--store", path, "--format", "json")
    file.write_text(done.out, "utf-8")
    return file


@pytest.mark.parametrize("verb", ["verify", "report"])
def test_what_the_other_party_printed(run_wsla: Run, path: Path, tmp_path: Path, verb: str) -> None:
    file = exported(run_wsla, path, tmp_path, verb)
    assert findings(run_wsla, path, "--against", file) == []
    # A store that was written anew is sound in itself, and still another one.
    other = tmp_path / "other.db"
    march.fill(other, "2026-04-10T12:10")
    value = json.loads(file.read_text("utf-8"))
    end = value["agreements"][0]["chain"] if verb == "verify" else value["chain"]
    end["digest"] = "0" * 64
    file.write_text(json.dumps(value), "utf-8")
    assert findings(run_wsla, other, "--against", file) == [
        f"{end['links']} the chain up to here is not the one that the other tells of"
    ]
    end["links"] = 1000
    file.write_text(json.dumps(value), "utf-8")
    assert findings(run_wsla, path, "--against", file) == [
        "None the other tells of 1000 links, here there are 45"
    ]


def test_a_report_that_says_otherwise(run_wsla: Run, path: Path, tmp_path: Path) -> None:
    file = exported(run_wsla, path, tmp_path, "report")
    text = file.read_text("utf-8").replace('"verdict": "violated"', '"verdict": "met"')
    file.write_text(text, "utf-8")
    found = findings(run_wsla, path, "--against", file)
    assert found
    assert all("the other reports" in one and "here it is violated" in one for one in found)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "is nothing that"),
        ('{"agreements": [{"title": "x"}]}', "holds no agreement “x”"),
        ('{"agreements": [{"title": "Parcel tracking"}]}', "is not what"),
    ],
)
def test_other_files_are_refused(
    run_wsla: Run, path: Path, tmp_path: Path, content: str | None, words: str
) -> None:
    file = tmp_path / "other.json"
    if content is not None:
        file.write_text(content, "utf-8")
    done = run_wsla("verify", path, "--against", file)
    assert done.code == 1
    assert words in done.err


def test_a_damaged_segment_ends_it_with_a_message(
    run_wsla: Run, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "ENOUGH", 1)
    with Store.open(str(path), writer=True) as store:
        until = march.agreement().instant("2026-03-08")
        store.pack(store.streams_to_pack(until), until)
    alter(path, "UPDATE segments SET content = CAST(content || x'00' AS BLOB)")
    done = run_wsla("verify", path)
    assert done.code == 1
    assert "is damaged" in done.err
