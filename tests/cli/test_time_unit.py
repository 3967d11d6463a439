"""`--time-unit` in every verb that reads data files: what times count that are numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Write = Callable[..., Path]


@pytest.fixture(params=["explain", "diff", "eval"])
def judge(run_wsla: Run, agreement: Path, request: pytest.FixtureRequest) -> Run:
    """The verb with the agreement: judge(*options)."""
    verb = request.param
    subjects = {"explain": (agreement, "available"), "diff": (agreement, agreement), "eval": (agreement,)}[
        verb
    ]
    return lambda *options: run_wsla(verb, *subjects, *options)


def test_the_unit_of_times_is_said(judge: Run, write: Write) -> None:
    """A second day of 1970 in milliseconds could be a day of any other unit."""
    data = ("--data", f"probe={write(['7,true,100', '90000007,true,100'])}")
    unclear = judge(*data)
    assert "`--time-unit`" in unclear.err
    said = judge(*data, "--time-unit", "probe=ms")
    assert "the agreement takes effect after the last observation" in said.err
    assert "`--time-unit`" not in said.err
    assert judge(*data, "--time-unit", "probe=days").code == 2
    assert "has no source `other`" in judge(*data, "--time-unit", "other=ms").err


def test_times_in_another_unit_than_they_seem_to_be_in(judge: Run, write: Write, rows: list[str]) -> None:
    """Microseconds that look like milliseconds: what is said counts, and not what is likely."""
    seconds = 1_772_406_000
    counted = [f"{(seconds + 3600 * hour) * 1000},true,100" for hour in range(25)]
    data = ("--data", f"probe={write(counted)}")
    assert judge(*data).code == 0
    said = judge(*data, "--time-unit", "probe=us")
    assert "the agreement takes effect after the last observation" in said.err


@pytest.mark.parametrize("verb", ["explain", "diff"])
def test_it_goes_with_data(run_wsla: Run, agreement: Path, verb: str) -> None:
    other = "available" if verb == "explain" else agreement
    finished = run_wsla(verb, agreement, other, "--time-unit", "probe=ms")
    assert finished.code == 2
    assert "--time-unit go with --data" in finished.err
