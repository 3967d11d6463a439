"""Later versions of what was observed take the place of those before them (M106), in a file as in PostgreSQL."""

from __future__ import annotations

import pytest

from wsla.store.records import Batch, Observed
from wsla.store.sqlite import Store
from wsla.store.versions import Version, Versioned, row_of_version, version_of
from wsla.values.observations import Observation

from .conftest import KEY


def seen(at: int, up: bool | None) -> Observation:
    return Observation(source="verdicts", at=at, fields={"up": up})


def version(at: int, up: bool | None, number: int, *, withdrawn: bool = False, row: str = "") -> Observed:
    named = row_of_version(row, Version(number, withdrawn))
    return Observed(KEY, seen(at, up), 100, "", named, late=True)


def stands(store: Store, *more: Observed) -> list[tuple[int, object]]:
    return [(one.at, one.fields["up"]) for one in store.observations_that_stand(KEY, more)]


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_the_latest_version_stands_stored_or_to_come(store: Store) -> None:
    store.write(Batch(observations=tuple(Observed(KEY, seen(at, True), at) for at in (10, 20, 30))))
    assert stands(store) == [(10, True), (20, True), (30, True)]
    to_come = (version(20, False, 1), version(5, False, 1))
    assert stands(store, *to_come) == [(5, False), (10, True), (20, False), (30, True)]
    store.write(Batch(observations=to_come))
    assert stands(store) == [(5, False), (10, True), (20, False), (30, True)]
    gone = version(20, None, 2, withdrawn=True)
    assert stands(store, gone) == [(5, False), (10, True), (30, True)]
    store.write(Batch(observations=(gone,)))
    assert stands(store, version(20, True, 3)) == [(5, False), (10, True), (20, True), (30, True)]
    assert store.versions(KEY) == {
        Versioned("verdicts", "", 5, ""): 1,
        Versioned("verdicts", "", 20, ""): 2,
    }
    # They are nobody's late observations: the correction that brought them has looked at them.
    assert store.late_observations(KEY) == 0
    assert store.earliest_uncorrected(KEY) is None
    assert list(store.observations_that_stand("nobody")) == []


def test_a_row_tells_its_version() -> None:
    for row in ("", '10-20 [["region","a|correction 7"]]', "a\nb"):
        assert version_of("s", "", 1, row) == (Versioned("s", "", 1, row), Version(0, False))
        for told in (Version(1, False), Version(12, True)):
            assert version_of("s", "", 1, row_of_version(row, told)) == (Versioned("s", "", 1, row), told)
