"""What a daemon asks of its surroundings, besides clock and store: handed in, so that others can take their place."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final

from attrs import frozen

from wsla.channels.registry import build_channel
from wsla.daemon.collecting import settle
from wsla.daemon.threads import SYSTEM, Threads
from wsla.ports import Channel, Clock, Prober
from wsla.sources.registry import build_prober
from wsla.sources.targets import Target
from wsla.store.sqlite import Store


def _open_for_reading(path: str) -> Store:
    return Store.open(path, writer=False)


@frozen(kw_only=True)
class Surroundings:
    """``prober`` makes who looks at a target of a kind, ``channel`` what carries messages to an address of a kind;
    ``reader`` opens the store of a path once more, for reading; ``fraction`` gives the jitter between attempts, in
    [0, 1); ``beside`` is how many seconds lie between two looks at what others have written into the
    store; ``collect`` is called when what is kept will stay; without ``watches`` nobody looks whether files
    change, which takes a thread of the machine's own."""

    prober: Callable[[str, Target, Clock], Prober] = build_prober
    channel: Callable[[str, str, Mapping[str, object], Clock], Channel] = build_channel
    reader: Callable[[str], Store] = _open_for_reading
    fraction: Callable[[], float] = random.random
    threads: Threads = SYSTEM
    beside: float = 1.0
    collect: Callable[[], None] = settle
    watches: bool = True


USUAL: Final = Surroundings()
