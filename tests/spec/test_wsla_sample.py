"""The behaviour of the sample agreement that was published with WSLA: what its text demands of 31 hours, by hand.

Its schedules start on 30 November 2001 at 19:00 UTC. Status is read every minute, utilization every five minutes, the
number of transactions every hour; the share of overload is computed every 1440 minutes, over the last hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

import wsla
from wsla.diagnostics.source import SourceText
from wsla.evaluation.verdicts import Verdict
from wsla.interop.formats import import_text

DOCUMENT = Path(__file__).resolve().parents[2].parent / "shared" / "corpus" / "wsla"
START = datetime(2001, 11, 30, 19, tzinfo=UTC)
HOURS = 31
# Fifteen minutes of the first evening, and 29 minutes of the next afternoon.
DOWN = [
    (datetime(2001, 11, 30, 20, tzinfo=UTC), timedelta(minutes=15)),
    (datetime(2001, 12, 1, 14, tzinfo=UTC), timedelta(minutes=29)),
]
# Transactions of an hour, by its number from the start, where they are not 1200.
SLOW = {27: 1000, 29: 1001}
# How many of the last twelve readings of a day are above 80 per cent.
QUARTER, THIRD = 3, 4
# Everything about being up and down, which takes time to judge and says nothing of the rate.
STATUS = "Availability_ UpTime Continuous CurrentDownTime Status MeasuredStatus"


def statuses() -> Iterator[Mapping[str, object]]:
    for minute in range(HOURS * 60):
        at = START + timedelta(minutes=minute)
        down = any(begin <= at < begin + length for begin, length in DOWN)
        yield {"at": at, "value": 0 if down else 1}


def utilizations(busy: int) -> Iterator[Mapping[str, object]]:
    for reading in range(HOURS * 12):
        late = 288 - busy <= reading % 288
        yield {"at": START + timedelta(minutes=5 * reading), "value": 0.9 if late else 0.8}


def transactions() -> Iterator[Mapping[str, object]]:
    total = 0
    for hour in range(HOURS):
        total += SLOW.get(hour, 1200)
        yield {"at": START + timedelta(hours=hour), "value": total}


def judged(busy: int, *, without: str = "") -> wsla.Report:
    """The first 31 hours, judged; ``without`` is what names of parts of the document begin with that are left out."""
    path = next(DOCUMENT.glob("01-*.xml"), None)
    if path is None:
        pytest.skip("the corpus of documents is not beside the project")
    root = ElementTree.fromstring(path.read_text("utf-8"))
    for owner in list(root.iter()):
        for part in list(owner):
            if without and part.get("name", "").startswith(tuple(without.split())):
                owner.remove(part)
    source = SourceText(name=path.name, text=ElementTree.tostring(root, encoding="unicode"))
    _, found = import_text(source)
    assert found.text is not None
    data: dict[str, list[Mapping[str, object]]] = {
        "ProbedUtilization": list(utilizations(busy)),
        "SumTransactions": list(transactions()),
        "SumResponseTime": [],
    }
    if not without:
        data["MeasuredStatus"] = list(statuses())
    until = START + timedelta(hours=HOURS, minutes=10)
    return wsla.evaluate(wsla.loads(found.text), data, start=START, until=until)


@pytest.fixture(scope="module")
def report() -> wsla.Report:
    return judged(QUARTER)


def violated(report: wsla.Report, goal: str) -> list[datetime]:
    """The ticks at which an objective is violated."""
    ends = [
        one.window.end for one in report.judgements if one.goal == goal and one.verdict is Verdict.VIOLATED
    ]
    return [datetime.fromtimestamp(end // 10**9, UTC) for end in ends]


def every_minute(first: datetime, last: datetime) -> list[datetime]:
    return [first + timedelta(minutes=n) for n in range((last - first) // timedelta(minutes=1) + 1)]


def notified(report: wsla.Report, cause: str) -> list[datetime]:
    """The ticks for which XInc is told; a rule acts a millisecond after the evaluation, a minute after its tick."""
    late = timedelta(minutes=1, milliseconds=1)
    found = [one for one in report.intents if any(cause in part for part in one.words.said())]
    assert {str(target) for one in found for target in one.targets} == {"XInc.notification"}
    return [datetime.fromtimestamp(one.at // 10**6 / 1000, UTC) - late for one in found]


def test_ten_minutes_down_in_a_row_are_too_many(report: wsla.Report) -> None:
    first = every_minute(
        datetime(2001, 11, 30, 20, 10, tzinfo=UTC), datetime(2001, 11, 30, 20, 15, tzinfo=UTC)
    )
    second = every_minute(
        datetime(2001, 12, 1, 14, 10, tzinfo=UTC), datetime(2001, 12, 1, 14, 29, tzinfo=UTC)
    )
    assert violated(report, "ContinuousDowntimeSLO") == first + second


def test_44_minutes_down_of_1440_are_too_many_and_43_are_not(report: wsla.Report) -> None:
    # The 44th minute is over at 14:29; the first of them leaves the last 1440 after 20:00.
    expected = every_minute(
        datetime(2001, 12, 1, 14, 29, tzinfo=UTC), datetime(2001, 12, 1, 20, 0, tzinfo=UTC)
    )
    assert violated(report, "UpTimeSLO") == expected
    assert len(expected) == 332


def test_the_rate_counts_only_while_there_is_little_overload(report: wsla.Report) -> None:
    # 1000 are not more than 1000. A third of overload is not less than 30 per cent.
    assert violated(report, "ConditionalSLOForTransactionRate") == [START + timedelta(hours=28)]
    more = judged(THIRD, without=STATUS)
    assert violated(more, "ConditionalSLOForTransactionRate") == []
    assert any(one.verdict is Verdict.MET for one in more.judgements)


@pytest.mark.parametrize(
    ("cause", "goal"),
    [
        ("UpTimeNotificationGuarantee 3", "UpTimeSLO"),
        ("ContinuousDowntimeNotificationGuarantee 4", "ContinuousDowntimeSLO"),
        ("ConstrainedTARateGuarantee", "ConditionalSLOForTransactionRate"),
    ],
)
def test_the_customer_is_told_at_each_evaluation_that_finds_a_violation(
    cause: str, goal: str, report: wsla.Report
) -> None:
    assert notified(report, cause) == violated(report, goal)
