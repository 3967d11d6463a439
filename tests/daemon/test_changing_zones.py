"""C6: the database of time zones is replaced, and the daemon starts anew: what was closed stays as it was."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zoneinfo
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import wsla
from wsla.values.instants import DAY, HOUR, parse_instant

PROGRAM = Path(__file__).with_name("changing_zones.py")
START = parse_instant("2025-12-31T23:00Z")
CHANGED = parse_instant("2026-03-20T00:00Z")
END = parse_instant("2026-06-10T00:00Z")


def keep(store: Path, since: int, until: int, *more: str, zones: Path | None = None) -> Any:
    environ = {**os.environ, "PYTHONPATH": str(Path(wsla.__path__[0]).parent)}
    if zones is not None:
        environ["PYTHONTZPATH"] = str(zones)
    command = [sys.executable, str(PROGRAM), str(store), str(since), str(until), *more]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def another_berlin(folder: Path) -> Path:
    """A database in which Berlin keeps the time of Athens."""
    (folder / "Europe").mkdir(parents=True)
    for place in zoneinfo.TZPATH:
        known = Path(place) / "Europe" / "Athens"
        if known.exists():
            shutil.copy(known, folder / "Europe" / "Berlin")
            return folder
    import tzdata

    shutil.copy(Path(tzdata.__file__).parent / "zoneinfo/Europe/Athens", folder / "Europe" / "Berlin")
    return folder


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A store, and what is in it by the day of the change."""
    store = tmp_path_factory.mktemp("zones") / "wsla.db"
    return store, keep(store, START, CHANGED)


@pytest.mark.parametrize("more", [(), ("forget",)])
def test_closed_periods_do_not_change(tmp_path: Path, kept: tuple[Path, Any], more: tuple[str, ...]) -> None:
    """C6, with the engine's state and with a state that has to be computed anew."""
    store, before = tmp_path / "wsla.db", kept[1]
    shutil.copy(kept[0], store)
    assert len(before["windows"]) == len(before["entries"]) == len(before["intents"]) == 2
    after = keep(store, CHANGED, END, *more, zones=another_berlin(tmp_path / "zones"))
    assert after["midnight"] == before["midnight"] - HOUR
    for kind in ("windows", "entries", "intents"):
        assert after[kind][:2] == before[kind]
        # One more for each of March, April and May.
        assert len(after[kind]) == 5
    # Where the period that was open ends, and the next one begins, is said by one of the two databases.
    starts = [start for start, _, _ in after["windows"]]
    assert all(27 * DAY < late - early < 32 * DAY for early, late in pairwise(starts))
