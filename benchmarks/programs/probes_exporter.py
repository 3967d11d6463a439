"""prometheus-blackbox-exporter on the same targets at the same rate: a scrape for each, as Prometheus would make it.

Arguments: the exporter's address and process, a file of targets, seconds between two looks at each, seconds before
measuring and of measuring. What the exporter has spent, as JSON; what this driver spends is not counted.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

_TICKS = os.sysconf("SC_CLK_TCK")


def spent(process: int) -> float:
    """Seconds of processor time of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak(process: int) -> int:
    """The most memory that a process held, in bytes."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


class Driver:
    """Keeps connections to the exporter and counts its answers."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.done = 0
        self.good = 0

    async def scrape(self, target: str) -> None:
        """One probe by the exporter."""
        if self._idle:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        asked = f"/probe?module=http&target={quote(target, safe='')}"
        writer.write(f"GET {asked} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"transfer-encoding: chunked" in head:
            body = b""
            while size := int(await reader.readline(), 16):
                body += await reader.readexactly(size)
                await reader.readline()
            await reader.readline()
        else:
            body = await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
        self._idle.append((reader, writer))
        self.done += 1
        self.good += b"\nprobe_success 1" in body


async def main(
    port: int, process: int, targets: list[str], every: float, before: float, measuring: float
) -> dict[str, Any]:
    """Drives it and gives what was measured."""
    driver = Driver(port)
    under_way: set[asyncio.Task[None]] = set()
    began = time.perf_counter()
    marks: list[tuple[float, float, int]] = []
    number = 0
    while len(marks) < 2:
        passed = time.perf_counter() - began
        if passed >= before + measuring * len(marks):
            marks.append((spent(process), passed, driver.done))
        while number < passed / every * len(targets):
            task = asyncio.create_task(driver.scrape(targets[number % len(targets)]))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            number += 1
        await asyncio.sleep(0.01)
    (cpu, wall, done), (cpu_after, wall_after, done_after) = marks
    for task in list(under_way):
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)
    return {
        "cpu_s": cpu_after - cpu,
        "wall_s": wall_after - wall,
        "probes": done_after - done,
        "good": driver.good / max(driver.done, 1),
        "peak_bytes": peak(process),
    }


if __name__ == "__main__":
    at, of, path, *seconds = sys.argv[1:]
    listed = Path(path).read_text().split()
    print(json.dumps(asyncio.run(main(int(at), int(of), listed, *(float(one) for one in seconds)))))
