"""How long a test of a month of 30-second probes takes, beside a loop by hand that computes two of its numbers.

Run from the top folder: `python benchmarks/virtual_month.py`. The first test of `specs/search-api.sla` is carried out
as `wsla test` does it; the loop gets the same observations ready-made and gives the availability of the month (without
the maintenance on Sundays) and the 95th percentile of every five minutes. Both answers must be equal.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from wsla.analysis.check import check_text  # noqa: E402
from wsla.diagnostics.source import SourceText  # noqa: E402
from wsla.evaluation.stream import StreamEvaluator  # noqa: E402
from wsla.plan.build import build_plan  # noqa: E402
from wsla.testing.examples import run_example  # noqa: E402
from wsla.testing.made_up import observations, span_of_time  # noqa: E402
from wsla.values.instants import MINUTE, SECOND, from_local  # noqa: E402

ROUNDS = 7
SPEC = ROOT / "specs" / "search-api.sla"
ZONE = ZoneInfo("Europe/Berlin")
_T = TypeVar("_T")


def best(work: Callable[[], _T]) -> tuple[float, _T]:
    """The least processor time of several rounds, in seconds, and the result."""
    least = math.inf
    for _ in range(ROUNDS):
        start = time.process_time()
        result = work()
        least = min(least, time.process_time() - start)
    return least, result


def maintenance(start: int, end: int) -> list[tuple[int, int]]:
    """Sundays from two to four, by the clock on the wall."""
    day = datetime.fromtimestamp(start // SECOND, ZONE).replace(tzinfo=None, hour=0, minute=0, second=0)
    found = []
    while from_local(day, ZONE) < end:
        if day.weekday() == 6:
            found.append(tuple(from_local(day + timedelta(hours=hour), ZONE) for hour in (2, 4)))
        day += timedelta(days=1)
    return found


def by_hand(rows: list[tuple[int, bool, int]], end: int) -> tuple[Fraction, list[int]]:
    """Availability and every five minutes' 95th percentile, in one pass over (instant, ok, elapsed)."""
    away = maintenance(rows[0][0], end)
    good = bad = 0
    percentiles: list[int] = []
    window, values = rows[0][0] // (5 * MINUTE), []
    for number, (at, ok, elapsed) in enumerate(rows):
        until = rows[number + 1][0] if number + 1 < len(rows) else end
        length = until - at
        for low, high in away:
            if at < high and until > low:
                length -= min(until, high) - max(at, low)
        if ok and elapsed < 2 * SECOND:
            good += length
        else:
            bad += length
        if at // (5 * MINUTE) != window:
            values.sort()
            percentiles.append(values[-(-len(values) * 95 // 100) - 1])
            window, values = at // (5 * MINUTE), []
        values.append(elapsed)
    values.sort()
    percentiles.append(values[-(-len(values) * 95 // 100) - 1])
    return Fraction(good, good + bad), percentiles


def main() -> None:
    """Measures both, compares the answers, prints the ratio."""
    (agreement,), _ = check_text(SourceText(name=SPEC.name, text=SPEC.read_text("utf-8")))
    example, plan = agreement.examples[0], build_plan(agreement)
    stretch = span_of_time(agreement, example)
    assert stretch is not None
    made_up = observations(agreement, example, stretch)
    rows = [(o.at, o.fields["ok"], o.fields["elapsed"]) for o in made_up]
    evaluator = StreamEvaluator(plan, stretch.start)
    evaluator.observe_all(made_up)
    outcome = evaluator.outcome(stretch.end)

    ours, result = best(lambda: run_example(agreement, example, plan))
    hand, (availability, percentiles) = best(lambda: by_hand(rows, stretch.end))
    if not result.passed:
        sys.exit("the test of the agreement fails")
    if outcome.metrics["uptime"][0].value.value != availability:
        sys.exit("the availabilities differ")
    if [point.value.value for point in outcome.metrics["p95"]] != percentiles:
        sys.exit("the percentiles differ")
    print(
        f"{len(rows)} observations: run_example {ours:.3f} s, by hand {hand:.3f} s, ratio {ours / hand:.1f}"
    )


if __name__ == "__main__":
    main()
