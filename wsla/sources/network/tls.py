"""TLS contexts, made once for each kind of trust: reading the store of authorities takes milliseconds."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache

from wsla.sources.network.failures import Failure, ProbeFailed
from wsla.values.instants import SECOND


def context_for(verify: bool, ca_file: str | None) -> ssl.SSLContext:
    """The context for a probe. Raises ProbeFailed where this machine has no authorities to trust."""
    if not verify:
        return _unverified()
    if ca_file is None:
        return _trusting_machine()
    try:
        state = os.stat(ca_file)
        return _trusting_file(ca_file, state.st_mtime_ns, state.st_size)
    except OSError:
        raise ProbeFailed(Failure.OBSERVER_TLS, "the file of trusted authorities cannot be read") from None


def certificate_left(connection: ssl.SSLObject | ssl.SSLSocket, now: int) -> int | None:
    """Nanoseconds from ``now`` until the peer's certificate expires; None where it was not verified."""
    expires = (connection.getpeercert() or {}).get("notAfter")
    if not isinstance(expires, str):
        return None
    return ssl.cert_time_to_seconds(expires) * SECOND - now


@lru_cache(maxsize=1)
def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@lru_cache(maxsize=1)
def _trusting_machine() -> ssl.SSLContext:
    paths = ssl.get_default_verify_paths()
    stores = [path for path in (paths.cafile, paths.capath) if path]
    if not any(os.path.isfile(path) or os.listdir(path) for path in stores):
        raise ProbeFailed(Failure.OBSERVER_TLS, "this machine has no store of trusted authorities")
    context = ssl.create_default_context()
    if paths.cafile and not context.cert_store_stats()["x509_ca"]:
        # The library passes over a store that it cannot open; a context without trust would blame every service.
        raise ProbeFailed(Failure.OBSERVER_TLS, "the store of trusted authorities cannot be read")
    return context


@lru_cache(maxsize=64)
def _trusting_file(path: str, changed: int, size: int) -> ssl.SSLContext:
    """``changed`` and ``size`` are there to read a replaced file anew."""
    return ssl.create_default_context(cafile=path)
