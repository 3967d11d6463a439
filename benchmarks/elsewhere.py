"""The benchmarks that are scripts of their own: streaming, reading agreements, starting."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.rounds import ROOT

ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "stream": ("S1", "S2", "S3"),
    "parse": ("P1",),
    "start": ("C1",),
    "probes": ("R1",),
}
"""The scripts beside this file with the goals that they measure."""

_TAKES_GOALS = ("stream",)


def run_elsewhere(
    script: str, wanted: Sequence[str], results: dict[str, Any], arguments: argparse.Namespace
) -> int:
    """Runs a script; what it prints is shown, or with ``--json`` added to the results. Gives its exit code."""
    path = ROOT / "benchmarks" / f"{script}.py"
    if not path.exists():
        return 0
    command = [sys.executable, str(path)]
    command += ["--quick"] * arguments.quick + ["--json"] * arguments.json
    if script in _TAKES_GOALS:
        command += [name for name in ELSEWHERE[script] if not wanted or name in wanted]
    if not arguments.json:
        print(f"\n{', '.join(ELSEWHERE[script])}  {path.relative_to(ROOT)}\n", flush=True)
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == 0:
        results[script] = json.loads(done.stdout)
    return done.returncode
