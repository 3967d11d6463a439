"""History that no one in this project made is read whole: every row is accounted for."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from wsla.analysis.checked import Field, Source
from wsla.analysis.types import BooleanType, InstantType, NumberType, TextType
from wsla.sources.files import read_history
from wsla.values.instants import parse_instant
from wsla.values.quantities import TIME

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real data in ../shared/data is not here")

PROBE = Source(
    name="probe",
    records=False,
    kind="csv",
    options={},
    labels=("service",),
    fields=(
        Field(name="at", column="", type=InstantType()),
        Field(name="service", column="service", type=TextType()),
        Field(name="status", column="status", type=TextType()),
        Field(
            name="latency",
            column="response_ms",
            type=NumberType(dimension=TIME),
            unit_factor=Fraction(10**6),
            unit_stated=True,
            resolution=Fraction(1),
        ),
    ),
)


def rows_in(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines()) - 1


def test_probe_history() -> None:
    path = DATA / "uptime" / "probe_history.csv"
    found = read_history(PROBE, str(path))
    assert found.rows == len(found.observations) == rows_in(path) == 6129
    assert found.rejects.total == found.duplicates == 0
    services = Counter(x.fields["service"] for x in found.observations)
    assert len(services) == 9
    assert {x.fields["status"] for x in found.observations} == {"up", "degraded", "down"}
    assert found.observations[0].at == parse_instant("2024-01-24T11:42:46.582Z")
    assert found.observations[0].fields["latency"] == 601_000_000
    one = read_history(PROBE, str(path), where={"service": "bunce-app"})
    assert len(one.observations) == services["bunce-app"]
    assert one.filtered == 6129 - services["bunce-app"]


def test_incidents() -> None:
    path = DATA / "incidents" / "incident_events.csv"
    tickets = Source(
        name="tickets",
        records=True,
        kind="csv",
        options={},
        key="key",
        updated="updated",
        fields=(
            Field(name="at", column="closed_at", type=InstantType()),
            Field(name="updated", column="sys_updated_at", type=InstantType()),
            Field(name="key", column="number", type=TextType()),
            Field(name="state", column="incident_state", type=TextType()),
            Field(name="solved", column="resolved_at", type=InstantType()),
            Field(name="reopened", column="reopen_count", type=NumberType(), unit_stated=True),
            Field(name="kept", column="made_sla", type=BooleanType()),
        ),
    )
    found = read_history(tickets, str(path), zone=ZoneInfo("UTC"))
    assert found.rows == rows_in(path) == 3611
    # The log has minutes only: several updates in one minute are all read, in their order.
    assert found.rejects.counts == {}
    assert found.rows == len(found.observations) + found.rejects.total + found.duplicates
    assert len({x.fields["key"] for x in found.observations}) == 534
    assert [x.at for x in found.observations] == sorted(x.at for x in found.observations)
    without = read_history(tickets, str(path))
    assert without.rejects.counts == {"at has no zone: write an offset such as Z or +01:00": 3611}


@pytest.mark.parametrize(
    ("name", "places", "rounded", "too_fine", "repeated"),
    [
        ("ec2_request_latency", 15, False, 0, 11),
        ("ec2_request_latency", 6, True, 0, 11),
        ("ec2_request_latency", 6, False, 1326, 9),
        ("elb_request_count", 6, False, 0, 0),
    ],
)
def test_cloudwatch(name: str, places: int, rounded: bool, too_fine: int, repeated: int) -> None:
    value = Field(
        name="value",
        column="value",
        type=NumberType(),
        unit_stated=True,
        resolution=Fraction(1, 10**places),
        rounded=rounded,
    )
    source = Source(
        name="x",
        records=False,
        kind="csv",
        options={},
        fields=(Field(name="at", column="timestamp", type=InstantType()), value),
    )
    found = read_history(source, str(DATA / "cloudwatch" / f"{name}.csv"), zone=ZoneInfo("UTC"))
    assert found.rows == 4032
    # An hour that clocks left out was written down as one instant, twelve times.
    expected = {
        f"value has more decimals than the {places} that are stored": too_fine,
        "a second, different value for the same instant": repeated,
    }
    assert found.rejects.counts == {reason: count for reason, count in expected.items() if count}
    assert len(found.observations) == 4032 - too_fine - repeated
