"""How long to wait before the next attempt: exponential with full jitter, and what the receiver asked for.

Randomness is handed in, so that a run can be repeated.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from fractions import Fraction
from typing import Final

from wsla.values.instants import HOUR, MINUTE, SECOND, from_datetime

BASE_NS: Final = 5 * SECOND
CAP_NS: Final = 15 * MINUTE
LONGEST_RETRY_AFTER_NS: Final = HOUR

_MOST_DOUBLINGS: Final = 62
_SECONDS: Final = re.compile(r"([+-]?)0*([0-9]+)")
_MOST_DIGITS: Final = 9


def next_delay(
    attempt: int,
    random_fraction: Fraction | float,
    *,
    base_ns: int = BASE_NS,
    cap_ns: int = CAP_NS,
    retry_after: int | None = None,
) -> int:
    """Nanoseconds to wait after ``attempt`` attempts have failed (1 after the first).

    Without ``retry_after`` the wait is drawn from ``[0, min(cap_ns, base_ns * 2**(attempt - 1)))``. With it
    the wait is never shorter than the receiver asked for, and up to ``base_ns`` longer, so that messages
    which were turned away together do not come back together. Raises ValueError for an attempt below 1, a
    fraction outside ``[0, 1)``, or a base or cap that is not positive.
    """
    fraction = Fraction(random_fraction)
    if attempt < 1:
        raise ValueError(f"attempts are counted from 1, not {attempt}")
    if not 0 <= fraction < 1:
        raise ValueError(f"a random fraction lies in [0, 1), which {random_fraction} does not")
    if base_ns <= 0 or cap_ns <= 0:
        raise ValueError("the base and the cap of a backoff are positive")
    ceiling = min(cap_ns, base_ns << min(attempt - 1, _MOST_DOUBLINGS))
    drawn = int(ceiling * fraction)
    if retry_after is None:
        return drawn
    return max(drawn, max(retry_after, 0) + int(base_ns * fraction))


def parse_retry_after(text: str | None, now: int) -> int | None:
    """Nanoseconds that a ``Retry-After`` header asks for, between 0 and one hour.

    Both of its forms are read: whole seconds, and an HTTP date, which is compared with ``now``. None where
    the header is absent or holds neither.
    """
    if text is None:
        return None
    stripped = text.strip()
    seconds = _SECONDS.fullmatch(stripped)
    if seconds is not None:
        sign, digits = seconds.groups()
        asked = int(digits) * SECOND if len(digits) <= _MOST_DIGITS else LONGEST_RETRY_AFTER_NS
        return 0 if sign == "-" else min(asked, LONGEST_RETRY_AFTER_NS)
    try:
        moment = parsedate_to_datetime(stripped)
        # RFC 9110 dates are UTC whatever zone they fail to name.
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return min(max(from_datetime(aware) - now, 0), LONGEST_RETRY_AFTER_NS)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
