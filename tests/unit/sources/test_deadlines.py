"""Deadlines of many looks behave as ``asyncio.timeout`` does, and those that have ended are let go."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from wsla.sources.network.deadline import Deadlines

SOON, NEVER = 0.01, 3600.0


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


async def held(deadlines: Deadlines, wait: float, cleaning: float = 0.0) -> str:
    try:
        with deadlines.begin():
            try:
                await asyncio.sleep(wait)
            finally:
                await asyncio.sleep(cleaning)
    except TimeoutError:
        return "timed out"
    return "done"


def test_what_takes_too_long_times_out_and_nothing_else_does() -> None:
    async def main() -> list[str]:
        deadlines = Deadlines(asyncio.get_running_loop(), SOON)
        found = await asyncio.gather(*(held(deadlines, wait) for wait in (NEVER, 0.0, NEVER)))
        # The timer is set anew after all had ended.
        return [*found, await held(deadlines, NEVER)]

    assert run(main()) == ["timed out", "done", "timed out", "timed out"]


@pytest.mark.parametrize("expires", [False, True])
def test_a_cancellation_by_somebody_else_is_passed_on(expires: bool) -> None:
    async def main() -> None:
        deadlines = Deadlines(asyncio.get_running_loop(), SOON if expires else NEVER)
        task = asyncio.create_task(held(deadlines, NEVER, cleaning=NEVER if expires else 0.0))
        await asyncio.sleep(5 * SOON)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    run(main())


def test_it_can_be_ended_early_and_does_nothing_afterwards() -> None:
    async def main() -> None:
        deadlines = Deadlines(asyncio.get_running_loop(), NEVER)
        begun = []

        async def look() -> None:
            begun.append(deadlines.begin())
            with begun[0]:
                await asyncio.sleep(NEVER)

        task = asyncio.create_task(look())
        await asyncio.sleep(0)
        begun[0].expire()
        with pytest.raises(TimeoutError):
            await task
        with deadlines.begin() as over:
            pass
        over.expire()
        await asyncio.sleep(0)
        assert not over.expired

    run(main())


def test_an_error_of_what_was_awaited_is_not_replaced() -> None:
    async def main() -> None:
        with Deadlines(asyncio.get_running_loop(), NEVER).begin():
            raise KeyError("its own")

    with pytest.raises(KeyError):
        run(main())


def test_one_that_takes_long_keeps_no_others_in_memory() -> None:
    async def main() -> int:
        deadlines = Deadlines(asyncio.get_running_loop(), NEVER)
        task = asyncio.create_task(held(deadlines, NEVER))
        await asyncio.sleep(0)
        for _ in range(5_000):
            await held(deadlines, 0.0)
        task.cancel()
        return len(deadlines._waiting)

    assert run(main()) < 1_000
