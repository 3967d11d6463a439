"""A report that is sent: what `wsla report` prints and writes, for the daemon to send on."""

from __future__ import annotations

from io import StringIO
from typing import Any

from wsla.cli.report_text import print_report
from wsla.reporting.period import gather, report_value
from wsla.reporting.stored import in_force_at
from wsla.reporting.verdicts import window_name
from wsla.store.sqlite import Store
from wsla.values.instants import Interval


def write_report(store_url: str, title: str, period: Interval, claims_at: int) -> tuple[str, dict[str, Any]]:
    """The report of a period as text and as a value, with claims as they stood at an instant (nanoseconds).

    Raises StoreError, and ValueError where the store holds no such agreement that this wsla reads.
    """
    with Store.open(store_url, writer=False) as store:
        agreement = in_force_at(store, title, period.end)
        if agreement is None:
            raise ValueError(f"the store holds no agreement {title!r}")
        report = gather(store, title, agreement, period, claims_at=claims_at)
    stream = StringIO()
    print_report(report, window_name(period, agreement.plan.zone), stream)
    return stream.getvalue(), report_value(report)
