"""C1: how long `wsla check` takes on one file, from the start of Python to its end.

Run from the top folder: `python benchmarks/start.py [--json] [--quick] [--rounds N]`. By turns, each in a process of
its own: Python that does nothing; a script that imports click and lark and loads the tables; the product, laid
out as its wheel installs it. Medians; processor time too, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.installed import as_installed  # noqa: E402

SPEC = ROOT / "specs" / "demo.sla"
LOADED = """
import io, sys
import click, lark
with open(sys.argv[1], "rb") as tables:
    print(lark.Lark.load(io.BytesIO(tables.read().partition(b"\\n")[2])).options.parser)
"""
PRODUCT = "import sys; from wsla.cli import main; main()"
LIBRARIES = 1.3
PYTHON = 9.0


def run(command: list[str], folder: Path, expected: str) -> tuple[float, float]:
    """(wall, processor) milliseconds of a process; it must end well and say what is expected."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = status
    if status or expected not in said:
        sys.exit(f"{' '.join(command)}: {said}")
    return wall * 1e3, (used.ru_utime + used.ru_stime) * 1e3


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    """Medians of all programs, and the product's ratios to the others."""
    python = sys.executable
    programs = {
        "python -c pass": ([python, "-c", "pass"], ""),
        "click, lark, tables": ([python, "-c", LOADED, f"{folder}/wsla/syntax/wsla.tables"], "lalr"),
        "wsla --help": ([python, "-c", PRODUCT, "--help"], "Verbs"),
        "wsla check": ([python, "-c", PRODUCT, "check", str(SPEC)], "no problems"),
    }
    walls: dict[str, list[float]] = {name: [] for name in programs}
    processors: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(rounds + 1):
        for name, (command, expected) in programs.items():
            wall, processor = run(command, folder, expected)
            # The first round only brings the files into memory.
            if turn:
                walls[name].append(wall)
                processors[name].append(processor)
    found: dict[str, Any] = {}
    for name in programs:
        found[name] = {
            "wall ms": median(walls[name]),
            "CPU ms": median(processors[name]),
            "check is": median(a / b for a, b in zip(walls["wsla check"], walls[name], strict=True)),
            "check is, CPU": median(
                a / b for a, b in zip(processors["wsla check"], processors[name], strict=True)
            ),
        }
    return found


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(as_installed(Path(folder)), 1 if chosen.quick else chosen.rounds)
    if chosen.json:
        print(json.dumps(found, indent=1))
        return
    for name, one in found.items():
        print(
            f"{name:20} {one['wall ms']:7.1f} ms, CPU {one['CPU ms']:7.1f} ms;"
            f" `wsla check` takes {one['check is']:5.2f} x as long, CPU {one['check is, CPU']:5.2f} x"
        )
    print(f"goals: at most {LIBRARIES} x the libraries with the tables, at most {PYTHON} x Python alone")


if __name__ == "__main__":
    main()
