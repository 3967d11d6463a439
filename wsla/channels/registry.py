"""From a kind of channel and its options to a channel."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

from wsla.channels.errors import ChannelError
from wsla.ports import Channel, Clock
from wsla.values.instants import SECOND

__all__ = ["DIRECT_KINDS", "KNOWN_KINDS", "OPTIONS", "SERVICE_KINDS", "ChannelError", "build_channel"]

_LONGEST_TIMEOUT_SECONDS: Final = 300


def build_channel(kind: str, address: str, options: Mapping[str, object], clock: Clock) -> Channel:
    """The channel of a kind to an address.

    ``options`` hold what the deployment knows and the agreement does not: secrets, mail servers, timeouts
    (whole seconds). An option that is None counts as not given. Raises ChannelError for an unknown kind or
    option, with the nearest known name, and for values that cannot work.
    """
    builder = _BUILDERS.get(kind)
    if builder is None:
        raise ChannelError(f"there is no channel {kind!r}{_suggestion(kind, KNOWN_KINDS)}")
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in OPTIONS[kind]:
            raise ChannelError(
                f"the channel {kind!r} has no option {name!r}{_suggestion(name, OPTIONS[kind])}"
            )
    return builder(address, given, clock)


def _build_webhook(address: str, options: Mapping[str, object], clock: Clock) -> Channel:
    from wsla.channels.webhook import DEFAULT_TIMEOUT_NS, WebhookChannel

    return WebhookChannel(
        address,
        clock=clock,
        secret=_text(options, "secret"),
        timeout_ns=_timeout(options, DEFAULT_TIMEOUT_NS),
        ca_file=_text(options, "ca_file"),
    )


def _build_mail(address: str, options: Mapping[str, object], clock: Clock) -> Channel:
    from wsla.channels.mail import DEFAULT_TIMEOUT_NS, MailChannel, MailServer, Security

    for name in ("host", "sender"):
        if name not in options:
            raise ChannelError(f"the channel 'email' needs the option {name!r}")
    server = MailServer(
        host=_text(options, "host") or "",
        sender=_text(options, "sender") or "",
        security=cast(Security, _text(options, "security") or "starttls"),
        port=_number(options, "port"),
        username=_text(options, "username"),
        password=_text(options, "password"),
        timeout_ns=_timeout(options, DEFAULT_TIMEOUT_NS),
        ca_file=_text(options, "ca_file"),
    )
    return MailChannel(address, server, clock=clock)


def _build_log(address: str, options: Mapping[str, object], clock: Clock) -> Channel:
    from wsla.channels.log import LogChannel

    match address:
        case "":
            return LogChannel(None, clock=clock)
        case "stdout":
            return LogChannel(sys.stdout, clock=clock)
        case "stderr":
            return LogChannel(sys.stderr, clock=clock)
        case _ if "\0" in address:
            raise ChannelError("the path of a log holds a null character")
        case _:
            return LogChannel(Path(address), clock=clock)


def _build_alertmanager(address: str, options: Mapping[str, object], clock: Clock) -> Channel:
    from wsla.channels.alertmanager import AlertmanagerChannel
    from wsla.channels.webhook import DEFAULT_TIMEOUT_NS

    return AlertmanagerChannel(
        address,
        clock=clock,
        token=_text(options, "secret"),
        timeout_ns=_timeout(options, DEFAULT_TIMEOUT_NS),
        ca_file=_text(options, "ca_file"),
    )


def _build_command(address: str, options: Mapping[str, object], clock: Clock) -> Channel:
    from wsla.channels.command import DEFAULT_TIMEOUT_NS, CommandChannel

    return CommandChannel(
        address,
        allowed=_texts(options, "allowed"),
        arguments=_texts(options, "arguments"),
        timeout_ns=_timeout(options, DEFAULT_TIMEOUT_NS),
    )


def _service_builder(kind: str) -> Callable[[str, Mapping[str, object], Clock], Channel]:
    def build(address: str, options: Mapping[str, object], clock: Clock) -> Channel:
        from wsla.channels.services import DEFAULT_TIMEOUT_NS, ServiceChannel

        return ServiceChannel(kind, address, clock=clock, timeout_ns=_timeout(options, DEFAULT_TIMEOUT_NS))

    return build


def _texts(options: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = options.get(name, ())
    if isinstance(value, tuple | list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise ChannelError(f"the option {name!r} is several texts")


def _text(options: Mapping[str, object], name: str) -> str | None:
    value = options.get(name)
    if value is None or isinstance(value, str):
        return value
    raise ChannelError(f"the option {name!r} is a text")


def _number(options: Mapping[str, object], name: str) -> int | None:
    """A whole number, or its digits as settings from the environment bring them."""
    value = options.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ChannelError(f"the option {name!r} is a whole number")


def _timeout(options: Mapping[str, object], default_ns: int) -> int:
    seconds = _number(options, "timeout_seconds")
    if seconds is None:
        return default_ns
    if not 0 < seconds <= _LONGEST_TIMEOUT_SECONDS:
        raise ChannelError(f"the option 'timeout_seconds' lies between 1 and {_LONGEST_TIMEOUT_SECONDS}")
    return seconds * SECOND


def _suggestion(name: str, known: frozenset[str]) -> str:
    near = get_close_matches(name.lower(), sorted(known), n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(sorted(known))}" if known else ""


SERVICE_KINDS: Final = frozenset({"apprise", "opsgenie", "pagerduty", "slack", "sms", "teams"})
"""What Apprise speaks to. Their addresses are URLs that hold secrets."""
DIRECT_KINDS: Final = frozenset({"webhook", "email", "log"})
"""What an agreement's own address is enough for."""

_BUILDERS: Final[Mapping[str, Callable[[str, Mapping[str, object], Clock], Channel]]] = MappingProxyType(
    {
        "webhook": _build_webhook,
        "email": _build_mail,
        "log": _build_log,
        "alertmanager": _build_alertmanager,
        "command": _build_command,
        **{kind: _service_builder(kind) for kind in sorted(SERVICE_KINDS)},
    }
)

KNOWN_KINDS: Final = frozenset(_BUILDERS)
OPTIONS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "webhook": frozenset({"secret", "timeout_seconds", "ca_file"}),
        "email": frozenset(
            {"host", "port", "security", "username", "password", "sender", "timeout_seconds", "ca_file"}
        ),
        "log": frozenset(),
        "alertmanager": frozenset({"secret", "timeout_seconds", "ca_file"}),
        "command": frozenset({"allowed", "arguments", "timeout_seconds"}),
        **dict.fromkeys(sorted(SERVICE_KINDS), frozenset({"timeout_seconds"})),
    }
)
