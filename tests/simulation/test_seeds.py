"""S1, K1: a thousand runs of the daemon with faults from their seeds: whatever happens, nothing is lost or doubled.

A seed that fails prints the command that plays it again, with a log to read.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from wsla.testing.simulation.simulation import LENGTH, command_for, run_seed

SEEDS = 1_000
AT_ONCE = 40


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_every_invariant_holds(first: int, tmp_path: Path) -> None:
    failed = [
        f"{command_for(seed, LENGTH)}\n" + "\n".join(f"  {problem}" for problem in problems)
        for seed in range(first, first + AT_ONCE)
        if (problems := run_seed(seed, tmp_path).problems)
    ]
    assert not failed, "\n" + "\n".join(failed)
