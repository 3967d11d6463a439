"""One piece of work in a process of its own: `python benchmarks/child.py MODULE FUNCTION JSON`, the result as JSON.

What is imported beforehand is not counted as work; the process as a whole is measured from outside too.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path

# Last, so that an installed wsla is measured where there is one.
sys.path[0:1] = []
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.task import Task  # noqa: E402


def main() -> None:
    """Carries out what the arguments say."""
    module, function, arguments = sys.argv[1:]
    work = getattr(import_module(module), function)
    task = Task(**json.loads(arguments))
    wall, cpu = time.perf_counter(), time.process_time()
    answer = work(task)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"work": wall, "cpu": cpu, "peak": _peak(), "answer": answer}))


def _peak() -> int:
    """The most memory that this process held at once, in bytes."""
    import resource

    kilobytes_or_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes_or_bytes if sys.platform == "darwin" else kilobytes_or_bytes * 1024


if __name__ == "__main__":
    main()
