"""What each verb loads, in a process of its own: nothing heavy that it does not need (C2)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import wsla
from wsla.cli import VERBS

from . import march

HEAVY = frozenset(
    {
        "asyncio",
        "duckdb",
        "h11",
        "holidays",
        "http",
        "dateutil",
        "httpx",
        "icalendar",
        "matplotlib",
        "multiprocessing",
        "numpy",
        "pandas",
    }
    | {"polars", "psycopg", "pyarrow", "rich", "smtplib", "sqlalchemy", "sqlite3", "ssl"}
)
BY_LARK = frozenset({"json", "tempfile", "urllib"})
"""What comes with lark, which the source tree needs for its tables and an installation does not."""
STORE = frozenset({"sqlite3"})
BUSY = frozenset({"asyncio", "http", "multiprocessing", "smtplib", "sqlite3", "ssl"})
ALLOWED = {
    "report": STORE,
    "verify": STORE | {"numpy"},
    "correct": STORE,
    "ledger": STORE,
    "backup": STORE,
    "restore": STORE,
    "claim": STORE,
    "settle": STORE,
    "outbox": STORE,
    "ack": STORE,
    "silence": STORE,
    "run": BUSY,
    "demo": BUSY,
}
"""What a verb may load of all that, when it does its work; every other verb nothing."""
PROGRAM = """
import json, sys
from wsla.cli import main
try:
    main()
finally:
    with open(sys.path[0] + "/loaded.json", "w") as file:
        json.dump(sorted({name.partition(".")[0] for name in sys.modules}), file)
"""
TEXT = """\
agreement "Imports" version 1 {
  effective 2026-03-01 in "Europe/Madrid"
  party host "Host" provider
  party shop "Shop" consumer
  schedule office { Monday-Friday 09:00-17:00 except 2026-04-03 }
  service search "Search" { fee 100 EUR per month }
  source probe = push { healthy bool took elapsed in ms }
  metric uptime = availability(probe.ok) each month during office
  goal available: host guarantees uptime >= 99% { otherwise credit shop 10% of search.fee }
}
test "an outage" {
  given probe.ok = false every 1h from 2026-03-02 until 2026-04-01
  expect available violated in 2026-03
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imports")
    march.fill(folder / "wsla.db")
    (folder / "march.sla").write_text(march.TEXT, "utf-8")
    (folder / "sound.sla").write_text(
        TEXT.replace("{ healthy bool took elapsed in ms }", "every 1h"), "utf-8"
    )
    (folder / "broken.sla").write_text(TEXT.replace("goal", "gaol"), "utf-8")
    rows = "".join(f"2026-03-{day:02}T{hour:02}:00:00Z,true\n" for day in range(2, 30) for hour in range(24))
    (folder / "probe.csv").write_text(f"time,ok\n{rows}", "utf-8")
    return folder


def loaded_by(folder: Path, *arguments: str) -> tuple[int, frozenset[str], str]:
    """(exit code, packages and modules at the top, what was said) of the command in a fresh process."""
    (folder / "main.py").write_text(PROGRAM, "utf-8")
    finished = subprocess.run(
        [sys.executable, str(folder / "main.py"), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(wsla.__path__[0]).parent)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    loaded = json.loads((folder / "loaded.json").read_text("utf-8"))
    return finished.returncode, frozenset(loaded), finished.stdout + finished.stderr


WORK: tuple[tuple[int, str], ...] = (
    (0, "check sound.sla"),
    (1, "check broken.sla"),
    (1, "fmt --check march.sla"),
    (1, "fmt --check broken.sla"),
    (0, "explain E0104"),
    (0, "test sound.sla"),
    (0, "diff sound.sla sound.sla"),
    (0, "prove sound.sla"),
    (1, "import sound.sla"),
    (2, "export sound.sla --to nothing"),
    (0, "deploy-view sound.sla --for shop"),
    (0, "dump --phase plan sound.sla"),
    (0, "eval sound.sla --data probe=probe.csv"),
    (0, "calendar sound.sla --at 2026-03-01 --format text"),
    (0, "report march.sla --store wsla.db"),
    (0, "ledger --store wsla.db"),
    (0, "verify wsla.db"),
    (1, "backup nowhere.db copy.db"),
    (1, "restore nowhere.db copy.db"),
    (1, "claim nothing --store wsla.db"),
    (1, "settle nothing issued --store wsla.db"),
    (1, "correct nothing --store wsla.db"),
    (0, "outbox --store wsla.db"),
    (1, "ack nothing --by me --store wsla.db"),
    (1, "silence nothing --for 1h --by me --reason x --store wsla.db"),
    (1, "run broken.sla"),
)


@pytest.mark.parametrize(("code", "line"), WORK, ids=[line for _, line in WORK])
def test_a_verb_at_work_loads_what_it_needs(code: int, line: str, folder: Path) -> None:
    verb, *_ = arguments = line.split()
    ended, loaded, said = loaded_by(folder, *arguments)
    assert ended == code, said
    assert "Traceback" not in said
    assert loaded & HEAVY <= ALLOWED.get(verb, frozenset())


def lines() -> Iterator[tuple[str, ...]]:
    yield ("--help",)
    yield from ((verb, "--help") for verb in VERBS)


@pytest.mark.parametrize("arguments", list(lines()), ids=" ".join)
def test_help_loads_nothing(arguments: tuple[str, ...], folder: Path) -> None:
    ended, loaded, said = loaded_by(folder, *arguments)
    assert ended == 0, said
    assert loaded & (HEAVY | {"lark"}) <= ALLOWED.get(arguments[0], frozenset())


@pytest.mark.parametrize("arguments", [("check", "sound.sla"), ("fmt", "--check", "sound.sla")], ids=" ".join)
def test_a_sound_text_needs_none_of_what_makes_a_start_slow(arguments: tuple[str, ...], folder: Path) -> None:
    _, loaded, _ = loaded_by(folder, *arguments)
    assert loaded & {"difflib", "json", "tempfile", "urllib"} <= BY_LARK
    assert loaded & {"xml", "pyexpat", "yaml"} == set()


def test_every_verb_is_looked_at_and_what_is_heavy_is_seen(folder: Path) -> None:
    # These ask questions or go on until they are stopped: their help must do.
    assert {line.split()[0] for _, line in WORK} == VERBS.keys() - {"new", "demo"}
    _, loaded, _ = loaded_by(folder, "ledger", "--store", "wsla.db")
    assert "sqlite3" in loaded
