"""Python's collector of garbage, kept from looking again and again at what stays: at ten thousand sources that took a
third of the time, and stood still for a second and more."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_WHILE_ALL_GROWS: Final = (20_000, 20, 1_000)
_AFTERWARDS: Final = (50_000, 10, 20)


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """For as long as a daemon runs; afterwards the collector works as before."""
    before = gc.get_threshold()
    gc.set_threshold(*_WHILE_ALL_GROWS)
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def settle() -> None:
    """What is there now stays: plans, engines and runners. Call it again when some of them have been replaced."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_AFTERWARDS)
