"""What can be the name of a host."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Final

_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_LONGEST_HOST: Final = 253


def is_host(host: str) -> bool:
    """True for a name in its ASCII form, and for a numeric address without brackets."""
    if ":" in host:
        try:
            IPv6Address(host)
        except ValueError:
            return False
        return "%" not in host
    name = host.removesuffix(".")
    return 0 < len(name) <= _LONGEST_HOST and all(_LABEL.fullmatch(label) for label in name.split("."))
