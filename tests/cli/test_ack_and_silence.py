"""`wsla ack` and `wsla silence`: what they note, and for whom they are no use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsla.plan.model import Target
from wsla.remedies.decisions import Intent, Words
from wsla.store.records import Batch, Decided
from wsla.store.sqlite import Store

from . import march

Run = Callable[..., Any]
HOUR = 3600 * 10**9


def message(step: str, start: str, labels: tuple[tuple[str, str], ...] = ()) -> Intent:
    text = ",".join(f"{name}={value}" for name, value in labels)
    return Intent(
        id=f"Parcel tracking|v1|rule down|{step}|2026-04-{start}|{text}|0",
        verb="notify",
        targets=(Target(party="carrier"),),
        at=march.agreement().instant(f"2026-04-{start}") + HOUR,
        cause="down",
        labels=labels,
        window=None,
        words=Words.of(f"down since {start} {text}".strip(), "The text."),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An episode that is over, and one that is not for each of two regions."""
    found, path = march.agreement(), tmp_path / "wsla.db"
    north, south = (("region", "north"),), (("region", "south"),)
    told = (
        message("fired 1", "01", north),
        message("recovery 1", "01", north),
        message("fired 1", "02", north),
        message("repeat 1 action 1", "02", north),
        message("fired 1", "03", south),
    )
    with Store.open(str(path), writer=True) as store:
        store.write(Batch(agreements=(march.version_of(found, 1),)))
        store.write(Batch(decisions=tuple(Decided(march.TITLE, one) for one in told)))
    return path


@pytest.fixture
def act(run_wsla: Run, path: Path) -> Run:
    return lambda *arguments: run_wsla(*arguments, "--store", path)


def noted(path: Path, kind: Any) -> list[Any]:
    with Store.open(str(path), writer=False) as store:
        return store.interventions(kind)


def test_a_rule_stands_for_its_episodes_that_are_not_over(act: Run, path: Path) -> None:
    finished = act("ack", "down", "--by", "Ana", "--note", "ticket 7")
    assert (finished.code, finished.err) == (0, "")
    assert finished.out.splitlines() == [
        "acknowledged: down since 02 region=north (Parcel tracking)",
        "acknowledged: down since 03 region=south (Parcel tracking)",
    ]
    assert [(one.subject, one.author, one.note) for one in noted(path, "acknowledge")] == [
        ("Parcel tracking|v1|rule down|2026-04-02|region=north", "Ana", "ticket 7"),
        ("Parcel tracking|v1|rule down|2026-04-03|region=south", "Ana", "ticket 7"),
    ]


def test_one_message_stands_for_its_episode_and_once_is_enough(act: Run, path: Path) -> None:
    shown = json.loads(act("outbox", "--format", "json").out)["messages"]
    name = next(one["name"] for one in shown if "repeat" in one["id"])
    assert (
        act("ack", name, "--by", "Ana").out == "acknowledged: down since 02 region=north (Parcel tracking)\n"
    )
    again = act("ack", message("fired 1", "02", (("region", "north"),)).id, "--by", "Ben")
    assert (again.code, again.out) == (
        0,
        "was acknowledged before: down since 02 region=north (Parcel tracking)\n",
    )
    assert [one.author for one in noted(path, "acknowledge")] == ["Ana"]


def test_beside_a_daemon_that_keeps_the_store(act: Run, path: Path) -> None:
    with Store.open(str(path), writer=True) as daemon:
        assert daemon.changed_beside()
        assert act("ack", "down", "--by", "Ana").code == 0
        assert act("silence", march.TITLE, "--for", "2h", "--by", "Ana", "--reason", "work").code == 0
        assert daemon.changed_beside()


def test_a_silence_has_an_author_an_end_and_a_reason(act: Run, path: Path) -> None:
    finished = act(
        "silence", march.TITLE, "--goal", "awake", "--for", "2h", "--by", "Ana", "--reason", "planned work"
    )
    assert (finished.code, finished.err) == (0, "")
    assert finished.out.startswith("silenced until 20")
    assert finished.out.endswith(": “Parcel tracking”, awake\n")
    (one,) = noted(path, "silence")
    assert (one.subject, one.author, one.note, one.until - one.at) == (
        "awake",
        "Ana",
        "planned work",
        2 * HOUR,
    )
    ended = act("silence", march.TITLE, "--goal", "awake", "--end", "--by", "Ben")
    assert ended.out == "no longer silenced: “Parcel tracking”, awake\n"
    assert noted(path, "silence")[1].until == noted(path, "silence")[1].at


def test_the_outbox_tells_of_the_silences_that_hold(act: Run) -> None:
    act("silence", march.TITLE, "--goal", "awake", "--for", "2h", "--by", "Ana", "--reason", "planned work")
    act("silence", march.TITLE, "--for", "2h", "--by", "Ana", "--reason", "too much")
    act("silence", march.TITLE, "--end", "--by", "Ben")
    (line,) = [one for one in act("outbox").out.splitlines() if one.startswith("silenced until")]
    assert line.endswith("by Ana: “Parcel tracking”, awake: planned work")
    (value,) = json.loads(act("outbox", "--format", "json").out)["silences"]
    assert (value["cause"], value["by"], value["reason"]) == ("awake", "Ana", "planned work")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("ack", "nothing", "--by", "Ana"), 1, "there is no message nothing, and no episode"),
        (("ack", "down"), 2, "--by"),
        (("ack", "down", "--by", " "), 2, "--by names nobody"),
        (
            ("silence", "Parcels", "--for", "1h", "--by", "A", "--reason", "x"),
            1,
            "holds no agreement “Parcels”",
        ),
        (("silence", march.TITLE, "--by", "A", "--reason", "x"), 2, "say when it ends"),
        (("silence", march.TITLE, "--for", "1h", "--end", "--by", "A"), 2, "say when it ends"),
        (("silence", march.TITLE, "--for", "1h", "--by", "A"), 2, "--reason is needed"),
        (("silence", march.TITLE, "--for", "0s", "--by", "A", "--reason", "x"), 2, "ends after now"),
        (("silence", march.TITLE, "--for", "soon", "--by", "A", "--reason", "x"), 2, "--for"),
        (("silence", march.TITLE, "--for", "5 EUR", "--by", "A", "--reason", "x"), 2, "--for"),
        (("silence", march.TITLE, "--for", "9000h", "--by", "A", "--reason", "x"), 2, "a year at most"),
        (
            ("silence", march.TITLE, "--until", "2020-01-01", "--by", "A", "--reason", "x"),
            2,
            "ends after now",
        ),
        (
            ("silence", march.TITLE, "--goal", "fast", "--for", "1h", "--by", "A", "--reason", "x"),
            2,
            "has no goal or rule `fast`; it has reachable, awake",
        ),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    act: Run, path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    finished = act(*arguments)
    assert (finished.code, finished.out) == (code, "")
    assert words in finished.err
    assert noted(path, "acknowledge") == noted(path, "silence") == []
