"""Claims the entry ``e``, to be killed at a point of it: ``claiming.py STORE POINT``."""

from __future__ import annotations

import os
import signal
import sys

from wsla.remedies.claims import ClaimStep
from wsla.store.sqlite import Store


def main(path: str, point: str) -> None:
    """Take one step beside whoever keeps the store."""

    def fault(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    with Store.open(path, writer=False, beside=True, fault=fault) as store:
        store.take_claim_step("e", ClaimStep.CLAIMED, 20, None, "UTC")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
