"""Backs a store up, or restores it, to be killed at the NTH page step: ``backing_up.py VERB SOURCE TARGET NTH``."""

from __future__ import annotations

import os
import signal
import sys

from wsla.store import copying


def main(verb: str, source: str, target: str, nth: int) -> None:
    """Copy page by page, so that there is a moment to be killed at."""
    copying._PAGES = 1  # type: ignore[misc]
    steps = 0

    def advance(_: int, __: int) -> None:
        nonlocal steps
        steps += 1
        if steps == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    if verb == "backup":
        copying.back_up(source, target, 7, advance)
    else:
        copying.restore(source, target, lambda: 9, advance)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
