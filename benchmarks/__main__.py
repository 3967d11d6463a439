"""`python -m benchmarks`: every workload, the product beside programs by hand, and whether the goals are reached."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.elsewhere import ELSEWHERE, run_elsewhere
from benchmarks.installed import as_installed
from benchmarks.rounds import MEBIBYTE, Failed, Measured, in_process, measure, missing
from benchmarks.task import Task
from benchmarks.workloads import PRODUCT, WORKLOADS, Held, Workload

_ROUNDS = 3
_LIBRARIES = ("polars", "numpy", "duckdb", "pandas", "pyarrow")


def main() -> int:
    """Carries out what the command line asks for; 1 where a program failed or answers differ."""
    arguments = _parser().parse_args()
    wanted = [name.upper() for part in arguments.only or [] for name in part.split(",")]
    known = [
        *(workload.id for workload in WORKLOADS),
        *(name for names in ELSEWHERE.values() for name in names),
    ]
    if unknown := [name for name in wanted if name not in known]:
        print(f"there is no {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    rounds = arguments.rounds or (1 if arguments.quick else _ROUNDS)
    folder = Path(arguments.data_dir or Path(tempfile.gettempdir()) / "wsla-benchmarks")
    folder.mkdir(parents=True, exist_ok=True)
    installed = as_installed(folder)
    results: dict[str, Any] = {"machine": _machine()}
    if not arguments.json:
        print(_machine_line())
    try:
        for workload in WORKLOADS:
            if not wanted or workload.id in wanted:
                results[workload.id] = _batch(workload, folder, installed, rounds, arguments)
    except Failed as problem:
        print(f"\n{workload.id}: {problem}", file=sys.stderr)
        return 1
    status = 0
    for module, names in ELSEWHERE.items():
        if not wanted or set(names) & set(wanted):
            status = max(status, run_elsewhere(module, wanted, results, arguments))
    if arguments.json:
        print(json.dumps(results, indent=1))
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", metavar="B1,B2", help="these workloads alone")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"rounds; {_ROUNDS} unless stated")
    parser.add_argument(
        "--quick", action="store_true", help="small data and one round: do the programs agree?"
    )
    parser.add_argument("--json", action="store_true", help="everything that was measured, as JSON")
    parser.add_argument("--data-dir", metavar="FOLDER", help="where the data is kept, about 4 GB")
    return parser


def _batch(
    workload: Workload, folder: Path, installed: Path, rounds: int, arguments: argparse.Namespace
) -> dict[str, Any]:
    task = _made(workload, workload.quick if arguments.quick else workload.full, folder, installed)
    programs = [
        replace(program, task=_made(workload, program.task, folder, installed))
        if program.task is not None and not arguments.quick
        else replace(program, task=None)
        for program in workload.programs
    ]
    if workload.prepare is not None:
        _tell("storing partial results")
        in_process(workload.prepare, "make", task, installed)
    found = {one.program.name: one for one in measure(programs, task, rounds, installed, _tell)}
    held = workload.goals(found)
    if not arguments.json:
        _print(workload, task, found, [] if arguments.quick else held)
        for program in programs:
            if lacking := missing(program):
                print(f"not measured: {program.name}, as {', '.join(lacking)} is not installed")
    return {
        "title": workload.title,
        "programs": [one.as_json() for one in found.values()],
        "goals": [
            {"text": one.text, "number": one.number, "goal": one.goal, "reached": one.reached} for one in held
        ],
    }


def _made(workload: Workload, task: Task, folder: Path, installed: Path) -> Task:
    """The task with its file, which a process of its own makes where it is not there."""
    name = f"{workload.data}-{task.first}-{task.days}d-{task.count}.parquet"
    found = replace(task, path=str(folder / name))
    if not os.path.exists(found.path):
        _tell(f"making {name}")
        in_process("benchmarks.data", workload.data, found, installed)
    # Read once, so that the first program does not alone wait for the disk.
    with open(found.path, "rb", buffering=0) as file:
        while file.read(16 * MEBIBYTE):
            pass
    return found


def _print(workload: Workload, task: Task, found: dict[str, Measured], held: list[Held]) -> None:
    size = os.path.getsize(task.path) / MEBIBYTE
    title = workload.title if task.count == workload.full.count else "small data, whose times mean little"
    print(f"\n{workload.id}  {title} ({size:,.1f} MiB). All answers are equal.\n")
    width = max(len(name) for name in found)
    print(
        f"{'':{width}}  {'work s':>8} {'least':>8} {'CPU s':>8} {'wall s':>8} {'peak MiB':>8}  {'ratio':>6}  n"
    )
    for name, one in found.items():
        ratio = found[PRODUCT].seconds / one.seconds
        print(
            f"{name:{width}}  {one.seconds:8.3f} {min(one.work):8.3f} {_middle(one.cpu):8.3f} "
            f"{_middle(one.wall):8.3f} {one.mebibytes:8.0f}  {ratio:6.2f}  {len(one.work)}"
        )
    if held:
        print()
    for goal in held:
        sign = "≥" if goal.at_least else "≤"
        mark = "reached" if goal.reached else "NOT reached"
        print(f"  {goal.number:8.2f} {goal.text}: goal {sign} {goal.goal:g}, {mark}")


def _middle(numbers: list[float]) -> float:
    return sorted(numbers)[len(numbers) // 2]


def _machine() -> dict[str, Any]:
    versions: dict[str, str] = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {"cores": os.cpu_count(), "versions": versions}


def _machine_line() -> str:
    found = _machine()
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return f"{found['cores']} cores; {versions}"


def _tell(text: str) -> None:
    """What is going on, on a terminal alone."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
