"""Messages to Alertmanager's API: an alert an episode, kept firing by its messages and resolved by its recovery."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from wsla.channels.errors import ChannelError
from wsla.channels.failures import permanent
from wsla.channels.notice import encode_canonical
from wsla.channels.webhook import DEFAULT_TIMEOUT_NS, WebhookChannel
from wsla.ports import Clock, Delivery, DeliveryResult
from wsla.remedies.identity import is_recovery
from wsla.values.instants import DAY, format_instant

if TYPE_CHECKING:
    import httpx

LASTS: Final = DAY
"""How long an alert goes on after a message of it, where no recovery follows."""
_API: Final = "/api/v2/alerts"
_NO_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")


class AlertmanagerChannel(WebhookChannel):
    """Posts alerts to the Alertmanager at ``url``, the address of its page. ``token`` is sent as a bearer's.

    Raises ChannelError as a webhook does.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        token: str | None = None,
        timeout_ns: int = DEFAULT_TIMEOUT_NS,
        ca_file: str | None = None,
        client_factory: Callable[[], httpx.AsyncClient] | None = None,
    ) -> None:
        if "?" in url or "#" in url:
            raise ChannelError("an Alertmanager's address has neither a query nor a fragment")
        if token is not None and (not token.isascii() or not token.isprintable() or not token):
            raise ChannelError("the token for an Alertmanager is plain printable ASCII")
        super().__init__(
            url.rstrip("/").removesuffix(_API) + _API,
            clock=clock,
            timeout_ns=timeout_ns,
            ca_file=ca_file,
            client_factory=client_factory,
        )
        self._token: Final = token

    async def send(self, delivery: Delivery) -> DeliveryResult:
        """One attempt. Never raises for anything that the receiver or the network does."""
        if "report" in delivery.payload or "review" in delivery.payload:
            return permanent("an Alertmanager takes alerts, and neither reports nor reviews")
        return await super().send(delivery)

    def _body(self, delivery: Delivery) -> bytes:
        return encode_canonical([alert_of(delivery, self._clock.now())])

    def _headers(self, delivery: Delivery, body: bytes) -> dict[str, str]:
        headers = super()._headers(delivery, body)
        return headers if self._token is None else headers | {"Authorization": f"Bearer {self._token}"}


def alert_of(delivery: Delivery, now: int) -> dict[str, object]:
    """The alert of a message: its labels are the same in all messages of an agreement's goal or rule.

    ``now`` is nanoseconds since the epoch: a message that is late keeps the alert firing from then on.
    """
    cause = delivery.payload
    labels = {"alertname": _text(cause.get("rule") or cause.get("goal")) or "wsla", "job": "wsla"}
    for name in ("agreement", "goal", "rule"):
        if value := _text(cause.get(name)):
            labels[name] = value
    own = cause.get("labels")
    for name, value in own.items() if isinstance(own, Mapping) else ():
        # Names of labels have fewer letters there, and must not hide those above.
        key = _NO_NAME.sub("_", str(name))
        if text := _text(value):
            labels[f"label_{key}" if key in labels or not key or key[0].isdigit() else key] = text
    window = cause.get("window")
    annotations = {"summary": delivery.subject, "description": delivery.text, "id": delivery.key}
    alert: dict[str, object] = {"labels": labels, "annotations": annotations}
    if delivery.acknowledge_url is not None:
        annotations["acknowledge_url"] = delivery.acknowledge_url
    if delivery.page_url is not None:
        alert["generatorURL"] = delivery.page_url
    if isinstance(window, Mapping) and (start := _text(window.get("start"))):
        alert["startsAt"] = start
    if not is_recovery(delivery.key):
        alert["endsAt"] = format_instant(now + LASTS)
    elif isinstance(window, Mapping) and (end := _text(window.get("end"))):
        alert["endsAt"] = end
    else:
        alert["endsAt"] = format_instant(now)
    return alert


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
