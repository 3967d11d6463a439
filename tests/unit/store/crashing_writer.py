"""A daemon's worth of writing, to be killed: ``crashing_writer.py STORE TOTAL [POINT NTH]``.

Writes batches 0 to TOTAL - 1, going on from the last that the store holds, and prints the number of each batch that
the store acknowledged. At the NTH call of the named point it kills itself.
"""

from __future__ import annotations

import os
import signal
import sys
from decimal import Decimal
from fractions import Fraction

from wsla.evaluation.verdicts import Judgement, Verdict
from wsla.plan.model import Target
from wsla.remedies.decisions import Intent, LedgerEntry, Words
from wsla.store.records import Batch, Decided, Judged, Observed, Snapshot
from wsla.store.sqlite import Store
from wsla.values.instants import Interval
from wsla.values.observations import Observation

KEY = "shop"
LOOKS = 5
TARGET = Target(party="customer", channel="mail")


def batch(number: int) -> Batch:
    """The batch of that number: observations, a verdict, an entry, an intent and the engine's state."""
    window = Interval(number * LOOKS, (number + 1) * LOOKS)
    looks = tuple(
        Observed(KEY, Observation(source="probe", at=at, fields={"up": True}), at, "eu")
        for at in range(window.start, window.end)
    )
    verdict = Judgement(
        goal="availability",
        labels=(),
        window=window,
        verdict=Verdict.VIOLATED,
        value=Fraction(number, 7),
        lower=None,
        upper=None,
        coverage=Fraction(1),
    )
    entry = LedgerEntry(
        id=f"entry {number}",
        kind="credit",
        debtor="operator",
        creditor="customer",
        amount=Decimal(number),
        currency="EUR",
        at=window.end,
        cause="availability",
        labels=(),
        window=window,
        memo="",
    )
    intent = Intent(
        id=f"intent {number}",
        verb="notify",
        targets=(TARGET,),
        at=window.end,
        cause="availability",
        labels=(),
        window=window,
        words=Words.of("", ""),
    )
    return Batch(
        observations=looks,
        judgements=(Judged(KEY, verdict),),
        decisions=(Decided(KEY, intent), Decided(KEY, entry)),
        snapshots=(Snapshot(KEY, "v", number, number),),
    )


def main(path: str, total: int, point: str = "", nth: int = 0) -> None:
    """Write until all is written, or until killed."""
    calls = 0

    def fault(name: str) -> None:
        nonlocal calls
        calls += name == point
        if name == point and calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    store = Store.open(path, writer=True, fault=fault)
    store.register_agreement(KEY, title="Shop", version=1, text="…", sha256="1", at=0)
    snapshot = store.latest_snapshot(KEY)
    # The last batch that is stored comes again, as after a commit whose answer was never heard.
    for number in range(snapshot[2] if snapshot else 0, total):
        store.write(batch(number))
        os.write(1, f"{number}\n".encode())
        store.delivery_succeeded(f"intent {number}", TARGET, number)
        os.write(1, f"sent {number}\n".encode())
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:4], *map(int, sys.argv[4:5]))
