"""The web server beside the daemon: a thread and an event loop of its own, so that no page holds up a probe."""

from __future__ import annotations

import logging
import math
import socket
import threading
import time
from functools import partial
from typing import Any, Final, cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from wsla.daemon.http_config import MOST_CONNECTIONS, Http
from wsla.web.access import FAILURES, Allowance
from wsla.web.app import build_app
from wsla.web.connections import Connection, Connections, Patience
from wsla.web.view import Sight

_log = logging.getLogger(__name__)

_LARGEST_HEAD: Final = 64 * 1024
_END_WITHIN: Final = 3


class NotServing(Exception):
    """The address cannot be listened on; the message says why."""


class WebServer:
    """Holds an address, and answers at it from `serve` until it is closed. Raises NotServing where it is taken."""

    def __init__(self, settings: Http, patience: Patience | None = None) -> None:
        self.settings = settings
        self._socket: Final = _listen(settings)
        self._patience: Final = patience or Patience()
        self._connections: Final = Connections(
            MOST_CONNECTIONS, settings.connections_per_address, self._patience
        )
        self._failures: Final = Allowance(FAILURES, time.monotonic_ns)
        self._view: Sight | None = None
        self._app: ASGIApp | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def serve(self, view: Sight) -> None:
        """Begin to answer."""
        self._view = view
        self.change(self.settings)
        config = uvicorn.Config(
            self._answer,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            http=cast(Any, partial(Connection, self._connections)),
            ws="none",
            interface="asgi3",
            lifespan="off",
            h11_max_incomplete_event_size=_LARGEST_HEAD,
            timeout_keep_alive=math.ceil(self._patience.idle),
            timeout_graceful_shutdown=_END_WITHIN,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, args=[self._server], name="wsla-web", daemon=True)
        self._thread.start()

    def show(self, view: Sight) -> None:
        """Answer from another daemon's turn. What is being answered goes on as it began."""
        self._view = view
        self.change(self.settings)

    def change(self, settings: Http) -> None:
        """Other tokens and limits, at the same address. What is being answered goes on as it began."""
        assert self._view is not None
        self.settings = settings
        self._connections.each = settings.connections_per_address
        self._app = build_app(self._view, settings, self._failures)

    @property
    def url(self) -> str:
        """Where it answers."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    def end_soon(self) -> None:
        """Takes no new requests."""
        if self._server is not None:
            self._server.should_exit = True

    def close(self) -> None:
        """End; answers under way have a moment."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_END_WITHIN + 2)
        self._socket.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._app is not None
        await self._app(scope, receive, send)

    def _run(self, server: uvicorn.Server) -> None:
        try:
            server.run([self._socket])
        except Exception:
            _log.exception("the web server ended")


def _listen(settings: Http) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        reason = (error.strerror or str(error)).lower()
        raise NotServing(f"{settings.host}:{settings.port} cannot be listened on: {reason}") from None
    return listening
