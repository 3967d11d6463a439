"""Addresses that messages carry: the daemon's page of an agreement, and one that acknowledges an episode."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final
from urllib.parse import quote

from attrs import field, frozen

from wsla.plan.model import Target
from wsla.remedies.decisions import Intent
from wsla.remedies.identity import is_recovery, is_rules
from wsla.values.instants import DAY, SECOND

GOOD_FOR: Final = 7 * DAY
SHORTEST_SECRET: Final = 32
_PATH: Final = "acknowledge"
_PURPOSE: Final = b"wsla.acknowledge/1\n"
_LONGEST: Final = 2_000
_FOR_EVERYBODY: Final = "publish"


class BadLink(ValueError):
    """An address that this daemon did not make, or not any more; the message says which, for whoever opened it."""


@frozen(kw_only=True)
class Links:
    """Makes addresses below ``public_url`` and opens them again.

    Addresses that acknowledge are signed with ``secret`` and are good for ``good_for`` nanoseconds from the instant at
    which the message was due; without a secret there are none. ``targets`` (parties or their channels) are those whose
    messages carry them, None stands for all.
    """

    public_url: str
    secret: str | None = field(default=None, repr=False)
    good_for: int = GOOD_FOR
    targets: tuple[str, ...] | None = None

    def page(self, agreement: str) -> str:
        """The page of an agreement."""
        return f"{self.public_url}/agreements/{quote(agreement, safe='')}"

    def acknowledge(self, intent: Intent, target: Target) -> str | None:
        """What acknowledges the episode that a message tells of; None where that is of no use or not for the target.

        It is the same in every attempt. What everybody may read, and what tells of an end, carries none.
        """
        if self.secret is None or intent.verb == _FOR_EVERYBODY:
            return None
        if not is_rules(intent.id) or is_recovery(intent.id):
            return None
        if self.targets is not None and not {target.party, str(target)} & set(self.targets):
            return None
        content = f"{(intent.at + self.good_for) // SECOND}\n{target}\n{intent.id}".encode("utf-8", "replace")
        token = f"{_encoded(content)}.{_encoded(_signature(self.secret, content))}"
        return f"{self.public_url}/{_PATH}/{token}" if len(token) <= _LONGEST else None

    def opened(self, token: str, now: int) -> tuple[str, str]:
        """The identity of the message that carried an address, and its target. Raises BadLink."""
        unknown = BadLink("This address acknowledges nothing here.")
        if self.secret is None or len(token) > _LONGEST:
            raise unknown
        content, _, signature = token.partition(".")
        try:
            known, given = _decoded(content), _decoded(signature)
        except ValueError:
            raise unknown from None
        if not hmac.compare_digest(_signature(self.secret, known), given):
            raise unknown
        until, target, identity = known.decode("utf-8", "replace").split("\n", 2)
        if now >= int(until) * SECOND:
            raise BadLink(
                "This address was good for a while, and that is over: `wsla ack` acknowledges still."
            )
        return identity, target


def _signature(secret: str, content: bytes) -> bytes:
    return hmac.new(secret.encode("utf-8"), _PURPOSE + content, hashlib.sha256).digest()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _decoded(text: str) -> bytes:
    """Raises ValueError for what ``_encoded`` does not give."""
    try:
        found = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError(text) from None
    if _encoded(found) != text:
        raise ValueError(text)
    return found
