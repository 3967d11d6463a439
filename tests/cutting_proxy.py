"""A proxy between a client and its server that cuts the connection at a moment that the test chooses."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Literal

Cut = Literal["before", "after"]


class Proxy:
    """On a free port of 127.0.0.1. ``arm`` has the next thing that the client says cut off: before the server hears it,
    or after the server has done it and before the client learns of it."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._armed: Cut | None = None
        self._refusing = False
        self.refuse_after_cut = False
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, cut: Cut) -> None:
        self._armed = cut

    def refuse(self, refusing: bool) -> None:
        """Whether new connections are closed at once."""
        self._refusing = refusing

    def close(self) -> None:
        self._listener.close()
        for one in self._open:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._refusing:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._target))
            self._open += [client, server]
            answered = threading.Event()
            for one in (self._forward, self._return):
                threading.Thread(target=one, args=(client, server, answered), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket, answered: threading.Event) -> None:
        with suppress(OSError):
            while said := client.recv(65_536):
                cut, self._armed = self._armed, None
                if cut is not None:
                    self._refusing = self.refuse_after_cut
                    self.cuts += 1
                    _shut(client)
                    if cut == "after":
                        answered.clear()
                        server.sendall(said)
                        # Once it answers it has done it; what it answers goes nowhere.
                        answered.wait(30)
                    break
                server.sendall(said)
        _shut(server)

    def _return(self, client: socket.socket, server: socket.socket, answered: threading.Event) -> None:
        with suppress(OSError):
            while said := server.recv(65_536):
                answered.set()
                client.sendall(said)
        _shut(client)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
