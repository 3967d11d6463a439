"""Signatures of webhook bodies: HMAC-SHA256 over the time of sending and the body,
``t=<seconds>,v1=<hex>``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

SIGNATURE_HEADER: Final = "Wsla-Signature"
TIMESTAMP_HEADER: Final = "Wsla-Timestamp"
TOLERANCE_SECONDS: Final = 300

_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_LONGEST_HEADER: Final = 4096


def sign(secret: str, body: bytes, timestamp_s: int) -> str:
    """The value of the ``Wsla-Signature`` header. Raises ValueError for an empty secret."""
    return f"t={timestamp_s},v1={_digest(secret, str(timestamp_s), body)}"


def verify_signature(
    secret: str, header: str, body: bytes, now_s: int, tolerance_s: int = TOLERANCE_SECONDS
) -> bool:
    """True where a holder of ``secret`` signed exactly this body, at most ``tolerance_s`` from now.

    For receivers. ``body`` is the bytes as they arrived, before any parsing. Several ``v1`` members may be
    present, as while a secret is being changed; one that fits is enough. Raises ValueError for an empty
    secret and for nothing else.
    """
    timestamps: list[str] = []
    candidates: list[str] = []
    for member in header[:_LONGEST_HEADER].split(","):
        name, _, value = member.strip().partition("=")
        if name == "t":
            timestamps.append(value)
        elif name == "v1":
            candidates.append(value)
    timestamp = timestamps[0] if len(timestamps) == 1 else ""
    expected = _digest(secret, timestamp, body).encode("ascii")
    fits = False
    for candidate in candidates:
        fits |= hmac.compare_digest(expected, candidate.encode("utf-8", errors="replace"))
    return fits and _TIMESTAMP.fullmatch(timestamp) is not None and abs(now_s - int(timestamp)) <= tolerance_s


def _digest(secret: str, timestamp: str, body: bytes) -> str:
    if not secret:
        raise ValueError("a signature needs a secret that is not empty")
    message = timestamp.encode("utf-8", errors="replace") + b"." + body
    return hmac.new(secret.encode("utf-8"), message, hashlib.sha256).hexdigest()
