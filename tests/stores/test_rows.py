"""A table of a server as one of the sources of `wsla eval --data`, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from wsla.analysis.checked import Field, Source
from wsla.analysis.types import BooleanType, InstantType, NumberType, TextType
from wsla.cli.refusals import without_password
from wsla.sources.files import DataError, read_history
from wsla.values.instants import parse_instant

NOON = parse_instant("2026-03-04T12:00:00Z")
PROBE = Source(
    name="probe",
    records=False,
    kind="postgresql",
    options={},
    labels=("service",),
    fields=(
        Field(name="at", column="", type=InstantType()),
        Field(name="service", column="service", type=TextType()),
        Field(name="up", column="up", type=BooleanType()),
        Field(name="load", column="load", type=NumberType(), unit_stated=True),
    ),
)
ROWS = [
    ("2026-03-04T12:00:00.123456Z", "web", True, 0.1),
    ("2026-03-04T12:00:01Z", "web", None, None),
    ("2026-03-04T12:00:02Z", "shop", False, 0.30000000000000004),
]
COLUMNS = {"time": "instant", "service": "text", "up": "truth", "load": "float"}


@pytest.fixture
def address(postgres_database: Any) -> str:
    postgres_database.fill("samples", COLUMNS, ROWS)
    postgres_database.store._connection.rollback()
    return str(postgres_database.address)


@pytest.mark.parametrize(
    "place", ["::samples", "?table=samples", "::public.samples", "::select * from samples order by time"]
)
def test_a_table_of_a_server(address: str, place: str) -> None:
    refused: list[Any] = []
    found = read_history(PROBE, address + place, refused=lambda *row: refused.append(row))
    assert [(x.at - NOON, *x.fields.values()) for x in found.observations] == [
        (123_456_000, "web", True, 100_000),
        (10**9, "web", None, None),
    ]
    ((line, reason, cells),) = refused
    assert line == 3
    assert "has more decimals than the 6" in reason
    assert cells["service"] == "shop"
    chosen = read_history(PROBE, address + place, where={"up": "true"})
    assert len(chosen.observations) == 1


def test_counts_since_1970_in_a_server(postgres_database: Any, address: str) -> None:
    rows = [(NOON // 10**6, "web", True, 1.5)]
    postgres_database.fill("counted", {**COLUMNS, "time": "whole"}, rows)
    for unit in (None, "ms"):
        assert read_history(PROBE, f"{address}::counted", time_unit=unit).observations[0].at == NOON


def test_what_cannot_be_read(address: str) -> None:
    with pytest.raises(DataError, match=r"holds many tables: write .*::TABLE"):
        read_history(PROBE, address)
    with pytest.raises(DataError, match=r"cannot be read: .*gone"):
        read_history(PROBE, f"{address}::gone")
    nowhere = "postgresql://somebody:secret@127.0.0.1:1/nothing::samples"
    with pytest.raises(DataError) as found:
        read_history(PROBE, nowhere)
    assert "secret" not in str(found.value)
    assert without_password(nowhere) == "postgresql://127.0.0.1:1/nothing::samples"
