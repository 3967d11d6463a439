"""An agreement that is kept for a while, by the time zones that PYTHONTZPATH names.

``changing_zones.py STORE SINCE UNTIL [forget]``; with ``forget`` the state of its engine is of no use.
"""

from __future__ import annotations

import json
import sys

from wsla.api import loads
from wsla.daemon.recovery import recover
from wsla.evaluation.stream import JudgementFinal
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.store.records import Batch, Decided, Judged, Observed, Snapshot
from wsla.store.sqlite import Store
from wsla.values.instants import HOUR
from wsla.values.observations import Observation

TEXT = """agreement "Zone" version 1 {
  effective 2026-01-01 in "Europe/Berlin"
  currency EUR
  grace 1h
  party host "Host" provider
  party shop "Shop" consumer
  source probe = http "https://host.example/" every 1h timeout 5s
  metric monthly = availability(probe.ok) each month
  goal available: host guarantees monthly >= 99% {
    otherwise credit shop 7 EUR
    otherwise notify shop
  }
}
"""
EVER = (-(2**62), 2**62)


def main(path: str, since: int, until: int, forget: bool) -> None:
    """Prints the offset of the zone, and what is stored by then."""
    agreement = loads(TEXT, "zone.sla")
    with Store.open(path, writer=True) as store:
        if forget:
            state = store.latest_snapshot("Zone")
            assert state is not None
            store.write(
                Batch(snapshots=(Snapshot("Zone", f"{state[0]} of another program", state[1], None),))
            )
        recovered = recover(store, agreement, since)
        engine, outputs = recovered.engine, list(recovered.outputs)
        looks = [
            Observation(source="probe", at=at, fields={"ok": at // HOUR % 50 != 0, "elapsed": 1})
            for at in range(since, until, HOUR)
        ]
        for one in looks:
            outputs += engine.observe(one)
        outputs += engine.advance(until)
        store.write(
            Batch(
                observations=tuple(Observed("Zone", one, one.at) for one in looks),
                judgements=tuple(
                    Judged("Zone", one.judgement) for one in outputs if isinstance(one, JudgementFinal)
                ),
                decisions=tuple(
                    Decided("Zone", one) for one in outputs if isinstance(one, Intent | LedgerEntry)
                ),
                snapshots=(Snapshot("Zone", recovered.state, until, engine.snapshot()),),
            )
        )
        windows = [
            [one.window.start, one.window.end, one.verdict.value]
            for one in store.judgements("Zone", *EVER, final_only=True)
        ]
        entries = [str(one) for _, one in store.entries("Zone", *EVER)]
        intents = [str(one) for _, one in store.intents("Zone", *EVER)]
        midnight = agreement.instant("2026-03-01")
    print(json.dumps({"midnight": midnight, "windows": windows, "entries": entries, "intents": intents}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), "forget" in sys.argv[4:])
