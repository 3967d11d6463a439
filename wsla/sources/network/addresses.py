"""Network addresses and how far they reach.

A redirect may stay where it is or lead to the public network, never further in.
"""

from __future__ import annotations

import socket
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from attrs import frozen

_NAT64: Final = IPv6Network("64:ff9b::/96")
_FOUR_BYTES: Final = 0xFFFF_FFFF
_THIS_HOST: Final = 0


class Reach(StrEnum):
    """From where an address can be reached."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"


EVERYWHERE: Final = frozenset(Reach)
USUAL: Final = EVERYWHERE - {Reach.LINK_LOCAL}
"""Where a deployment looks unless it says otherwise: link-local addresses are where clouds keep their keys."""


@frozen
class Address:
    """One address to connect to: family, and the tuple that the socket takes."""

    family: socket.AddressFamily
    socket_address: tuple[str | int, ...]

    @property
    def host(self) -> str:
        """The number of the machine, as text."""
        return str(self.socket_address[0])


@lru_cache(maxsize=32_768)
def reach(host: str) -> Reach:
    """The reach of a numeric address. An IPv4 address wrapped in IPv6 counts as what it wraps."""
    number = _unwrapped(ip_address(host.partition("%")[0]))
    if number.is_loopback or number.is_unspecified:
        return Reach.LOOPBACK
    if isinstance(number, IPv4Address) and number.packed[0] == _THIS_HOST:
        return Reach.LOOPBACK
    if number.is_link_local:
        return Reach.LINK_LOCAL
    if number.is_global and not number.is_multicast and not number.is_reserved:
        return Reach.PUBLIC
    return Reach.PRIVATE


def may_redirect(origin: Reach, destination: Reach) -> bool:
    """True where an answer from ``origin`` may send the probe on to ``destination``."""
    return destination in (Reach.PUBLIC, origin)


def _unwrapped(number: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(number, IPv4Address):
        return number
    if number in _NAT64:
        return IPv4Address(int(number) & _FOUR_BYTES)
    return number.ipv4_mapped or number.sixtofour or number
