"""Packs what a store holds, to be killed: ``packing_writer.py STORE POINT NTH``."""

from __future__ import annotations

import os
import signal
import sys

from wsla.store import packing
from wsla.store.sqlite import Store
from wsla.values.instants import HOUR


def main(path: str, point: str, nth: int) -> None:
    """Pack everything, or be killed at the NTH call of the named point."""
    packing.ENOUGH = 1  # type: ignore[misc]
    calls = 0

    def fault(name: str) -> None:
        nonlocal calls
        calls += name == point
        if name == point and calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    with Store.open(path, writer=True) as quiet:
        streams = quiet.streams_to_pack(HOUR)
    with Store.open(path, writer=True, fault=fault) as store:
        store.pack(streams, HOUR)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
