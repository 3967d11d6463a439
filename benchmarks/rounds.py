"""Programs in interleaved rounds, each time in a fresh process; what they answer is compared before times are shown.

This module and those it imports stay small: a process that is started inherits its parent's peak of memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.task import Task

ROOT = Path(__file__).resolve().parents[1]
CHILD = ROOT / "benchmarks" / "child.py"

MEBIBYTE = 1024 * 1024


class Failed(Exception):
    """A program that ended badly, or answers that differ."""


@dataclass(frozen=True)
class Program:
    """Something to be measured: ``run`` of a module, on a task, in so many ``rounds`` at most.

    ``role`` is *product*, *peer*, *limit* (has no answer) or *beside* (has one of its own).
    """

    name: str
    module: str
    role: str = "peer"
    needs: tuple[str, ...] = ("numpy", "polars")
    rounds: int = 99
    task: Task | None = None


@dataclass
class Measured:
    """What was measured of a program, a number for each round: seconds and bytes."""

    program: Program
    work: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    peak: list[int] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """The median of the work."""
        return median(self.work)

    @property
    def mebibytes(self) -> float:
        """The median of the peaks."""
        return median(self.peak) / MEBIBYTE

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "program": self.program.name,
            "role": self.program.role,
            "work_s": self.work,
            "cpu_s": self.cpu,
            "wall_s": self.wall,
            "peak_bytes": self.peak,
        }


def in_process(module: str, function: str, task: Task, installed: Path) -> dict[str, Any]:
    """One call in a process of its own, with the product from a folder. Raises Failed where it ends badly."""
    command = [sys.executable, str(CHILD), module, function, json.dumps(asdict(task))]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - start
    if done.returncode != 0:
        raise Failed(f"{module} failed:\n{done.stderr.strip()}")
    return {**json.loads(done.stdout), "wall": wall}


def missing(program: Program) -> list[str]:
    """The libraries that a program needs and that are not installed."""
    return [name for name in program.needs if find_spec(name) is None]


def measure(
    programs: Sequence[Program],
    task: Task,
    rounds: int,
    installed: Path,
    tell: Callable[[str], None],
) -> list[Measured]:
    """Every program once a round, in turn. Raises Failed where answers differ."""
    found = [Measured(program) for program in programs if not missing(program)]
    answers: list[tuple[str, Any]] = []
    for number in range(rounds):
        for one in found:
            program = one.program
            if number >= program.rounds:
                continue
            tell(f"round {number + 1} of {rounds}: {program.name}")
            result = in_process(program.module, "run", program.task or task, installed)
            for name in ("work", "cpu", "wall", "peak"):
                getattr(one, name).append(result[name])
            if program.role in ("product", "peer"):
                answers.append((program.name, result["answer"]))
    agree(answers)
    return found


def agree(answers: Sequence[tuple[str, Any]]) -> None:
    """Raises Failed at the first program whose answer is not that of the first one."""
    if not answers:
        return
    first, expected = answers[0]
    for name, answer in answers[1:]:
        if answer == expected:
            continue
        keys = [key for key in {**expected, **answer} if expected.get(key) != answer.get(key)]
        raise Failed(
            f"the answers differ, so no times are shown: for {keys[0]} (and {len(keys) - 1} more) "
            f"{first} says {expected.get(keys[0])}, {name} says {answer.get(keys[0])}"
        )
