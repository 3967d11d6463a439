"""Work done ahead of its use, in threads: Polars and numpy let others run meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")


def ahead(work: Iterable[Callable[[], _Item]], threads: int = 1) -> Iterator[_Item]:
    """What the pieces of work give, in their order; so many of them are done while an earlier one's is in use."""
    pending: deque[Future[_Item]] = deque()
    with ThreadPoolExecutor(max_workers=threads) as executor:
        for one in work:
            pending.append(executor.submit(one))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
