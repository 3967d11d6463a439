"""C5: long windows, far instants and large numbers come back from the store as they were given."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve

from wsla.api import judge, loads
from wsla.store.records import Batch, Decided, Judged, Observed
from wsla.store.sqlite import Store
from wsla.values.instants import HOUR, parse_instant
from wsla.values.observations import Observation

from .conftest import KEY, Opener, entry, judgement

TEXT = """agreement "Long" version 1 {
  effective 2030-01-01 in "UTC"
  party host "Host" provider
  party shop "Shop" consumer
  source probe = csv "looks.csv" every 10000h
  metric up = availability(probe.ok) each 100000h
  goal available: host guarantees up >= 99%
}
"""
LATEST = 2**63 - 1


def test_a_hundred_thousand_hours_are_exact(store: Store, opener: Opener) -> None:
    """C5: across 2038."""
    agreement = loads(TEXT, "long.sla")
    start = agreement.instant("2030-01-01")
    report = judge(agreement, looks(start), start, start + 200_000 * HOUR)
    closed = [one for one in report.judgements if one.final]
    whole = [one for one in closed if one.window.length == 100_000 * HOUR]
    assert whole
    assert whole[0].window.end > parse_instant("2038-01-19T03:14:08Z")
    store.write(Batch(judgements=tuple(Judged(KEY, one) for one in closed)))
    store.close()
    assert list(opener().judgements(KEY, -LATEST, LATEST)) == closed


def looks(start: int) -> list[Observation]:
    return [
        Observation(source="probe", at=start + number * 10_000 * HOUR, fields={"ok": number % 7 != 0})
        for number in range(20)
    ]


@pytest.mark.parametrize(
    "at",
    [
        parse_instant("2038-01-19T03:14:07.999999999Z"),
        parse_instant("2038-01-19T03:14:08Z"),
        parse_instant("2106-02-07T06:28:16.000000001Z"),
        LATEST,
        -LATEST - 1,
        -1,
    ],
)
def test_instants_beyond_32_bits_come_back_to_the_nanosecond(store: Store, opener: Opener, at: int) -> None:
    """C5."""
    large = {"count": 10**30 + 1, "ok": True}
    one = Observation(source="probe", at=at, fields=large)
    length = 100_000 * HOUR
    said = evolve(
        judgement(), value=Fraction(10**40 + 1, 3), budget=Fraction(length), budget_left=Fraction(-length, 7)
    )
    booked = evolve(entry("large", 10), amount=Decimal("123456789012345678901234567890.12"))
    store.write(
        Batch(
            observations=(Observed(KEY, one, 0),),
            judgements=(Judged(KEY, said),),
            decisions=(Decided(KEY, booked),),
        )
    )
    store.close()
    again = opener(writer=False)
    [found] = again.observations_after_snapshot(KEY)
    assert (found.at, found.fields) == (at, large)
    assert list(again.judgements(KEY, 0, 1000)) == [said]
    assert [known for _, known in again.entries(KEY, 0, 1000)] == [booked]
