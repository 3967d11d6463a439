"""The daemon's own figures for Prometheus. Their number is bounded by agreements and goals, never grows with labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder

from wsla.daemon.lateness import BOUNDS, LatenessCounts
from wsla.daemon.status import Status, Turn
from wsla.values.instants import SECOND
from wsla.web.view import Seen

MOST_AGREEMENTS: Final = 1_000
"""Agreements that have series of their own; of more, those that cannot be judged come first, then by title."""


def exposition(status: Status, agreements: Iterable[Seen], accept: str) -> tuple[bytes, str]:
    """The text for a scrape and its content type, in the form that the ``Accept`` header asks for."""
    registry = CollectorRegistry()
    registry.register(_Figures(status, tuple(agreements)))
    encoder, content_type = choose_encoder(accept)
    return encoder(registry), content_type


class _Figures:
    def __init__(self, status: Status, agreements: tuple[Seen, ...]) -> None:
        self._status = status
        self._agreements = agreements

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        status = self._status
        yield from _turn(status.turn)
        yield _gauge("wsla_agreements", "Agreements that are kept.", len(status.agreements))
        yield _gauge(
            "wsla_agreements_without_series",
            "Agreements that are too many to have series of their own.",
            max(len(status.agreements) - MOST_AGREEMENTS, 0),
        )
        yield _gauge(
            "wsla_sources", "Sources that are looked at.", sum(len(x.sources) for x in status.agreements)
        )
        yield _gauge("wsla_probes_running", "Looks at services under way.", status.running_probes)
        yield _gauge(
            "wsla_lateness_seconds", "How late the latest look of any source began.", status.lateness / SECOND
        )
        yield _lateness(status.looks)
        yield _counter("wsla_looks_missed", "Looks that were not made at all.", status.looks.missed)
        yield _gauge("wsla_store_waiting", "Results that wait in memory to be stored.", status.waiting)
        yield _gauge("wsla_store_ok", "1 while the store can be written.", int(status.store_trouble is None))
        yield _gauge("wsla_outbox_in_hand", "Messages that wait or are under way.", status.in_hand)
        yield _counter("wsla_observations_dropped", "Observations lost for want of room.", status.dropped)
        yield _counter(
            "wsla_rows_refused", "Rows of files and databases that could not be used.", status.refused_rows
        )
        yield _counter("wsla_reloads", "Times the files were read anew.", status.reloads)
        yield _gauge(
            "wsla_config_last_reload_successful",
            "1 where the files were all sound when they were read last.",
            int(not status.broken),
        )
        yield _gauge(
            "wsla_config_last_reload_success_timestamp_seconds",
            "When the files were all sound and taken last.",
            status.sound_at / SECOND,
        )
        attempts = CounterMetricFamily(
            "wsla_deliveries", "What became of attempts to deliver.", labels=["outcome"]
        )
        attempts.add_metric(["delivered"], status.delivered)
        attempts.add_metric(["failed"], status.failed_attempts)
        attempts.add_metric(["given up"], status.dead)
        if status.turn.role == "judge":
            # What is not done here is not counted here.
            yield attempts
            yield from self._of_agreements()
            yield from self._of_goals()

    def _of_agreements(self) -> Iterator[Metric]:
        info = InfoMetricFamily("wsla_agreement", "Agreements that are kept.", labels=["agreement"])
        judged = GaugeMetricFamily("wsla_agreement_judged", "1 while it is judged.", labels=["agreement"])
        observed = CounterMetricFamily("wsla_observations", "Observations taken in.", labels=["agreement"])
        listed = sorted(self._status.agreements, key=lambda one: (one.failed is None, one.title))
        for one in listed[:MOST_AGREEMENTS]:
            for version in one.versions or (one.version,):
                info.add_metric([one.title], {"version": str(version)})
            judged.add_metric([one.title], int(one.failed is None))
            observed.add_metric([one.title], one.accepted)
        yield info
        yield judged
        yield observed

    def _of_goals(self) -> Iterator[Metric]:
        windows = GaugeMetricFamily(
            "wsla_goal_windows",
            "Open windows of a goal (one for each combination of labels), by how they stand.",
            labels=["agreement", "goal", "standing"],
        )
        left = GaugeMetricFamily(
            "wsla_goal_budget_left_ratio",
            "The share of the budget that is left, of the window that has least.",
            labels=["agreement", "goal"],
        )
        for seen in self._agreements:
            standing = Counter((one.goal, one.verdict.value) for one in seen.open_windows)
            for (goal, verdict), number in sorted(standing.items()):
                windows.add_metric([seen.title, goal, verdict], number)
            least: dict[str, Fraction] = {}
            for one in seen.open_windows:
                if one.budget and one.budget_left is not None:
                    share = one.budget_left / one.budget
                    least[one.goal] = min(share, least.get(one.goal, share))
            for goal, share in sorted(least.items()):
                left.add_metric([seen.title, goal], float(share))
        yield windows
        yield left


def _turn(turn: Turn) -> Iterator[Metric]:
    role = GaugeMetricFamily("wsla_role", "1 for what this daemon does: judge, or stand by.", labels=["role"])
    for name in ("judge", "standby"):
        role.add_metric([name], int(turn.role == name))
    yield role
    if turn.judge is not None:
        judge = InfoMetricFamily("wsla_judge", "The daemon that judges.", labels=[])
        judge.add_metric([], {"daemon": turn.judge})
        yield judge


def _lateness(looks: LatenessCounts) -> Metric:
    ends = [*(f"{bound / SECOND:g}" for bound in BOUNDS), "+Inf"]
    buckets = list(zip(ends, accumulate(looks.counts), strict=True))
    text = "How late looks at services began."
    return HistogramMetricFamily("wsla_look_lateness_seconds", text, buckets, sum_value=looks.total / SECOND)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)
