"""Messages to a program that the deployment allows: the notice as JSON on its input, judged by its exit code."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from wsla.channels.errors import ChannelError
from wsla.channels.failures import delivered, permanent, temporary
from wsla.channels.notice import NoticeError, encode_canonical, notice_document
from wsla.ports import Delivery, DeliveryResult
from wsla.values.instants import SECOND, format_length

DEFAULT_TIMEOUT_NS: Final = 30 * SECOND
LARGEST_OUTPUT: Final = 64 * 1024
LONGEST_QUOTE: Final = 200
PERMANENT: Final = frozenset({64, 65, 67, 68, 78})
"""Exit codes by which a program says that the same message will never pass (of `sysexits.h`: usage, data, no such
user, no such host, configuration)."""

_ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
}
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class CommandChannel:
    """Runs the program at ``path`` with ``arguments`` for each message; no shell sees them.

    ``allowed`` are the programs that may be run. ``timeout_ns`` bounds a whole attempt: then the program is killed
    with everything that it started. Raises ChannelError for a program that is not allowed.
    """

    def __init__(
        self,
        path: str,
        *,
        allowed: Sequence[str],
        arguments: Sequence[str] = (),
        timeout_ns: int = DEFAULT_TIMEOUT_NS,
    ) -> None:
        if not os.path.isabs(path) or os.path.normpath(path) != path or "\0" in path:
            raise ChannelError("a program is named by its whole path, such as /usr/local/bin/open-ticket")
        if path not in allowed:
            raise ChannelError(f'wsla.toml does not allow this program: [commands] allow = ["{path}"]')
        if any("\0" in one for one in arguments):
            raise ChannelError("an argument of a program holds a null character")
        self._path: Final = path
        self._arguments: Final = tuple(arguments)
        self._timeout_ns: Final = timeout_ns

    async def send(self, delivery: Delivery) -> DeliveryResult:
        """One attempt."""
        try:
            body = encode_canonical(notice_document(delivery)) + b"\n"
        except NoticeError as error:
            return permanent(str(error))
        try:
            transport, run = await self._start()
        except OSError as error:
            why = (error.strerror or "unknown reason").lower()
            return temporary(f"the program {self._path} cannot be run: {why}")
        try:
            run.feed(transport, body)
            ended, _ = await asyncio.wait({run.gone}, timeout=self._timeout_ns / SECOND)
        finally:
            if not run.gone.done():
                _kill(transport.get_pid())
            transport.close()
            await run.gone
        if not ended:
            return temporary(f"the program {self._path} did not end within {format_length(self._timeout_ns)}")
        return self._judge(transport.get_returncode() or 0, bytes(run.output))

    async def close(self) -> None:
        """Nothing is held between messages."""

    async def _start(self) -> tuple[asyncio.SubprocessTransport, _Run]:
        return await asyncio.get_running_loop().subprocess_exec(
            _Run,
            self._path,
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd="/" if os.path.isdir("/") else None,
            env=_ENVIRONMENT,
            start_new_session=True,
        )

    def _judge(self, code: int, output: bytes) -> DeliveryResult:
        if code == 0:
            return delivered()
        if code < 0:
            return temporary(f"the program {self._path} was ended by signal {-code}")
        lines = _UNPRINTABLE.sub("\n", output.decode("utf-8", "replace")).strip().splitlines()
        said = f": {lines[-1][:LONGEST_QUOTE]}" if lines else ""
        reason = f"the program {self._path} ended with exit code {code}{said}"
        return permanent(reason) if code in PERMANENT else temporary(reason)


class _Run(asyncio.SubprocessProtocol):
    """A program that runs. ``gone`` once it has ended and nothing of it holds its output."""

    def __init__(self) -> None:
        self.output = bytearray()
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def feed(self, transport: asyncio.SubprocessTransport, body: bytes) -> None:
        """Writes its input and closes it; a program need not read it."""
        pipe = transport.get_pipe_transport(0)
        if isinstance(pipe, asyncio.WriteTransport):
            pipe.write(body)
            pipe.close()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.output += data[: LARGEST_OUTPUT - len(self.output)]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)


def _kill(number: int) -> None:
    """Ends a program with everything that it started."""
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            os.kill(number, signal.SIGTERM)
        else:
            # The program leads a session of its own, so its number is that of its group.
            os.killpg(number, signal.SIGKILL)
