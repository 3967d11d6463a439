"""A store as the daemon leaves it: an agreement followed live from 1 March to 10 April 2026, noon."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from wsla.api import Agreement, loads
from wsla.daemon.agreements import state_version
from wsla.engine import Engine
from wsla.evaluation.stream import JudgementFinal, StandingChanged
from wsla.evaluation.verdicts import Judgement, Verdict
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.store.records import AgreementVersion, Batch, Decided, Judged, Observed, Snapshot
from wsla.store.sqlite import Store
from wsla.values.instants import MINUTE, Interval
from wsla.values.observations import Observation

TITLE = "Parcel tracking"
TEXT = """\
agreement "Parcel tracking" version 1 {
  kind customer
  effective 2026-01-01 in "Europe/Madrid"
  currency EUR

  party carrier "Rápido Parcels" provider { email "sla@carrier.example" }
  party store "Corner Store" consumer { email "owner@store.example" }

  service tracking "Tracking API" { fee 300 EUR per month }

  source probe = http "https://track.carrier.example/health" every 10m timeout 5s

  metric uptime = availability(probe.ok) each month
  metric daily = availability(probe.ok) each day

  goal reachable: carrier guarantees uptime >= 99.5% {
    otherwise credit store 20% of tracking.fee
    otherwise notify carrier, store
  }
  goal awake: carrier guarantees daily >= 90% { otherwise notify carrier }
}
"""
# Down from 06:00 to 12:00 on 10 March: six hours.
OUTAGE = ("2026-03-10T06:00", "2026-03-10T12:00")


def agreement(text: str = TEXT) -> Agreement:
    return loads(text, "parcels.sla")


def fill(path: Path, until: str = "2026-04-10T12:00") -> Agreement:
    """Makes the store at a path."""
    found = agreement()
    start, end = found.instant("2026-03-01"), found.instant(until)
    outage = Interval(found.instant(OUTAGE[0]), found.instant(OUTAGE[1]))
    engine = Engine(found.plan, start)
    looks = [
        Observation(source="probe", at=at, fields={"ok": not outage.contains(at)})
        for at in range(start, end, 10 * MINUTE)
    ]
    outputs = [output for look in looks for output in engine.observe(look)]
    outputs += engine.advance(end)
    judgements = [
        Judged(TITLE, output.judgement)
        for output in outputs
        if isinstance(output, JudgementFinal | StandingChanged)
    ]
    decisions = [Decided(TITLE, output) for output in outputs if isinstance(output, Intent | LedgerEntry)]
    snapshot = Snapshot(TITLE, state_version(found, start), end, engine.snapshot())
    with Store.open(str(path), writer=True) as store:
        store.write(
            Batch(
                agreements=(version_of(found, start),),
                observations=tuple(Observed(TITLE, look, look.at) for look in looks),
                judgements=tuple(judgements),
                decisions=tuple(decisions),
                snapshots=(snapshot,),
            )
        )
    return found


def version_of(found: Agreement, at: int) -> AgreementVersion:
    text = found.source.text
    return AgreementVersion(
        key=found.title,
        title=found.title,
        version=found.version,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        at=at,
    )


def entry(
    name: str,
    start: int,
    at: int,
    amount: str,
    *,
    debtor: str = "carrier",
    creditor: str = "store",
    kind: str = "credit",
) -> LedgerEntry:
    return LedgerEntry(
        id=name,
        kind=kind,
        debtor=debtor,
        creditor=creditor,
        amount=Decimal(amount),
        currency="EUR",
        at=at,
        cause="reachable",
        labels=(),
        window=Interval(start, at),
        memo="reachable was missed",
    )


def missed(start: int, end: int) -> Judged:
    """The final verdict of a window of the goal ``reachable`` that was missed."""
    judgement = Judgement(
        goal="reachable",
        labels=(),
        window=Interval(start, end),
        verdict=Verdict.VIOLATED,
        value=Fraction(99, 100),
        lower=False,
        upper=False,
        coverage=Fraction(1),
    )
    return Judged(TITLE, judgement)
