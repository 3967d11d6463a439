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
    try:
        found = load_config(config or None, os.environ)
    except ConfigError as error:
        print(error, flush=True)
        return 1
    return run_daemon(paths, found, store, say=lambda line: print(line, flush=True))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
