"""Whose certificates are believed: the public list that comes with httpx, or only the operator's own file."""

from __future__ import annotations

import ssl
from functools import cache

from wsla.channels.errors import ChannelError


@cache
def trusted_context(ca_file: str | None = None) -> ssl.SSLContext:
    """A client's TLS context that checks names and chains; shared, because reading the list takes
    milliseconds.

    Raises ChannelError where the file cannot be read or holds no certificate.
    """
    if ca_file is None:
        import httpx

        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        problem = "holds no certificate" if isinstance(error, ssl.SSLError) else "cannot be read"
        raise ChannelError(f"the file of trusted certificates {ca_file!r} {problem}") from error
