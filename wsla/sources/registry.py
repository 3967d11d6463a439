"""From a kind of source and its options to a target, and from a target to a prober."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, cast

from attrs import frozen

from wsla.ports import Clock, Prober
from wsla.sources.targets import Deployed, SourceError, Target

__all__ = ["KNOWN_KINDS", "SourceError", "build_prober", "build_target"]


def build_target(kind: str, deployed: Deployed) -> Target:
    """What a source of a kind looks at. Raises SourceError for options that cannot work; touches no network."""
    return _KINDS[kind].target(deployed)


def build_prober(kind: str, target: Target, clock: Clock) -> Prober:
    """Who looks at a target that ``build_target`` made for the same kind."""
    return _KINDS[kind].prober(target, clock)


@frozen
class _Kind:
    target: Callable[[Deployed], Target]
    prober: Callable[[Target, Clock], Prober]


def _http_target(deployed: Deployed) -> Target:
    from wsla.sources.http.options import from_options

    return from_options(deployed)


def _http_prober(target: Target, clock: Clock) -> Prober:
    from wsla.sources.http import HttpProber, HttpTarget

    return HttpProber(cast(HttpTarget, target), clock)


_KINDS: Final[Mapping[str, _Kind]] = MappingProxyType({"http": _Kind(_http_target, _http_prober)})

KNOWN_KINDS: Final = frozenset(_KINDS)
"""The kinds that can be looked at while an agreement is kept."""
