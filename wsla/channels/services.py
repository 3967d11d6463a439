"""Messages to services for people on call and in chats, by way of the Apprise library.

Apprise blocks, tells only whether it worked, and may log addresses: so each attempt has a thread and a deadline, the
status of a refusal is read from Apprise's own warnings, and none of these reaches a log.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import threading
from types import ModuleType
from typing import Any, Final
from urllib.parse import quote, urlsplit

from wsla.channels.errors import ChannelError
from wsla.channels.failures import delivered, permanent, temporary
from wsla.channels.notice import text_with_links
from wsla.channels.webhook import outcome_of_status, status_words
from wsla.ports import Clock, Delivery, DeliveryResult
from wsla.remedies.identity import episode_of, is_recovery
from wsla.values.instants import SECOND, format_length

DEFAULT_TIMEOUT_NS: Final = 30 * SECOND
MOST_ATTEMPTS: Final = 4
SCHEMES: Final = {
    "pagerduty": frozenset({"pagerduty"}),
    "opsgenie": frozenset({"opsgenie"}),
    "slack": frozenset({"slack"}),
    "teams": frozenset({"workflow", "workflows", "msteams"}),
}
"""What an address of a kind begins with, as Apprise writes it; every other kind takes any."""

_ERROR: Final = re.compile(r"\berror=(\d{3})\b")
_HUSHED: Final = ("urllib3", "requests")


class _Warnings(logging.Handler):
    """Remembers the last HTTP status that Apprise complained of, for each thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.statuses: dict[int, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a number, and nothing of the text."""
        found = _ERROR.search(record.getMessage())
        if found is not None:
            self.statuses[threading.get_ident()] = int(found[1])


_WARNINGS: Final = _Warnings()


class ServiceChannel:
    """Sends notices to the service that an Apprise URL names.

    ``kind`` is one of ``SCHEMES``, ``sms`` or ``apprise``. ``timeout_ns`` bounds a whole attempt. Raises ChannelError
    where Apprise is not installed, or cannot use the URL, or it is of another service.
    """

    def __init__(self, kind: str, url: str, *, clock: Clock, timeout_ns: int = DEFAULT_TIMEOUT_NS) -> None:
        apprise = _load(kind)
        if _service(apprise, url) is None:
            raise ChannelError(f"the address of the channel {kind!r} is no URL that Apprise can use")
        wanted = SCHEMES.get(kind)
        known = _schemes(_service(apprise, url))
        if wanted is not None and known.isdisjoint(wanted):
            forms = " or ".join(f"{scheme}://…" for scheme in sorted(wanted))
            raise ChannelError(
                f"the address of the channel {kind!r} is of another service; it begins with {forms}"
            )
        self._apprise: Final = apprise
        self._kind: Final = kind
        self._url: Final = url
        self._timeout_ns: Final = timeout_ns
        self._clock: Final = clock
        self._running = 0
        self._closed = False

    async def send(self, delivery: Delivery) -> DeliveryResult:
        """One attempt. One that does not end in time is left to itself, and counts as not delivered."""
        if self._closed:
            return temporary("the channel is closed")
        if self._running >= MOST_ATTEMPTS:
            return temporary(f"{MOST_ATTEMPTS} attempts have not ended yet")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[DeliveryResult] = loop.create_future()

        def settle(result: DeliveryResult) -> None:
            self._running -= 1
            if not future.done():
                future.set_result(result)

        def work() -> None:
            result = self._attempt(delivery)
            try:
                loop.call_soon_threadsafe(settle, result)
            except RuntimeError:  # the loop has ended meanwhile
                return

        self._running += 1
        # A thread that hangs must not keep the process from ending.
        threading.Thread(target=work, name=f"wsla-{self._kind}", daemon=True).start()
        try:
            async with asyncio.timeout(self._timeout_ns / SECOND):
                return await future
        except TimeoutError:
            return temporary(f"{self._kind} did not answer within {format_length(self._timeout_ns)}")

    async def close(self) -> None:
        """Later attempts fail as temporary."""
        self._closed = True

    def _attempt(self, delivery: Delivery) -> DeliveryResult:
        _WARNINGS.statuses.pop(threading.get_ident(), None)
        recovered = self._kind == "pagerduty" and is_recovery(delivery.key)
        types = self._apprise.NotifyType
        try:
            service = _service(self._apprise, self._addressed(delivery))
            # Other services take a success for the end of what they remember, and drop it where that is nothing.
            if service is not None and service.notify(
                title=delivery.subject,
                body=text_with_links(delivery),
                notify_type=types.SUCCESS if recovered else types.WARNING,
            ):
                return delivered()
        except Exception as error:  # a plugin may do anything; its words may hold the address
            return temporary(f"the attempt to reach {self._kind} failed ({type(error).__name__})")
        status = _WARNINGS.statuses.pop(threading.get_ident(), None)
        if status is None:
            return temporary(f"{self._kind} could not be reached, or did not take the message")
        answer = f"{self._kind} answered {status_words(status)}"
        return temporary(answer) if outcome_of_status(status) == "temporary" else permanent(answer)

    def _addressed(self, delivery: Delivery) -> str:
        """The URL; for PagerDuty with what makes all messages of an episode one incident, and its end resolve it."""
        if self._kind != "pagerduty" or "dedup=" in self._url:
            return self._url
        episode = hashlib.sha256((episode_of(delivery.key) or delivery.key).encode()).hexdigest()
        between = "&" if "?" in self._url else "?"
        return f"{self._url}{between}action=map&dedup={quote(episode)}"


def _load(kind: str) -> ModuleType:
    try:
        import apprise
    except ImportError:
        raise ChannelError(
            f"the channel {kind!r} needs the package apprise: pip install 'wsla[channels]'"
        ) from None
    logger = logging.getLogger("apprise")
    if _WARNINGS not in logger.handlers:
        logger.handlers[:] = [_WARNINGS]
        logger.setLevel(logging.WARNING)
        logger.propagate = False
        for name in _HUSHED:
            # They write whole addresses at DEBUG, and at WARNING where they try again.
            logging.getLogger(name).setLevel(logging.ERROR)
    return apprise


def _service(apprise: ModuleType, url: str) -> Any:
    """What Apprise makes of a URL, None where that is nothing; nothing is kept on the disk for it."""
    asset = apprise.AppriseAsset(async_mode=False, app_id="wsla", http_redirects=False)
    try:
        urlsplit(url)
        return apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    except Exception:  # plugins raise whatever they like for an address
        return None


def _schemes(service: Any) -> frozenset[str]:
    found: set[str] = set()
    for names in (service.protocol, service.secure_protocol):
        found.update((names,) if isinstance(names, str) else names or ())
    return frozenset(found)
