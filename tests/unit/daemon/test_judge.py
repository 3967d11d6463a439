"""What is lost by the passing of time alone is told when it is certain, in virtual time."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any, cast

import pytest

from wsla.api import Agreement, loads
from wsla.daemon.judge import Given, Judge
from wsla.daemon.writer import Item, Writer
from wsla.engine import Engine
from wsla.evaluation.verdicts import Verdict
from wsla.store.records import Observed
from wsla.values.instants import MILLISECOND, MINUTE, SECOND, format_instant
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
        self.items: list[Item] = []

    def submit(self, item: Item) -> None:
        self.items.append(item)
        self.told += [(self._clock.time, one.judgement.verdict) for one in item.judgements]

    def give(self, item: Item) -> None:
        self.submit(item)


def judge_of(agreement: Agreement, start: int, writer: KeepingWriter, clock: Any) -> Judge:
    """Judges from ``start`` on; its state is not noted."""
    return Judge(
        agreement,
        Engine(agreement.plan, start),
        "state",
        writer=cast(Writer, writer),
        clock=clock,
        snapshot_every=lambda cost: 1 << 62,
        dropped=lambda: None,
    )


def test_lost_is_told_when_it_is_certain_and_not_with_the_next_look(agreements: Any, clock: Any) -> None:
    """M99: of ten seconds a tenth may be down. The service is down from the second second on, and nobody looks."""
    agreement = agreements()
    start = clock.time = clock.time // MINUTE * MINUTE + MINUTE
    writer = KeepingWriter(clock)

    async def live() -> None:
        judge = judge_of(agreement, start, writer, clock)
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


@pytest.mark.parametrize("sent", [True, False])
def test_what_a_rule_did_on_what_was_sent_is_stored_with_its_state(
    agreements: Any, clock: Any, sent: bool
) -> None:
    """K1, A11. Found by simulation: what came late made a rule act a second time after a crash. Computed anew from the
    observations it would act otherwise than it did; what is looked at comes in order, and gives the same again."""
    text = agreements.text(window="60s").replace(
        "  goal", "  when not up for 2s { notify globex }\n  goal", 1
    )
    agreement = loads(text, "quick.sla")
    start = clock.time = clock.time // MINUTE * MINUTE + MINUTE
    writer = KeepingWriter(clock)

    async def live() -> None:
        judge = judge_of(agreement, start, writer, clock)
        names = [field.name for field in agreement.plan.sources[0].fields]
        fields = {**dict.fromkeys(names), "ok": False}
        for second in range(5):
            clock.time = start + second * SECOND + 10 * MILLISECOND
            seen = Observation(source="probe", at=start + second * SECOND, fields=fields)
            if sent:
                given = Given(1, asyncio.get_running_loop().create_future())
                judge.take([Observed("Quick", seen, clock.time)], given)
                judge.step()
            else:
                judge.ended(seen)
        judge.close()

    asyncio.run(live())
    acted = [item for item in writer.items if item.decisions]
    assert len(acted) == 1
    assert bool(acted[0].snapshots) == sent


@pytest.mark.parametrize(
    ("many", "told"),
    [
        (1, "an observation of probe at {} came too late; `wsla correct` looks at it"),
        (3, "3 observations of probe, the first at {} came too late; `wsla correct` looks at them"),
    ],
)
def test_what_came_too_late_is_told_in_a_line(
    agreements: Any, clock: Any, caplog: pytest.LogCaptureFixture, many: int, told: str
) -> None:
    """However many came at once."""
    agreement = agreements()
    start = clock.time = clock.time // MINUTE * MINUTE + MINUTE
    writer = KeepingWriter(clock)

    async def live() -> None:
        judge = judge_of(agreement, start, writer, clock)
        clock.time = start + MINUTE
        judge.step()
        fields = {**dict.fromkeys(field.name for field in agreement.plan.sources[0].fields), "ok": False}
        late = [Observation(source="probe", at=start + at * SECOND, fields=fields) for at in range(many)]
        given = Given(many, asyncio.get_running_loop().create_future())
        judge.take([Observed("Quick", one, clock.time) for one in reversed(late)], given)
        judge.step()
        judge.close()

    asyncio.run(live())
    warnings = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert warnings == [f"“Quick”: {told.format(format_instant(start))}"]


@pytest.mark.parametrize(("each", "noted"), [(1, [20]), (63, [20]), (64, [2, 4, 6])])
def test_states_are_noted_when_that_is_less_work_than_to_judge_again(
    agreements: Any, clock: Any, each: int, noted: list[int]
) -> None:
    """``snapshot_every`` is two seconds here: with few observations between, ten times as long."""
    agreement = agreements()
    start = clock.time = clock.time // MINUTE * MINUTE + MINUTE
    writer = KeepingWriter(clock)
    found: list[int] = []

    async def live() -> None:
        judge = Judge(
            agreement,
            Engine(agreement.plan, start),
            "state",
            writer=cast(Writer, writer),
            clock=clock,
            snapshot_every=lambda cost: 2 * SECOND,
            dropped=lambda: None,
        )
        fields = {**dict.fromkeys(field.name for field in agreement.plan.sources[0].fields), "ok": True}
        count = 0
        for second in range(1, 7 if each == 64 else 24):
            # Of two seconds between two notes there are `each` observations in the first.
            for number in range(each if second % 2 == 1 and not (each == 63 and count) else 0):
                count += 1
                clock.time = start + (second - 1) * SECOND + number * MILLISECOND
                judge.ended(Observation(source="probe", at=clock.time, fields=fields))
            clock.time = start + second * SECOND
            judge.step()
            if any(item.snapshots for item in writer.items):
                found.append(second)
                writer.items.clear()
        judge.close()

    asyncio.run(live())
    assert found == noted
