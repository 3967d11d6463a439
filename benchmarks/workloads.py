"""What is measured: the workloads, their sizes, the programs, and the goals they are held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from benchmarks.rounds import Measured, Program
from benchmarks.task import Task

Found = Mapping[str, Measured]
"""What was measured, by the program's name."""


@dataclass(frozen=True)
class Held:
    """A number held against a goal."""

    text: str
    number: float
    goal: float
    at_least: bool = False

    @property
    def reached(self) -> bool:
        """True where the number is within the goal."""
        return self.number >= self.goal if self.at_least else self.number <= self.goal


@dataclass(frozen=True)
class Workload:
    """A table of its own. ``data`` names the function of `benchmarks.data` that makes the file.

    ``prepare`` is a module whose `make` is called once, before the rounds.
    """

    id: str
    title: str
    data: str
    full: Task
    quick: Task
    programs: tuple[Program, ...]
    goals: Callable[[Found], list[Held]]
    prepare: str | None = None


PRODUCT = "wsla"
DECODING = "decoding alone"
STAGES = "Polars, two stages"
DUCKDB = "DuckDB"
TEN = "wsla, the smaller file"
RAW = "wsla, from all samples"


def _month(metrics: int) -> Task:
    return Task("", "2026-09-01", 30, metrics)


def _peers(found: Found) -> list[Measured]:
    return [one for one in found.values() if one.program.role == "peer" and one.work]


def _against_best(found: Found, goal: float) -> list[Held]:
    if not _peers(found):
        return []
    best = min(_peers(found), key=lambda one: one.seconds)
    return [Held(f"times the best by hand ({best.program.name})", _ratio(found, best.program.name), goal)]


def _ratio(found: Found, name: str, mine: str = PRODUCT) -> float:
    return found[mine].seconds / found[name].seconds


def _against(found: Found, name: str, goal: float) -> list[Held]:
    return [Held(f"times {name}", _ratio(found, name), goal)] if name in found else []


def _ten(found: Found) -> list[Held]:
    return _against(found, STAGES, 1.3) + _against(found, DECODING, 2.0)


def _hundred(found: Found) -> list[Held]:
    memory = found[PRODUCT].mebibytes
    return [
        *_against_best(found, 1.3),
        Held("MiB at most", memory, 400),
        Held("times the memory for the smaller file", memory / found[TEN].mebibytes, 1.2),
    ]


def _buckets(found: Found) -> list[Held]:
    return [*_against(found, DUCKDB, 1.5), Held("MiB at most", found[PRODUCT].mebibytes, 500)]


def _partials(found: Found) -> list[Held]:
    return [Held("times faster than from all samples", _ratio(found, PRODUCT, RAW), 10, at_least=True)]


def _programs(slow: int) -> tuple[Program, ...]:
    """The programs for a month of probes; the slow ones in so many rounds at most."""
    at = "benchmarks.programs.month_"
    return (
        Program(PRODUCT, at + "wsla", "product"),
        Program(DECODING, at + "decode", "limit"),
        Program(STAGES, at + "polars"),
        Program("numpy on Polars' columns", at + "numpy"),
        Program("Polars, written plainly", at + "polars_plain", rounds=slow),
        Program("DuckDB", at + "duckdb", needs=("duckdb", "numpy", "polars"), rounds=slow),
        Program("pandas", at + "pandas", needs=("pandas", "pyarrow"), rounds=slow),
    )


_QUICK_MONTH = Task("", "2026-09-06", 1, 2)

B1 = Workload(
    id="B1",
    title="ten metrics, a month of samples by the second",
    data="month",
    full=_month(10),
    quick=_QUICK_MONTH,
    programs=_programs(slow=99),
    goals=_ten,
)
B2 = Workload(
    id="B2",
    title="a hundred metrics, a month of samples by the second",
    data="month",
    full=_month(100),
    quick=replace(_QUICK_MONTH, count=3),
    programs=(
        *_programs(slow=1),
        Program(TEN, "benchmarks.programs.month_wsla", "beside", task=_month(10)),
    ),
    goals=_hundred,
)
B3 = Workload(
    id="B3",
    title="ten thousand agreements, a month of one-minute buckets",
    data="buckets",
    full=Task("", "2026-09-01", 30, 10_000),
    quick=Task("", "2026-09-06", 1, 120),
    programs=(
        Program(PRODUCT, "benchmarks.programs.buckets_wsla", "product"),
        Program(DECODING, "benchmarks.programs.buckets_decode", "limit"),
        Program(DUCKDB, "benchmarks.programs.buckets_duckdb", needs=("duckdb",)),
        Program("numpy on Polars' columns", "benchmarks.programs.buckets_numpy"),
        Program("Polars", "benchmarks.programs.buckets_polars"),
    ),
    goals=_buckets,
)

B4 = Workload(
    id="B4",
    title="ten metrics, judged again from stored partial results by the minute",
    data="month",
    full=_month(10),
    quick=_QUICK_MONTH,
    programs=(
        Program(PRODUCT, "benchmarks.programs.partials_wsla", "product"),
        Program(RAW, "benchmarks.programs.partials_raw"),
    ),
    goals=_partials,
    prepare="benchmarks.programs.partials_wsla",
)

WORKLOADS = (B1, B2, B3, B4)
