"""The web server beside the daemon: a thread and an event loop of its own, so that no page holds up a probe."""

from __future__ import annotations

import logging
import socket
import threading
from typing import Final

import uvicorn

from wsla.daemon.http_config import Http
from wsla.web.app import build_app
from wsla.web.view import View

_log = logging.getLogger(__name__)

_MOST_CONNECTIONS: Final = 500
_LARGEST_HEAD: Final = 64 * 1024
_IDLE: Final = 15
_END_WITHIN: Final = 3


class NotServing(Exception):
    """The address cannot be listened on; the message says why."""


class WebServer:
    """Holds an address, and answers at it from `serve` until it is closed. Raises NotServing where it is taken."""

    def __init__(self, settings: Http) -> None:
        self._settings: Final = settings
        self._socket: Final = _listen(settings)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def serve(self, view: View) -> None:
        """Begin to answer."""
        config = uvicorn.Config(
            build_app(view, self._settings),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            http="h11",
            ws="none",
            lifespan="off",
            limit_concurrency=_MOST_CONNECTIONS,
            h11_max_incomplete_event_size=_LARGEST_HEAD,
            timeout_keep_alive=_IDLE,
            timeout_graceful_shutdown=_END_WITHIN,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, args=[self._server], name="wsla-web", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it answers."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    def close(self) -> None:
        """End; answers under way have a moment."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_END_WITHIN + 2)
        self._socket.close()

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
