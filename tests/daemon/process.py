"""The daemon as a process: ``process.py STORE CONFIG ACCEPTED PATH...``; what was accepted is written down."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from wsla.daemon.config import ConfigError, load_config
from wsla.daemon.daemon import run_daemon
from wsla.store.sqlite import Store


def main(store: str, config: str, accepted: str, *paths: str) -> int:
    handle = os.open(accepted, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    write = Store.write

    def write_and_tell(self: Store, batch: Any) -> Any:
        result = write(self, batch)
        lines = [json.dumps([one[0], one[1].source, one[1].at]) + "\n" for one in batch.observations]
        os.write(handle, "".join(lines).encode())
        return result

    Store.write = write_and_tell  # type: ignore[method-assign]
    if store.startswith("postgresql:"):
        tell_of_others(handle)
    try:
        found = load_config(config or None, os.environ)
    except ConfigError as error:
        print(error, flush=True)
        return 1
    return run_daemon(paths, found, store, say=lambda line: print(line, flush=True))


def tell_of_others(handle: int) -> None:
    """On one database: what a member has added is accepted too. Leases are short."""
    from wsla.store import lease
    from wsla.store.sharing import Membership

    lease.LENGTH = float(os.environ.get("WSLA_TEST_LEASE", lease.LENGTH))
    add = Membership.add

    def add_and_tell(self: Membership, pending: Any, seen: Any) -> Any:
        lost = add(self, pending, seen)
        added = [one for share, looks in seen.items() if share.place not in lost for one in looks]
        lines = [json.dumps([one[0], one[1].source, one[1].at]) + "\n" for one in added]
        os.write(handle, "".join(lines).encode())
        return lost

    Membership.add = add_and_tell  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
