"""What every answer carries so that a browser does nothing with it but show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


WITH_FORM: Final = {
    "Content-Security-Policy": HEADERS["Content-Security-Policy"].replace(
        "form-action 'none'", "form-action 'self'"
    )
}
"""For a page with a form of its own."""


ROLE: Final = "Wsla-Role"
"""The header that says whether the daemon that answers judges or stands by."""


class Guard:
    """Adds the headers to whatever the application answers, where it has not said otherwise; ``role`` gives the
    daemon's."""

    def __init__(self, app: ASGIApp, role: Callable[[], str]) -> None:
        self._app: Final = app
        self._role: Final = role

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault(ROLE, self._role())
            await send(message)

        await self._app(scope, receive, guarded)
