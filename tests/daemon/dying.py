"""A daemon's work in virtual time, killed at each of its write points in turn: ``dying.py FOLDER [EACH]`` (K1).

Write points are every statement that changes the store, everything that the store names in its own work, and the
moments before and after a message is sent. A first run notes them; then, for each name, a new run dies at its first
EACH and its last occurrences (at all of them without EACH), and another goes on from there. What is left has to be what
the run without a fault left. Runs are forked, so that each costs no start of Python.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import wsla.daemon.housekeeping
import wsla.daemon.outbox
import wsla.daemon.writer
from wsla.api import loads
from wsla.daemon.bindings import ChannelPlan
from wsla.daemon.config import Limits
from wsla.daemon.housekeeping import Housekeeping
from wsla.daemon.judge import Judge
from wsla.daemon.outbox import Outbox, Route
from wsla.daemon.recovery import recover
from wsla.daemon.retention import Retention
from wsla.daemon.writer import Writer
from wsla.ports import Delivery, DeliveryResult
from wsla.reporting.verification import verify_agreement
from wsla.store import packing
from wsla.store.sqlite import Store
from wsla.values.instants import DAY, HOUR, MINUTE
from wsla.values.observations import Observation

TEXT = """agreement "Dying" version 1 {
  kind customer
  effective 2026-01-01 in "UTC"
  currency EUR
  grace 1h
  party acme "Acme" provider { ops log "ops.log" }
  party globex "Globex" consumer { hook log "hook.log" }
  source probe = http "https://acme.example/" every 8h timeout 5s
  metric up = probe.ok
  metric uptime = availability(up) each day
  goal available: acme guarantees uptime >= 90% {
    otherwise credit globex 5 EUR
    otherwise notify globex
  }
  when not up for 12h { notify acme on recovery: notify acme }
  cap credits to globex at 4 EUR each day
}
"""
TITLE = "Dying"
AGREEMENT = loads(TEXT, "dying.sla")
START = AGREEMENT.instant("2026-03-01")
TICKS = range(START, START + 10 * DAY, 8 * HOUR)
DOWN = frozenset({3, 4, 8, 9, 10, 15})
HOUSEKEEPING_AT = frozenset({2, 4, 28})
WRITES = ("INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT", "CREATE", "ALTER")
SYNCED = False


class VirtualClock:
    """Stands at the tick that is worked on."""

    time = START

    def now(self) -> int:
        return self.time

    def monotonic(self) -> int:
        return self.time

    async def sleep(self, nanoseconds: int) -> None:
        await asyncio.sleep(0.001)


class Points:
    """Counts write points, and kills the process at the NTH of a name."""

    def __init__(self, name: str = "", nth: int = 0) -> None:
        self.name, self.nth = name, nth
        self.seen: Counter[str] = Counter()

    def __call__(self, name: str) -> None:
        self.seen[name] += 1
        if name == self.name and self.seen[name] == self.nth:
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(self, text: str) -> None:
        words = text.split()
        if words and words[0].upper() in WRITES:
            # The first words name the table; a step of a migration is one of many.
            self(" ".join(words[: 2 if words[0].upper() in ("UPDATE", "BEGIN") else 3]).lower())


class Sink:
    """A receiver that notes the key of each message before it answers."""

    def __init__(self, path: Path, points: Points) -> None:
        self.path, self.points = path, points

    async def send(self, delivery: Delivery) -> DeliveryResult:
        self.points("before send")
        with self.path.open("a") as file:
            file.write(json.dumps(delivery.key) + "\n")
        self.points("after send")
        return DeliveryResult(delivered=True)

    async def close(self) -> None:
        return


async def live(folder: Path, points: Points) -> None:
    """Goes on at the tick at which the run before ended, to the last one."""
    clock = VirtualClock()
    progress = folder / "ticks"
    done = len(progress.read_bytes()) if progress.exists() else 0
    first = max(done - 1, 0)
    clock.time = TICKS[first]
    wsla.daemon.outbox.build_channel = lambda *_: Sink(folder / "sent", points)  # type: ignore[assignment,misc]
    with Store.open(str(folder / "wsla.db"), writer=True, now=clock.now, fault=points) as store:
        connection = store._session._connection
        assert connection is not None
        if not SYNCED:
            # A process that is killed leaves what it wrote to the kernel.
            connection.execute("PRAGMA synchronous = OFF")
        connection.set_trace_callback(points.statement)
        recovered = recover(store, AGREEMENT, clock.now())
        outbox: Outbox
        loop = asyncio.get_running_loop()
        writer = Writer(
            store,
            limit=10_000,
            on_commit=lambda *_: loop.call_soon_threadsafe(outbox.wake) and None,
            on_trouble=lambda _: None,
            on_fatal=lambda sentence: os._exit(3),
        )
        outbox = Outbox(
            writer,
            clock,
            Limits(),
            lambda *_: Route(plan=AGREEMENT.plan, channel=ChannelPlan(kind="log", address="")),
        )
        keeping = Housekeeping(
            writer, clock, plans=lambda: [AGREEMENT.plan], retention=lambda: Retention(observations=DAY)
        )
        judge = Judge(
            AGREEMENT,
            recovered.engine,
            recovered.state,
            writer=writer,
            clock=clock,
            snapshot_every=lambda _: 96 * MINUTE,
            dropped=lambda: os._exit(4),
        )
        judge.time = max(clock.now(), recovered.latest)
        writer.start()
        judge.submit(recovered.outputs)
        outbox.start()
        for number in range(first, len(TICKS)):
            clock.time = TICKS[number]
            if number >= done:
                with progress.open("ab") as file:
                    file.write(b".")
            judge.ended(
                Observation(source="probe", at=clock.time, fields={"ok": number not in DOWN, "elapsed": 1})
            )
            await settled(writer, outbox)
            with (folder / "acknowledged").open("a") as noted:
                noted.write(f"{clock.time}\n")
            if number in HOUSEKEEPING_AT:
                await keeping.round()
        judge.close(snapshot=True)
        await settled(writer, outbox)
        await outbox.close(1)
        writer.close(5)


async def settled(writer: Writer, outbox: Outbox) -> None:
    """Until everything that was given is on the disk, and delivered."""
    while (
        await asyncio.wrap_future(writer.call(lambda store: store.outbox_counts().pending)) or outbox.in_hand
    ):
        await asyncio.sleep(0.0005)


def run(folder: Path, points: Points) -> int:
    """A run in a process of its own; returns its end as ``os.waitpid`` does."""
    folder.mkdir(exist_ok=True)
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        wsla.daemon.writer.GROUP_FOR = 0.0  # type: ignore[misc]
        wsla.daemon.housekeeping._PAUSE = 0.0  # type: ignore[misc]
        packing.ENOUGH = 1  # type: ignore[misc]
        asyncio.run(live(folder, points))
        (folder / "points").write_text(json.dumps(points.seen))
        code = 0
    finally:
        os._exit(code)


def left(folder: Path) -> dict[str, Any]:
    """What a run left: everything but numbers of rows."""
    keys = [json.loads(line) for line in (folder / "sent").read_text().splitlines()]
    with Store.open(str(folder / "wsla.db"), writer=False) as store:
        findings = [one.what for one in verify_agreement(store, TITLE, lambda *_: None).findings]
        assert findings == [], findings
        assert store.first_altered_entry() is None
        counts = store.outbox_counts()
        ever = (-(2**62), 2**62)
        return {
            "observations": [(one.at, dict(one.fields)) for one in store.observations(TITLE, *ever)],
            "judgements": [str(one) for one in store.judgements(TITLE, *ever)],
            "entries": [str(one) for _, one in store.entries(TITLE, *ever)],
            "intents": [str(one) for _, one in store.intents(TITLE, *ever)],
            "texts": len(store.agreement_history(TITLE)),
            "rolled up": sum(one.rollup.count for one in store.rollups(TITLE, *ever)),
            "kept from": store.kept_from(TITLE) or 0,
            "outbox": (counts.pending, counts.delivered),
            "links": sorted(
                (link.kind, link.subject) for link in store.links(TITLE) if link.kind != "thinned"
            ),
            "sent": sorted(set(keys)),
            "repeated": len(keys) - len(set(keys)),
        }


def check(folder: Path, name: str, nth: int, whole: dict[str, Any]) -> bool:
    """Dies at a point, goes on, and compares; False where the run did not come to the point."""
    ended = run(folder, Points(name, nth))
    if ended == 0:
        return False
    assert ended == signal.SIGKILL, f"{name} {nth}: the run ended with {ended}"
    assert run(folder, Points()) == 0, f"{name} {nth}: the run after it failed"
    found = left(folder)
    # What was sent when it died, and not noted yet, is sent again: once to each of the two receivers, with its key.
    assert (repeated := found.pop("repeated")) <= 2, f"{name} {nth}: {repeated} messages came twice"
    # What is rolled up depends on when it died; the rest is all there, and of what is rolled up as many.
    kept_from = max(found.pop("kept from"), whole["kept from"])
    assert len(found["observations"]) + found.pop("rolled up") == len(TICKS), f"{name} {nth}: lost"
    found["observations"] = [one for one in found["observations"] if one[0] >= kept_from]
    compared = {part: wanted for part, wanted in whole.items() if part in found}
    compared["observations"] = [one for one in whole["observations"] if one[0] >= kept_from]
    for part, wanted in compared.items():
        assert found[part] == wanted, f"{name} {nth}: {part} differ\n{found[part]}\n{wanted}"
    return True


def main(place: str, each: str = "0") -> None:
    """Prints how many points there were, and at how many a run died."""
    folder = Path(place)
    assert run(folder / "whole", Points()) == 0
    whole = left(folder / "whole")
    assert whole.pop("repeated") == 0
    seen: dict[str, int] = json.loads((folder / "whole" / "points").read_text())
    most = int(each) or max(seen.values())
    died = 0
    for name, count in sorted(seen.items()):
        for nth in sorted({*range(1, min(most, count) + 1), count}):
            died += check(folder / f"{name} {nth}".replace("/", ""), name, nth, whole)
    print(json.dumps({"points": sum(seen.values()), "names": seen, "died": died, "entries": len(whole["entries"]),
                      "rolled up": whole["rolled up"], "sent": len(whole["sent"])}))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
