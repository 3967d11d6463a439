"""The web server as the configuration has it by now: none, one, one at another address, one with other tokens."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from wsla.daemon.daemon import Daemon
from wsla.daemon.http_config import Http

if TYPE_CHECKING:
    from wsla.daemon.member import Member
    from wsla.web.server import WebServer
    from wsla.web.view import Sight

_log = logging.getLogger(__name__)


class Serving:
    """Raises ValueError, in words for an operator, where settings cannot be had.

    ``say`` takes lines for whoever started it; all of them stand in the log too.
    """

    def __init__(self, settings: Http | None, say: Callable[[str], None] | None = None) -> None:
        self._say: Final = say
        self._view: Sight | None = None
        self._server: WebServer | None = None if settings is None else _server(settings)

    def begin(self, daemon: Daemon, store_url: str) -> None:
        """Answer from a daemon and its store, and as its configuration says from now on."""
        from wsla.web.view import View

        daemon.answer_with(self)
        self._show(View(daemon, store_url))

    def begin_beside(self, member: Member, store_url: str) -> None:
        """The same for a daemon that stands by."""
        from wsla.web.beside import Beside

        member.answer_with(self)
        self._show(Beside(member, store_url))

    def prepare(self, settings: Http | None) -> Callable[[], None]:
        """Whatever may fail before other settings hold; what is returned makes them hold."""
        old = self._server
        if settings is None:
            return lambda: self._replace(old, None)
        if old is not None and (old.settings.host, old.settings.port) == (settings.host, settings.port):
            server = old
            return lambda: server.change(settings)
        new = _server(settings)
        return lambda: self._replace(old, new)

    def end_soon(self) -> None:
        """No new requests are taken; what is being answered has a moment."""
        if self._server is not None:
            self._server.end_soon()

    def close(self) -> None:
        """End; answers under way have a moment."""
        if self._server is not None:
            self._server.close()

    def _show(self, view: Sight) -> None:
        begun, self._view = self._view is not None, view
        if self._server is None:
            return
        if begun:
            self._server.show(view)
        else:
            self._serve(self._server)

    def _replace(self, old: WebServer | None, new: WebServer | None) -> None:
        self._server = new
        if new is not None:
            self._serve(new)
        if old is not None:
            # What it answers at the moment has time to end, and nothing else waits for that.
            threading.Thread(target=old.close, name="wsla-web-ends", daemon=True).start()

    def _serve(self, server: WebServer) -> None:
        assert self._view is not None
        server.serve(self._view)
        _log.info("answering at %s", server.url)
        if self._say is not None:
            self._say(f"answering at {server.url}")


def missing() -> str | None:
    """Why nothing can be answered over HTTP here; None where it can."""
    try:
        import wsla.web.server  # noqa: F401
    except ImportError as problem:
        return f"wsla.toml asks for [http], and {problem.name} is not installed: pip install 'wsla[web]'"
    return None


def _server(settings: Http) -> WebServer:
    if (reason := missing()) is not None:
        raise ValueError(reason)
    from wsla.web.server import NotServing, WebServer

    try:
        return WebServer(settings)
    except NotServing as problem:
        raise ValueError(f"[http] {problem}") from None
