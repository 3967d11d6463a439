"""A source of which every look may find several streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, cast

from attrs import evolve

from wsla.daemon.bindings import ProbePlan
from wsla.daemon.scheduler import Slots, SourceRunner
from wsla.ports import Clock, Prober
from wsla.sources.network.failures import Failure
from wsla.sources.prometheus import PrometheusTarget
from wsla.sources.registry import build_prober
from wsla.sources.sql import SqlTarget
from wsla.values.observations import Observation, Raw

Labels = tuple[str, ...]


class SeriesProber(Prober, Protocol):
    """What the latest look found is in ``found``, a stream each."""

    found: dict[Labels, Observation]

    def labelled(self, labels: Labels) -> dict[str, Raw]:
        """The fields of the labels of a stream."""
        ...

    def unknown(self, at: int, reason: str, failure: str) -> Observation:
        """An observation that knows nothing."""
        ...


class SeriesRunner(SourceRunner):
    """Looks again and again, like any other; a stream that was there before and is not found is unknown."""

    def __init__(
        self,
        agreement: str,
        plan: ProbePlan,
        target: PrometheusTarget | SqlTarget,
        clock: Clock,
        slots: Slots,
        ended: Callable[..., None],
    ) -> None:
        prober = cast(SeriesProber, build_prober(plan.kind, target, clock))
        super().__init__(agreement, plan, prober, clock, slots, ended)
        self._series: Final = prober
        self._known: Final[dict[Labels, None]] = {} if target.labels else {(): None}

    def _tell(self, observation: Observation) -> None:
        self.last = observation
        # What was not looked at has no series.
        found = self._series.found if observation.failure is None else {}
        self._known.update(dict.fromkeys(found))
        lost = observation
        if observation.failure is None:
            reason, failure = "the answer does not hold this series any more", Failure.OBSERVER_QUERY.value
            lost = self._series.unknown(observation.at, reason, failure)
        self.ended(
            *found.values(),
            *(
                evolve(lost, fields={**lost.fields, **self._series.labelled(labels)})
                for labels in self._known
                if labels not in found
            ),
        )
