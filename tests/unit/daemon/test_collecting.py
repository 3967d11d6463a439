"""While a daemon runs, garbage is looked for where there is any; afterwards as before."""

from __future__ import annotations

import gc

from wsla.daemon.collecting import collecting_seldom, settle


class Circle:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


def circles() -> int:
    return sum(isinstance(one, Circle) for one in gc.get_objects())


def test_what_stays_is_not_looked_at_and_what_was_replaced_goes() -> None:
    before = gc.get_threshold()
    with collecting_seldom():
        Circle()
        kept = Circle()
        settle()
        assert gc.get_freeze_count() > 1_000
        # What stays is no longer among what is looked at; the garbage is gone.
        assert circles() == 0
        del kept
        gc.collect()
        settle()
        gc.unfreeze()
        assert circles() == 0
        settle()
        assert gc.get_threshold() != before
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
