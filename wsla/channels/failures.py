"""Results of attempts, and the operator's words for what went wrong on the way to a receiver.

Words are made here and never taken from an exception's text, because that may quote an address with its
secrets.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from wsla.ports import DeliveryResult

_MOST_CAUSES: Final = 50
_UNREACHABLE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
_NO_HANDLES: Final = frozenset({errno.EMFILE, errno.ENFILE})


def delivered() -> DeliveryResult:
    """The receiver has taken the message."""
    return DeliveryResult(delivered=True)


def temporary(reason: str, retry_after: int | None = None) -> DeliveryResult:
    """The same message may pass later. ``retry_after`` is nanoseconds."""
    return DeliveryResult(delivered=False, reason=reason, retry_after=retry_after)


def permanent(reason: str, *, gone: bool = False) -> DeliveryResult:
    """Nothing is gained by sending the same message again; nor any other, where the address is ``gone``."""
    return DeliveryResult(delivered=False, permanent=True, reason=reason, gone=gone)


def network_reason(error: BaseException, where: str) -> str:
    """What happened on the way to ``where``, told from an error and from the errors that caused it."""
    for cause in _causes(error):
        phrase = _phrase(cause, where)
        if phrase is not None:
            return phrase
    return f"the attempt to reach {where} failed ({type(error).__name__})"


def _phrase(error: BaseException, where: str) -> str | None:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate of {where} was refused{_detail(error, 'verify_message')}"
        case ssl.SSLError():
            return f"no secure connection with {where}{_detail(error, 'reason').lower().replace('_', ' ')}"
        case socket.gaierror():
            return f"the name of {where} could not be resolved"
        case ConnectionRefusedError():
            return f"{where} refused the connection"
        case ConnectionError():
            return f"{where} cut the connection"
        case TimeoutError():
            return f"{where} did not answer in time"
        case OSError(errno=number) if number in _UNREACHABLE:
            return f"{where} cannot be reached from here"
        case OSError(errno=number) if number in _NO_HANDLES:
            return "this machine has no free file handles"
        case _:
            return None


def _detail(error: ssl.SSLError, attribute: str) -> str:
    # Only errors that OpenSSL itself reported have these attributes; the type declarations know nothing of that.
    text = getattr(error, attribute, None)
    return f": {text.rstrip('.')}" if isinstance(text, str) and text else ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, then what it was raised from, outermost first; libraries wrap errors and group them."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_CAUSES:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        following = current.__cause__ or current.__context__
        if following is not None:
            waiting.append(following)
