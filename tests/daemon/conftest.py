"""A service with every bad habit, a receiver of webhooks that remembers, and a daemon between the two."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import pytest

import wsla
from wsla.daemon.config import Config, Limits
from wsla.daemon.daemon import Daemon, run_daemon

from ..ports import free_port


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _serve(self, body: bytes) -> None:
        try:
            self.server.react(self, body)
        except OSError:
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, react: Callable[[_Handler, bytes], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.react = react
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        return

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def end(self) -> None:
        self.shutdown()
        self.server_close()


class Service(_Server):
    """A service whose paths behave badly: /ok /fail /slow /hang /endless /loop /health (as ``healthy`` says)."""

    def __init__(self) -> None:
        self.healthy = True
        self.ended = threading.Event()
        self.asked: dict[str, int] = {}
        super().__init__(self._react)

    def end(self) -> None:
        self.ended.set()
        super().end()

    def _react(self, handler: _Handler, body: bytes) -> None:
        path = handler.path
        self.asked[path] = self.asked.get(path, 0) + 1
        match path:
            case "/ok":
                handler.answer(200, b"fine")
            case "/health":
                handler.answer(200 if self.healthy else 503, b"health")
            case "/state":
                handler.answer(200, b'{"state": "fine", "queue": 3}')
            case "/fail":
                handler.answer(500, b"broken")
            case "/slow":
                time.sleep(0.15)
                handler.answer(200, b"slow")
            case "/hang":
                self.ended.wait(30)
            case "/loop":
                handler.answer(302, headers={"Location": "/loop"})
            case "/endless":
                handler.send_response(200)
                handler.end_headers()
                while not self.ended.is_set():
                    handler.wfile.write(b"x" * 65_536)
            case _:
                handler.answer(404)


class Receiver(_Server):
    """Takes webhooks. ``status`` is the answer; every request is kept, and written to a file where one is given."""

    def __init__(self, log: Path | None = None) -> None:
        self.status = 200
        self.hangs = False
        self.ended = threading.Event()
        self.got: list[dict[str, Any]] = []
        self._log = log
        self._lock = threading.Lock()
        super().__init__(self._react)

    def end(self) -> None:
        self.ended.set()
        super().end()

    def _react(self, handler: _Handler, body: bytes) -> None:
        status = self.status
        entry = {
            "status": status,
            "headers": dict(handler.headers.items()),
            "body": body.decode(),
            "notice": json.loads(body),
        }
        with self._lock:
            self.got.append(entry)
            if self._log is not None:
                with self._log.open("a") as file:
                    file.write(json.dumps(entry) + "\n")
        if self.hangs:
            self.ended.wait(30)
        handler.answer(status)


AGREEMENT = """agreement "{title}" version {version} {{
  kind customer
  effective 2026-01-01 in "UTC"
  currency EUR
  grace {grace}
  party acme "Acme" provider {{ ops log "{ops}" }}
  party globex "Globex" consumer {{ hook webhook "{hook}/sla" signed env HOOK_SECRET }}
  source probe = http "{url}" every {every} timeout {timeout}
  metric up = probe.ok
  metric uptime = availability(up) each {window}
  goal available: acme guarantees uptime >= {promised} {{
    otherwise credit globex 5 EUR
    otherwise notify globex
  }}
  when not up for {patience} {{ notify acme on recovery: notify acme }}
}}
"""
SECRET = "a secret for tests"


class Running:
    """A daemon in a thread of this process."""

    def __init__(
        self,
        paths: list[Path],
        config: Config,
        store: Path,
        environ: dict[str, str],
        serving: Any = None,
        **options: Any,
    ) -> None:
        """With ``serving`` it answers over HTTP. It is there once it runs, or stands by."""
        self.member: Any = None
        self.lines: list[str] = []
        self.code: int | None = None
        self.daemon: Daemon | None = None
        self._ready = threading.Event()
        self._loop: Any = None

        def started(daemon: Daemon) -> None:
            self._loop = asyncio.get_running_loop()
            self.daemon = daemon
            if serving is not None:
                serving.begin(daemon, str(store))
            self._ready.set()

        def stands_by(member: Any) -> None:
            self._loop = asyncio.get_running_loop()
            self.member = member
            if serving is not None:
                serving.begin_beside(member, str(store))
            self._ready.set()

        def run() -> None:
            try:
                self.code = run_daemon(
                    paths,
                    config,
                    str(store),
                    say=self.lines.append,
                    environ=environ,
                    started=started,
                    stands_by=stands_by,
                    **options,
                )
            finally:
                self._ready.set()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert self._ready.wait(60)

    def ask(self, function: Callable[[Daemon], Any]) -> Any:
        """Calls a function with the daemon in its own loop."""

        async def call() -> Any:
            assert self.daemon is not None
            return function(self.daemon)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(30)

    def reload(self) -> None:
        """Has the files read again and waits until that is done."""
        before = self.ask(lambda daemon: daemon.reloads)
        self.ask(lambda daemon: daemon.reload())
        until(lambda: self.ask(lambda daemon: daemon.reloads) > before)

    def stop(self) -> int | None:
        """Ends it; returns the exit code."""
        some = self.daemon or self.member
        if self._thread.is_alive() and some is not None:
            self._loop.call_soon_threadsafe(some.stop)
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.code


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Waits until something holds, and returns it; fails where it never does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("this never came true")


@attrs.define
class Place:
    """A folder with a store and agreements, and the servers that they speak of."""

    folder: Path
    service: Service
    receiver: Receiver
    running: list[Running] = attrs.field(factory=list)
    processes: list[subprocess.Popen[str]] = attrs.field(factory=list)
    environ: dict[str, str] = attrs.field(factory=lambda: {"HOOK_SECRET": SECRET})

    SECRET = SECRET
    closed_port = staticmethod(free_port)
    until = staticmethod(until)

    @property
    def store(self) -> Path:
        """The file of the store."""
        return self.folder / "wsla.db"

    def text(self, **changes: Any) -> str:
        """An agreement with short windows."""
        values = {
            "title": "Quick",
            "version": 1,
            "grace": "0s",
            "ops": self.folder / "ops.log",
            "hook": self.receiver.url,
            "url": f"{self.service.url}/health",
            "every": "100ms",
            "timeout": "80ms",
            "window": "1s",
            "promised": "99%",
            "patience": "300ms",
            **changes,
        }
        return AGREEMENT.format(**values)

    def write(self, text: str, name: str = "quick.sla") -> Path:
        """Writes an agreement."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *paths: Path, config: Config | None = None, **options: Any) -> Running:
        """Starts a daemon in this process."""
        chosen = config or Config(limits=Limits(snapshot_every=500_000_000))
        running = Running(list(paths) or [self.folder], chosen, self.store, self.environ, **options)
        self.running.append(running)
        return running

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Rows of the store, read beside the daemon."""
        connection = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def count(self, table: str, condition: str = "1 = 1") -> int:
        """How many rows a table has; 0 where there is none yet."""
        try:
            return int(self.rows(f"SELECT count(*) FROM {table} WHERE {condition}")[0][0])
        except sqlite3.OperationalError:
            return 0


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path, Service(), Receiver(tmp_path / "received.jsonl"))
    try:
        yield found
    finally:
        for process in found.processes:
            process.kill()
            process.wait()
        for running in found.running:
            running.stop()
        found.service.end()
        found.receiver.end()


@pytest.fixture
def spawned(place: Any) -> Callable[..., Any]:
    """Starts a daemon as a process."""
    program = Path(__file__).with_name("process.py")

    def spawn(path: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(program), str(place.store), "", str(place.folder / "accepted"), str(path)],
            env={**os.environ, "PYTHONPATH": str(Path(wsla.__path__[0]).parent)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        place.processes.append(process)
        return process

    return spawn
