"""Range queries of real servers as one of the sources of `wsla eval --data`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from wsla.analysis.checked import Field, Source
from wsla.analysis.types import NumberType
from wsla.sources.files import DataError, read_history
from wsla.testing.metric_sources import UP, metric_source
from wsla.values.instants import parse_instant

NOON = parse_instant("2026-03-04T12:00:00Z")
LOAD = metric_source(Field(name="load", column="value", type=NumberType(), unit_stated=True))


@pytest.fixture(params=["prometheus", "victoria_metrics"])
def server(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_a_range_query(server: Any) -> None:
    first = NOON // 10**6
    up = {
        (("region", "eu"),): [(first + x * 60_000, float(x % 2)) for x in range(5)],
        (("region", "us"),): [(first + x * 60_000, 1.0) for x in range(5)],
    }
    server.load("wsla_range", up)

    def read(source: Source, query: str, step: str = "1m") -> Any:
        place = (
            f"prometheus+{server.address}?query={quote(query)}&step={step}"
            "&start=2026-03-04T12:00:00Z&end=2026-03-04T12:04:00Z"
        )
        return read_history(source, place)

    found = read(UP, "wsla_range")
    assert found.rejects.counts == {}
    # Half open: the point at the end is not asked for.
    assert sorted((x.at - NOON, *x.fields.values()) for x in found.observations) == sorted(
        (x * 60 * 10**9, region, region == "us" or x % 2 == 1) for x in range(4) for region in ("eu", "us")
    )
    mean = read(LOAD, "avg(wsla_range) / 2", step="2m")
    assert [(x.at - NOON, x.fields["load"]) for x in mean.observations] == [
        (0, 250_000),
        (120 * 10**9, 250_000),
    ]
    with pytest.raises(DataError, match="refuses the query: "):
        read(LOAD, "sum(")
