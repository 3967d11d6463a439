"""What is lost by the passing of time alone is told when it is certain, in virtual time."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any, cast

from wsla.daemon.judge import Judge
from wsla.daemon.writer import Item, Writer
from wsla.engine import Engine
from wsla.evaluation.verdicts import Verdict
from wsla.values.instants import MILLISECOND, MINUTE, SECOND
from wsla.values.observations import Observation


class VirtualSelector(selectors.DefaultSelector):
    """Nobody waits: the hand clock moves on instead."""

    def __init__(self, clock: Any) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout > 0:
            self._clock.time += max(int(timeout * SECOND), 1_000)
        return super().select(0)


class KeepingWriter:
    """Keeps what it gets, and when that was."""

    full = False
    trouble = None

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.told: list[tuple[int, Verdict]] = []

    def submit(self, item: Item) -> None:
        self.told += [(self._clock.time, one.judgement.verdict) for one in item.judgements]


def test_lost_is_told_when_it_is_certain_and_not_with_the_next_look(agreements: Any, clock: Any) -> None:
    """M99: of ten seconds a tenth may be down. The service is down from the second second on, and nobody looks."""
    agreement = agreements()
    start = clock.time = clock.time // MINUTE * MINUTE + MINUTE
    writer = KeepingWriter(clock)

    async def live() -> None:
        judge = Judge(
            agreement,
            Engine(agreement.plan, start),
            "state",
            writer=cast(Writer, writer),
            clock=clock,
            snapshot_every=lambda cost: 1 << 62,
            dropped=lambda: None,
        )
        for second, up in ((0, True), (1, False)):
            clock.time = start + second * SECOND + 10 * MILLISECOND
            fields = {"ok": up}
            known = {
                name: fields.get(name) for name in (field.name for field in agreement.plan.sources[0].fields)
            }
            judge.ended(
                Observation(source=agreement.plan.sources[0].name, at=start + second * SECOND, fields=known)
            )
        while clock.time < start + 1_900 * MILLISECOND:
            await asyncio.sleep(0.05)
        judge.close()

    loop = asyncio.SelectorEventLoop(VirtualSelector(clock))
    # From zero, so that a float still tells a microsecond.
    loop.time = lambda: (clock.time - start) / SECOND  # type: ignore[method-assign]
    try:
        loop.run_until_complete(live())
    finally:
        loop.close()
    lost = [at for at, verdict in writer.told if verdict is Verdict.LOST]
    assert len(lost) == 1
    certain = start + 1_100 * MILLISECOND + 1
    assert certain <= lost[0] < certain + 20 * MILLISECOND
