"""Figures for Prometheus: bounded, whatever there is much of (W5)."""

from __future__ import annotations

import pytest

pytest.importorskip("prometheus_client", reason="what tells figures is not installed")

from wsla.daemon.status import AgreementStatus, SourceStatus, Status
from wsla.web.metrics import MOST_AGREEMENTS, exposition


def status(agreements: int, sources: int, failed: int | None = None) -> Status:
    source = tuple(SourceStatus(name=f"s{number}", last=None, lateness=0) for number in range(sources))
    return Status(
        agreements=tuple(
            AgreementStatus(
                title=f"A{number:05}",
                version=1,
                file="a.sla",
                sources=source,
                standings=(),
                accepted=1,
                failed="why" if number == failed else None,
            )
            for number in range(agreements)
        ),
        running_probes=0,
        lateness=0,
        waiting=0,
        dropped=0,
        store_trouble=None,
        in_hand=0,
        delivered=0,
        failed_attempts=0,
        dead=0,
    )


def series(found: Status) -> set[str]:
    text, _ = exposition(found, (), "")
    return {line.rpartition(" ")[0] for line in text.decode().splitlines() if not line.startswith("#")}


def test_ten_thousand_of_anything_are_bounded() -> None:
    few = series(status(1, 1))
    assert series(status(1, 10_000)) == few
    each = len(series(status(2, 1))) - len(few)
    many = series(status(10_000, 1, failed=9_999))
    assert len(many) == len(few) + each * (MOST_AGREEMENTS - 1)
    # The one that cannot be judged is among them.
    assert 'wsla_agreement_judged{agreement="A09999"}' in many


def test_those_without_series_are_counted() -> None:
    for agreements, without in ((1, 0), (MOST_AGREEMENTS, 0), (MOST_AGREEMENTS + 1, 1)):
        text, _ = exposition(status(agreements, 1), (), "")
        assert f"wsla_agreements_without_series {float(without)}" in text.decode()
