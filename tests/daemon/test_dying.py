"""K1: killed at any write point, a daemon goes on as if nothing had been."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import wsla

PROGRAM = Path(__file__).with_name("dying.py")
WANTED = {
    "in-migration", "insert into agreements", "insert into registrations", "insert into observations",
    "insert into judgements", "insert into chain", "insert into entries", "insert into intents",
    "insert into outbox", "insert into snapshots", "before-commit", "commit", "after-commit", "before send",
    "after send", "update outbox", "insert into segments", "mid-pack", "delete from observations",
    "mid-thinning", "insert into rollups", "after-thinning",
}  # fmt: skip


def test_killed_at_each_write_point(tmp_path: Path) -> None:
    """K1: at the first and the last statement of each kind here; `python tests/daemon/dying.py FOLDER` does all of
    them."""
    environ = {**os.environ, "PYTHONPATH": str(Path(wsla.__path__[0]).parent)}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path), "1"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["names"].keys() >= WANTED
    assert found["died"] > len(WANTED)
    assert (found["entries"], found["rolled up"]) == (8, 2)
