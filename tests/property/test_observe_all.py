"""Property: a stretch of history at once is judged as its observations one by one."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsla.evaluation.stream import StreamEvaluator
from wsla.testing.strategies import Case, cases
from wsla.values.observations import Observation

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=40)


def sharing_fields(observations: Iterable[Observation]) -> list[Observation]:
    """The same observations; those of equal fields share one mapping."""
    shared: dict[str, object] = {}
    return [
        Observation(source=o.source, at=o.at, fields=shared.setdefault(repr(o.fields), o.fields))
        for o in observations
    ]


@QUICK
@given(cases(), st.data(), st.booleans(), st.booleans())
def test_all_at_once_is_one_by_one(case: Case, data: st.DataObject, shuffled: bool, live: bool) -> None:
    observations = sharing_fields(case.observations)
    if shuffled:
        observations = data.draw(st.permutations(observations))
    cut = data.draw(st.integers(0, len(observations)))
    singly = StreamEvaluator(case.plan, case.start, live=live, keep_history=True)
    together = StreamEvaluator(case.plan, case.start, live=live, keep_history=True)
    told, said = [], []
    for part in (observations[:cut], observations[cut:]):
        for observation in sorted(part, key=attrgetter("at")):
            told += singly.observe(observation)
        together.observe_all(part)
        if part and live:
            last = max(observation.at for observation in part)
            told += singly.advance(last)
            said += together.advance(last)
    assert said + together.advance(case.until) == told + singly.advance(case.until)
    assert together.outcome(case.until) == singly.outcome(case.until)
