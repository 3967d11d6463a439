"""R4: a hundred reloads between so many targets and one more: only the new one starts and ends, and nothing grows."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

from wsla.daemon.agreements import find_agreements
from wsla.daemon.clock import SystemClock
from wsla.daemon.config import Config, Limits
from wsla.daemon.keeper import Keeper, Kept
from wsla.daemon.recovery import recover
from wsla.daemon.reload import Changes, compare
from wsla.daemon.writer import Writer
from wsla.values.instants import HOUR

AGREEMENTS, SOURCES, RELOADS = 20, 10, 100
"""Two hundred targets: each of them is touched or not in the same way as each of a thousand."""


def text(number: int, sources: int) -> str:
    lines = [f'agreement "Customer {number}" version 1 {{', '  effective 2026-01-01 in "UTC"']
    lines += ['  party host "Host" provider', '  party shop "Shop" consumer { ops log "ops.log" }']
    for which in range(sources):
        lines += [
            f'  source web{which} = http "http://127.0.0.1:9/{number}" every 1h timeout 5s',
            f"  metric up{which} = web{which}.ok",
            f"  metric uptime{which} = availability(up{which}) each month",
            f"  goal available{which}: host guarantees uptime{which} >= 99% {{ otherwise notify shop }}",
        ]
    return "\n".join([*lines, "}", ""])


def test_only_what_is_new_starts_and_nothing_grows(tmp_path: Path, store: Any) -> None:
    """R4: the runners of all other targets are the same objects, due when they were; tasks and objects stay few."""
    folder = tmp_path / "agreements"
    folder.mkdir()
    for number in range(AGREEMENTS):
        (folder / f"{number}.sla").write_text(text(number, SOURCES))
    fewer = find_agreements([folder])
    (folder / "0.sla").write_text(text(0, SOURCES + 1))
    more = find_agreements([folder])
    config, clock = Config(), SystemClock()
    objects: list[int] = []

    async def main() -> None:
        writer = Writer(
            store,
            limit=10_000,
            on_commit=lambda batch, result: None,
            on_trouble=lambda trouble: None,
            on_fatal=lambda sentence: None,
        )
        writer.start()
        keeper = Keeper(
            writer, clock, Limits(), tell=lambda sentence: None, dropped=lambda: None, take=AsyncMock()
        )

        def changes(found: Any) -> Changes:
            running = {title: kept.deployment for title, kept in keeper.agreements.items()}
            return compare(running, found, config, {}, clock)

        def runners() -> dict[tuple[str, str], Any]:
            return {
                (title, name): runner
                for title, kept in keeper.agreements.items()
                for name, runner in kept.judge.runners.items()
            }

        now = clock.now()
        for deployment in changes(fewer).added:
            keeper.begin(deployment, recover(store, deployment.agreement, now), now)
        await asyncio.sleep(0)
        first = runners()
        assert len(first) == AGREEMENTS * SOURCES
        due = {key: runner.pending for key, runner in first.items()}
        tasks = len(asyncio.all_tasks())
        for number in range(RELOADS):
            await keeper.apply(changes(more if number % 2 == 0 else fewer))
            await asyncio.sleep(0)
            after = runners()
            new = set(after) - set(first)
            assert new == ({("Customer 0", f"web{SOURCES}")} if number % 2 == 0 else set())
            assert all(after[key] is runner for key, runner in first.items())
            assert len(asyncio.all_tasks()) == tasks + len(new)
            if number in (RELOADS // 2 - 1, RELOADS - 1):
                gc.collect()
                objects.append(len(gc.get_objects()))
        assert {key: runner.pending for key, runner in runners().items() if due[key] > clock.now()} == {
            key: at for key, at in due.items() if at > clock.now()
        }
        await asyncio.gather(*(runner.stop(0) for runner in keeper.runners))
        keeper.close()
        await asyncio.to_thread(writer.close, 10)

    asyncio.run(asyncio.wait_for(main(), HOUR))
    # An engine that is left behind has some hundreds of objects; timers that were cancelled go with time.
    assert objects[1] - objects[0] < 20 * RELOADS // 2


def test_one_engine_among_many_is_no_reason_to_go_through_all() -> None:
    calls: list[int] = []
    keeper = Keeper(
        Mock(),
        SystemClock(),
        Limits(),
        tell=lambda sentence: None,
        dropped=lambda: None,
        take=AsyncMock(),
        collect=lambda: calls.append(1),
    )

    def keep(title: str) -> None:
        keeper.agreements[title] = Kept(Mock(), Mock())

    before = [Mock() for _ in range(100)]
    for number, judge in enumerate(before):
        keeper.agreements[str(number)] = Kept(Mock(), judge)
    keeper.settle()
    keeper.settle()
    assert len(calls) == 1
    for number in range(3):
        keep(str(number))
        keeper.settle()
        # A change is one engine that goes and one that comes.
        assert len(calls) == (1 if number < 2 else 2)
