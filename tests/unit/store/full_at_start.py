"""Opens a store where no file may grow any more, then lets them: ``full_at_start.py STORE``."""

from __future__ import annotations

import resource
import sys

from wsla.store.errors import StoreError
from wsla.store.records import Batch, Observed
from wsla.store.sqlite import Store
from wsla.values.observations import Observation

KEY = "shop"


def main(path: str) -> None:
    """Read, fail to write, write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # As much as the log's index takes.
    resource.setrlimit(resource.RLIMIT_FSIZE, (32 * 1024, hard))
    store = Store.open(path, writer=True)
    print(len(list(store.observations(KEY, 0, 10_000))), "observations")
    looks = tuple(
        Observed(KEY, Observation(source="s", at=at, fields={"text": "x" * 1000}), 1)
        for at in range(5_000, 5_100)
    )
    for _ in range(2):
        try:
            store.write(Batch(observations=looks))
        except StoreError as error:
            print(type(error).__name__)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    print(store.write(Batch(observations=looks)).new_observations, "new")
    print(len(list(store.observations(KEY, 0, 10_000))), "observations")
    store.close()


if __name__ == "__main__":
    main(sys.argv[1])
