"""What of a stream counts before it begins, where another source has a say."""

from __future__ import annotations

from fractions import Fraction

import pytest

pytest.importorskip("numpy", reason="what holds columns is not installed")

from attrs import evolve

from wsla.analysis.operations import Aggregate
from wsla.api import loads
from wsla.testing.engines import ENGINES
from wsla.values.instants import HOUR, parse_instant
from wsla.values.observations import Observation

TEXT = """
agreement "Taking part" version 1 {
  effective 2026-03-01 in "UTC"
  party a "A" provider
  party b "B" consumer
  source gate  = push { holds until next }
  source hosts = push { label host  holds until next }
  metric good  = availability(hosts.ok and gate.open) each day by host
  goal g: a guarantees good >= 50%
}
"""


@pytest.mark.parametrize("engine", ENGINES, ids=str)
def test_before_its_first_sample_a_stream_takes_no_part(engine: str) -> None:
    # M13: that the gate is shut makes the argument false for any host, also for one that is not there yet. Nobody can
    # write a share of two sources; generated plans have them.
    start = parse_instant("2026-03-01T00:00:00Z")
    written = loads(TEXT).plan
    operations = tuple(
        evolve(node, function="share", source="hosts", by=()) if isinstance(node, Aggregate) else node
        for node in written.operations
    )
    plan = evolve(written, operations=operations, goals=())

    def seen(source: str, hour: int, **fields: object) -> Observation:
        return Observation(source=source, at=start + hour * HOUR, fields=fields)

    observations = [
        seen("gate", 0, open=False),
        seen("hosts", 0, host="x", ok=True),
        seen("gate", 9, open=True),
        seen("hosts", 30, host="y", ok=True),
    ]
    outcome = ENGINES[engine](plan, observations, start, start + 48 * HOUR)
    first, second = outcome.metrics["good"]
    assert (first.value.value, first.value.coverage) == (0, 1)
    assert (second.value.value, second.value.coverage) == (1, Fraction(24 + 18, 48))
