"""Writes to a store whose file the system does not let grow, then lets it grow: ``failing_disk.py STORE``."""

from __future__ import annotations

import os
import resource
import sys

from wsla.store.errors import StoreError
from wsla.store.records import Batch, Observed
from wsla.store.sqlite import Store
from wsla.values.observations import Observation

KEY = "shop"
BATCH = Batch(
    observations=tuple(
        Observed(KEY, Observation(source="s", at=at, fields={"text": "x" * 4000}), 1) for at in range(100)
    )
)


def main(path: str) -> None:
    """Two writes that fail in the middle, and one that does not."""
    store = Store.open(path, writer=True)
    store.register_agreement(KEY, title="", version=1, text="", sha256="", at=0)
    # Closed, everything lies in the file itself, and its log begins anew.
    store.close()
    store = Store.open(path, writer=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(path) + 64 * 1024, hard))
    for _ in range(2):
        try:
            store.write(BATCH)
        except StoreError as error:
            print(type(error).__name__)
    print(len(list(store.observations(KEY, 0, 1000))), "observations")
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    print(store.write(BATCH).new_observations, "new")
    store.close()
    with Store.open(path, writer=False) as again:
        print(len(list(again.observations(KEY, 0, 1000))), "observations")


if __name__ == "__main__":
    main(sys.argv[1])
