"""N11: a daemon that may open few files says so, blames no service for it, and recovers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import wsla
from wsla.daemon.shortage import SHORT

PATH = str(Path(wsla.__file__).resolve().parents[1])
SCRIPT = Path(__file__).parent / "process.py"
MOST_FILES = 64
SOURCES = 150

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits on open files are of Unix")


def text(url: str, path: str, sources: int) -> str:
    lines = [
        'agreement "Many" version 1 {',
        '  effective 2026-01-01 in "UTC"',
        '  party acme "Acme" provider',
    ]
    for number in range(sources):
        lines += [
            f'  source web{number} = http "{url}{path}" every 1s timeout 450ms',
            f"  metric up{number} = web{number}.ok",
        ]
    return "\n".join([*lines, "}", ""])


def test_too_few_descriptors_are_the_observers_fault_and_it_recovers(place: Any) -> None:
    """N11: looks that find no descriptor are unknown, it is told once, and fewer looks are good again."""
    path = place.write(text(place.service.url, "/hang", SOURCES))
    config = place.folder / "wsla.toml"
    config.write_text(f"[limits]\nper_host = {SOURCES}\n")
    said = place.folder / "said.txt"
    command = [
        sys.executable,
        str(SCRIPT),
        str(place.store),
        str(config),
        str(place.folder / "accepted"),
        str(path),
    ]
    limited = ["/bin/sh", "-c", f'ulimit -n {MOST_FILES}; exec "$@"', "sh", *command]
    with said.open("w") as output:
        process = subprocess.Popen(
            limited, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": PATH}
        )
    place.processes.append(process)
    place.until(lambda: place.count("observations", "failure = 'observer-resources'") > SOURCES)
    path.write_text(text(place.service.url, "/ok", 3))

    def is_read() -> bool:
        # Files cannot be opened either, for as long as every descriptor is taken.
        process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        return "1 agreement changed" in said.read_text()

    place.until(is_read)
    place.until(lambda: place.count("observations", "failure IS NULL") > 5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    short = place.rows("SELECT fields, reason FROM observations WHERE failure = 'observer-resources'")
    assert all(set(json.loads(fields).values()) == {None} and reason for fields, reason in short)
    blamed = {
        row[0] for row in place.rows("SELECT DISTINCT failure FROM observations WHERE failure IS NOT NULL")
    }
    assert "timeout" in blamed
    assert {one for one in blamed if not one.startswith("observer-")} == {"timeout"}
    assert sum(line == SHORT for line in said.read_text().splitlines()) == 1
