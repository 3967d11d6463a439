"""What systemd is told, by its own protocol."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsla.daemon.supervisor import Supervisor


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind(str(tmp_path / "notify"))
        found.settimeout(60)
        yield found


def told(listener: socket.socket) -> list[str]:
    return listener.recv(4096).decode().split("\n")


def nothing_more(listener: socket.socket) -> bool:
    listener.setblocking(False)
    try:
        listener.recv(4096)
    except BlockingIOError:
        return True
    return False


def test_a_life_is_told(listener: socket.socket) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": listener.getsockname()})

    async def main() -> None:
        supervisor.ready("keeping\n1 agreement")
        supervisor.stopping()
        supervisor.close()

    asyncio.run(main())
    assert told(listener) == ["READY=1", "STATUS=keeping | 1 agreement"]
    assert told(listener) == ["STOPPING=1", "STATUS=stopping"]
    supervisor.status("it cannot start: " + "x" * 1_000)
    [status] = told(listener)
    assert len(status) == len("STATUS=") + 500
    assert nothing_more(listener)


@pytest.mark.parametrize(("process", "watched"), [("unnamed", True), ("this one", True), ("another", False)])
def test_a_loop_that_goes_round_says_so(listener: socket.socket, process: str, watched: bool) -> None:
    environ = {"NOTIFY_SOCKET": listener.getsockname(), "WATCHDOG_USEC": "30000"}
    named = {"unnamed": {}, "this one": {"WATCHDOG_PID": str(os.getpid())}, "another": {"WATCHDOG_PID": "1"}}
    supervisor = Supervisor(environ | named[process])

    async def main() -> None:
        supervisor.ready("keeping")
        assert (await asyncio.to_thread(told, listener))[0] == "READY=1"
        if watched:
            for _ in range(3):
                assert await asyncio.to_thread(told, listener) == ["WATCHDOG=1"]
        else:
            await asyncio.sleep(0.2)
        supervisor.close()
        await asyncio.sleep(0.05)

    asyncio.run(main())
    assert watched or nothing_more(listener)


def test_an_address_without_a_file(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind(f"\0wsla-{os.getpid()}")
        found.settimeout(10)
        Supervisor({"NOTIFY_SOCKET": f"@wsla-{os.getpid()}"}).status("here")
        assert told(found) == ["STATUS=here"]


@pytest.mark.parametrize(
    "environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "x"}]
)
def test_nobody_who_listens_is_no_trouble(environ: dict[str, str]) -> None:
    async def main() -> None:
        supervisor = Supervisor(environ)
        supervisor.ready("keeping")
        supervisor.stopping()
        supervisor.close()

    asyncio.run(main())
