"""D10: over 400 virtual days nothing is dropped that anything still rests on."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsla.api import Agreement, judge, loads
from wsla.daemon.agreements import sha256_of, state_version
from wsla.daemon.recovery import recover
from wsla.daemon.retention import Retention, kept_from, kept_in, longest, reach
from wsla.engine import Engine, Output
from wsla.evaluation.stream import JudgementFinal
from wsla.remedies.claims import ClaimEvent, Claims, ClaimStep
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.store import packing
from wsla.store.columns import Look
from wsla.store.records import AgreementVersion, Batch, Decided, Judged, Observed, Snapshot
from wsla.store.rollups import Rollup
from wsla.store.sqlite import Store
from wsla.values.calendars import CalendarUnit, CalendarWindow, ExactWindow, OverlappingWindow, RollingWindow
from wsla.values.instants import DAY, HOUR
from wsla.values.observations import Observation

TITLE = "Kept"
TEXT = """agreement "Kept" version 1 {
  effective 2026-01-01 in "Europe/Berlin"
  currency EUR
  grace 1h
  party host "Host" provider
  party shop "Shop" consumer
  service web { fee 300 EUR per month }
  source probe = http "https://host.example/" every 1h timeout 5s
  metric monthly = availability(probe.ok) each month
  metric weekly = availability(probe.ok) over last 7d every 1d
  goal available: host guarantees monthly >= 99% {
    otherwise credit shop 10% of web.fee claimed within 60 days of window end
  }
  goal steady: host guarantees weekly >= 95% { otherwise notify shop }
  cap credits to shop at 20 EUR each month
}
"""
KEEP = Retention(observations=30 * DAY, rollup=DAY)


def agreement(text: str = TEXT) -> Agreement:
    return loads(text, "kept.sla")


def look(at: int) -> Observation:
    # Every ninth day, five hours of it, the service is down.
    return Observation(source="probe", at=at, fields={"ok": not (at // DAY % 9 == 0 and at // HOUR % 24 < 5)})


def batch(found: Agreement, looks: list[Observation], outputs: list[Output], snapshot: Snapshot) -> Batch:
    return Batch(
        observations=tuple(Observed(TITLE, one, one.at) for one in looks),
        judgements=tuple(Judged(TITLE, one.judgement) for one in outputs if isinstance(one, JudgementFinal)),
        decisions=tuple(Decided(TITLE, one) for one in outputs if isinstance(one, Intent | LedgerEntry)),
        snapshots=(snapshot,),
    )


@pytest.mark.parametrize("claimed", [True, False])
def test_four_hundred_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claimed: bool) -> None:
    """D10."""
    monkeypatch.setattr(packing, "ENOUGH", 48)
    found = agreement(TEXT if claimed else TEXT.replace(" claimed within 60 days of window end", ""))
    start = found.instant("2026-01-01")
    end = start + 400 * DAY
    engine = Engine(found.plan, start)
    state = state_version(found, start)
    far = reach(found.plan)
    assert far is not None
    everything: list[Observation] = []
    with Store.open(str(tmp_path / "wsla.db"), writer=True) as store:
        version = AgreementVersion(
            key=TITLE, title=TITLE, version=1, text=found.text, sha256=sha256_of(found), at=start
        )
        store.write(Batch(agreements=(version,)))
        for day in range(start, end, 5 * DAY):
            looks = [look(at) for at in range(day, day + 5 * DAY, HOUR)]
            outputs = [output for one in looks for output in engine.observe(one)]
            now = day + 5 * DAY
            outputs += engine.advance(now)
            store.write(batch(found, looks, outputs, Snapshot(TITLE, state, now, engine.snapshot())))
            everything += looks
            store.pack(store.streams_to_pack(now - HOUR), now - HOUR)
            until = kept_in(store, found.plan, KEEP)
            assert until is not None
            open_claims = [
                entry.window.start
                for _, entry in store.entries(TITLE, start - 1, end)
                if entry.claim_until is not None and now < entry.claim_until
            ]
            open_windows = [one.window.start for one in engine.judgements(now)]
            assert until <= min(now - 30 * DAY, *open_claims, *open_windows)
            store.thin(store.streams_to_thin(TITLE, until, 0, 10), until, DAY)
        kept_since = store.kept_from(TITLE)
        assert kept_since is not None
        assert start < kept_since <= end - far
        kept = list(store.observations(TITLE, start, end))
        assert [one for one in kept if one.at >= kept_since] == [
            one for one in everything if one.at >= kept_since
        ]
        assert len(kept) < len(everything) * 3 // 4
        # Roll-ups are what the observations themselves give.
        rollups = {one.start: one.rollup for one in store.rollups(TITLE, start - DAY, end)}
        gone = {one.at for one in everything} - {one.at for one in kept}
        by_day: dict[int, Rollup] = {}
        for one in everything:
            if one.at in gone:
                rollup = by_day.setdefault(one.at // DAY * DAY, Rollup())
                rollup.take(Look(one.at, one.at, "", one.fields, one.reason, one.failure))
        assert rollups == by_day
        # What is stored is what judging everything gives.
        whole = judge(found, everything, start, end)
        stored = list(store.judgements(TITLE, start, end, final_only=True))
        assert {(one.goal, one.window): one.verdict for one in stored} == {
            (one.goal, one.window): one.verdict
            for one in whole.judgements
            if one.window.end + found.plan.grace <= end
        }
        entries = list(store.entries(TITLE, start - 1, end))
        assert len(entries) >= 10
        # A state that cannot be used is computed anew from what is kept, and says nothing that was said before.
        intents = list(store.intents(TITLE, start - 1, end))
        store.write(Batch(snapshots=(Snapshot(TITLE, "another program", end, {}),)))
        recovered = recover(store, found, end)
        assert [one for one in recovered.outputs if isinstance(one, Intent | LedgerEntry)] == []
        assert list(store.entries(TITLE, start - 1, end)) == entries
        assert list(store.intents(TITLE, start - 1, end)) == intents
        assert recovered.engine.judgements(end) == engine.judgements(end)


@pytest.mark.parametrize(
    ("window", "length"),
    [
        (CalendarWindow(CalendarUnit.MONTH, 2), 2 * (31 * DAY + HOUR)),
        (ExactWindow(5), 5),
        (RollingWindow(7, 2), 9),
        (OverlappingWindow(CalendarWindow(CalendarUnit.DAY), 3), 3 * 25 * HOUR),
    ],
)
def test_the_longest_of_windows(window: CalendarWindow, length: int) -> None:
    assert longest(window) == length


def test_what_has_no_bound_is_kept_for_ever() -> None:
    records = """agreement "R" version 1 {
  effective 2026-01-01 in "UTC"
  party host "Host" provider
  party shop "Shop" consumer
  source tickets = records csv "tickets.csv" { at opened  opened opened  priority text }
  metric n = count(tickets) each month
  goal few: host guarantees n <= 3
}
"""
    assert reach(agreement(records).plan) is None
    in_a_row = TEXT.replace("goal steady", "when consecutive(available) >= 3 { notify shop }\n  goal steady")
    assert reach(agreement(in_a_row).plan) is None


def test_nothing_is_dropped_unless_it_is_asked_for() -> None:
    plan = agreement().plan
    assert kept_from(plan, Retention(), 10**18, (), Claims(), None) is None


def test_claims_and_late_observations_hold_what_they_rest_on(tmp_path: Path) -> None:
    found = agreement()
    plan, far = found.plan, reach(found.plan)
    assert far is not None
    report = judge(
        found,
        [look(at) for at in range(found.instant("2026-01-01"), found.instant("2026-03-01"), HOUR)],
        found.instant("2026-01-01"),
        found.instant("2026-03-01"),
    )
    first = report.entries[0]
    assert first.claim_until is not None
    now = first.claim_until + 3000 * DAY
    claimed = Claims([ClaimEvent(entry=first.id, step=ClaimStep.CLAIMED, at=first.at)])
    assert kept_from(plan, KEEP, now, [first], claimed, None) == first.window.start - far
    settled = Claims(
        [*claimed.of(first, now), ClaimEvent(entry=first.id, step=ClaimStep.ISSUED, at=first.at)]
    )
    assert kept_from(plan, KEEP, now, [first], settled, None) == now - far
    assert kept_from(plan, KEEP, now, [first], Claims(), None) == now - far
    assert kept_from(plan, KEEP, first.claim_until - 1, [first], Claims(), None) == first.window.start - far
    assert kept_from(plan, KEEP, now, [], Claims(), 5) == 5 - far
    assert kept_from(plan, Retention(observations=4000 * DAY), now, [], Claims(), None) == now - 4000 * DAY
