"""Ports on which nobody listens, and which no system hands out to others meanwhile."""

from __future__ import annotations

import random
import socket

# Below those that Linux, macOS and Windows choose from where a program asks for any port at all.
_CHOICE = range(15_000, 30_000)
_CHANCE = random.SystemRandom()


def free_port() -> int:
    """A port of 127.0.0.1 that was free, for TCP and for UDP, a moment ago."""
    while True:
        port = _CHANCE.choice(_CHOICE)
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            try:
                stream.bind(("127.0.0.1", port))
                datagrams.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
