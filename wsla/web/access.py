"""Who may ask what: tokens, their parties and scopes, and how often an address may ask."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from attrs import define, field

from wsla.daemon.http_config import SCOPES, Http, Token
from wsla.plan.model import Plan
from wsla.values.instants import MINUTE

LOCAL: Final = Token(name="", secret="", scopes=frozenset(SCOPES))
"""Whoever asks where no tokens are configured, which is possible on a loopback address only."""
FAILURES: Final = 10
"""Wrong tokens in a minute after which an address has to wait."""
_MOST_ADDRESSES: Final = 10_000


def find_token(settings: Http, authorization: str | None) -> Token | None:
    """The token of an ``Authorization`` header: ``Bearer SECRET``, or ``Basic`` with the secret as the password.

    Every secret is compared, each in constant time, so that no answer tells how near a guess came.
    """
    if not settings.tokens:
        return LOCAL
    given = _secret_of(authorization or "")
    found: Token | None = None
    for token in settings.tokens:
        if hmac.compare_digest(token.secret.encode(), given):
            found = token
    return found


def origin(address: str) -> str:
    """What addresses are counted by: themselves, or of IPv6 the network, of which one machine has all addresses."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False).network_address)


def may_see(token: Token, title: str, plan: Plan) -> bool:
    """True where an agreement is one of the token's."""
    if token.agreements is not None and title not in token.agreements:
        return False
    return token.party is None or any(token.party in (party.name, party.title) for party in plan.parties)


def _secret_of(authorization: str) -> bytes:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip().encode("utf-8", "backslashreplace")
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(rest.strip(), validate=True)
        except (binascii.Error, ValueError):
            return b""
        return decoded.partition(b":")[2]
    return b""


@define
class Allowance:
    """How many requests an address may still make: ``limit`` a minute, all at once or spread.

    ``now`` is a monotonic clock in nanoseconds. The addresses that were heard of longest ago are forgotten first.
    """

    limit: int
    now: Callable[[], int]
    _left: OrderedDict[str, tuple[int, int]] = field(factory=OrderedDict, init=False)

    def take(self, address: str) -> int:
        """Uses one up. Returns 0, or the nanoseconds until the next one where there is none left."""
        wait = self.wait(address)
        if wait == 0:
            at, left = self._left[address]
            self._left[address] = (at, left - MINUTE)
        return wait

    def wait(self, address: str) -> int:
        """The nanoseconds until the address may ask; nothing is used up."""
        now = self.now()
        # What is left is counted in nanoseconds times the limit, so that nothing is rounded.
        full = self.limit * MINUTE
        at, left = self._left.pop(address, (now, full))
        left = min(full, left + (now - at) * self.limit)
        self._left[address] = (now, left)
        if len(self._left) > _MOST_ADDRESSES:
            self._left.popitem(last=False)
        return 0 if left >= MINUTE else -(-(MINUTE - left) // self.limit)
