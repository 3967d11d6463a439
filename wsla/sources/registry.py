"""From a kind of source and its options to a target, and from a target to a prober."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, cast

from attrs import frozen

from wsla.ports import Clock, Prober
from wsla.sources.following import Follower
from wsla.sources.targets import Deployed, SourceError, Target

__all__ = ["FOLLOWED_KINDS", "KNOWN_KINDS", "SourceError", "build_follower", "build_prober", "build_target"]


def build_target(kind: str, deployed: Deployed) -> Target:
    """What a source of a kind looks at. Raises SourceError for options that cannot work; touches no network."""
    return (_FOLLOWED.get(kind) or _KINDS[kind]).target(deployed)


def build_prober(kind: str, target: Target, clock: Clock) -> Prober:
    """Who looks at a target that ``build_target`` made for the same kind."""
    return _KINDS[kind].prober(target, clock)


def build_follower(kind: str, target: Target) -> Follower | None:
    """Who follows a target that ``build_target`` made for the same kind; None where it is looked at instead."""
    followed = _FOLLOWED.get(kind)
    return None if followed is None else followed.follower(target)


@frozen
class _Kind:
    target: Callable[[Deployed], Target]
    prober: Callable[[Target, Clock], Prober]


@frozen
class _Followed:
    target: Callable[[Deployed], Target]
    follower: Callable[[Target], Follower | None]


def _http_target(deployed: Deployed) -> Target:
    from wsla.sources.http.options import from_options

    return from_options(deployed)


def _http_prober(target: Target, clock: Clock) -> Prober:
    from wsla.sources.http import HttpProber, HttpTarget

    return HttpProber(cast(HttpTarget, target), clock)


def _tcp_target(deployed: Deployed) -> Target:
    from wsla.sources.tcp import from_options

    return from_options(deployed)


def _tcp_prober(target: Target, clock: Clock) -> Prober:
    from wsla.sources.tcp import TcpProber, TcpTarget

    return TcpProber(cast(TcpTarget, target), clock)


def _tls_target(deployed: Deployed) -> Target:
    from wsla.sources.tls import from_options

    return from_options(deployed)


def _tls_prober(target: Target, clock: Clock) -> Prober:
    from wsla.sources.tls import TlsProber, TlsTarget

    return TlsProber(cast(TlsTarget, target), clock)


def _dns_target(deployed: Deployed) -> Target:
    from wsla.sources.dns import from_options

    return from_options(deployed)


def _dns_prober(target: Target, clock: Clock) -> Prober:
    from wsla.sources.dns import DnsProber, DnsTarget

    return DnsProber(cast(DnsTarget, target), clock)


def _icmp_target(deployed: Deployed) -> Target:
    from wsla.sources.icmp import from_options

    return from_options(deployed)


def _icmp_prober(target: Target, clock: Clock) -> Prober:
    from wsla.sources.icmp import IcmpProber, IcmpTarget

    return IcmpProber(cast(IcmpTarget, target), clock)


def _command_target(deployed: Deployed) -> Target:
    from wsla.sources.command import from_options

    return from_options(deployed)


def _command_prober(target: Target, clock: Clock) -> Prober:
    from wsla.sources.command import CommandProber, CommandTarget

    return CommandProber(cast(CommandTarget, target), clock)


def _file_target(kind: str, deployed: Deployed) -> Target:
    from wsla.sources.followed import from_options

    return from_options(kind, deployed)


def _file_follower(target: Target) -> Follower:
    from wsla.sources.followed import FileTarget, build_follower

    return build_follower(cast(FileTarget, target))


def _sql_target(deployed: Deployed) -> Target:
    from wsla.sources.sql import from_options

    return from_options(deployed)


def _sql_prober(target: Target, clock: Clock) -> Prober:
    from wsla.sources.sql import SqlTarget
    from wsla.sources.sql_reading import SqlProber

    return SqlProber(cast(SqlTarget, target), clock)


def _sql_follower(target: Target) -> Follower | None:
    from wsla.sources.sql import SqlTarget
    from wsla.sources.sql_reading import SqlFollower

    asked = cast(SqlTarget, target)
    return None if asked.instants is None else SqlFollower(asked)


def _verdicts_target(deployed: Deployed) -> Target:
    from wsla.sources.verdicts import from_options

    return from_options(deployed)


def _by_store(target: Target) -> None:
    """Verdicts lie in the store, of which sources know nothing: whoever keeps it reads them."""


def _prometheus_target(deployed: Deployed) -> Target:
    from wsla.sources.prometheus import from_options

    return from_options(deployed)


def _prometheus_prober(target: Target, clock: Clock) -> Prober:
    from wsla.sources.prometheus import PrometheusProber, PrometheusTarget

    return PrometheusProber(cast(PrometheusTarget, target), clock)


_KINDS: Final[Mapping[str, _Kind]] = MappingProxyType(
    {
        "http": _Kind(_http_target, _http_prober),
        "tcp": _Kind(_tcp_target, _tcp_prober),
        "tls": _Kind(_tls_target, _tls_prober),
        "dns": _Kind(_dns_target, _dns_prober),
        "icmp": _Kind(_icmp_target, _icmp_prober),
        "sql": _Kind(_sql_target, _sql_prober),
        "prometheus": _Kind(_prometheus_target, _prometheus_prober),
        "command": _Kind(_command_target, _command_prober),
    }
)

_FOLLOWED: Final[Mapping[str, _Followed]] = MappingProxyType(
    {
        **{
            kind: _Followed(partial(_file_target, kind), _file_follower)
            for kind in ("csv", "jsonl", "parquet")
        },
        "sql": _Followed(_sql_target, _sql_follower),
        "verdicts": _Followed(_verdicts_target, _by_store),
    }
)

FOLLOWED_KINDS: Final = frozenset(_FOLLOWED)
"""The kinds whose rows carry instants of their own, and which are read on."""

KNOWN_KINDS: Final = frozenset(_KINDS) | FOLLOWED_KINDS
"""The kinds that can be looked at while an agreement is kept."""
