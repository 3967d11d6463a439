"""`python tests/killing --rounds 200`: a daemon under load, killed at random again and again, and then looked at (K2).

The daemon is `wsla run` in a process of its own. Every tenth kill comes while it still starts. The same seed draws the
same moments. At the end everything has to be delivered, and the store has to agree with what was acknowledged, what
was received, and what `wsla verify` computes anew.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import independent
from world import AGREEMENT, World

STARTS_WITHIN = 120.0
DELIVERED_WITHIN = 180.0


class Daemon:
    """`wsla run` on a folder, as a process that is started again and again."""

    def __init__(self, folder: Path, store: str) -> None:
        self.folder, self.store = folder, store
        self.port = 0
        self.said = folder / "said.txt"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it; returns at once."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = int(taken.getsockname()[1])
        config = self.folder / "wsla.toml"
        config.write_text(
            f'[http]\naddress = "127.0.0.1:{self.port}"\n[limits]\nsnapshot_every = "500ms"\n',
            encoding="utf-8",
        )
        command = [
            sys.executable,
            "-m",
            "wsla",
            "run",
            str(self.folder / "agreements"),
            "--config",
            str(config),
        ]
        with self.said.open("ab") as output:
            self.began = output.tell()
            self.process = subprocess.Popen(
                [*command, "--store", self.store], stdout=output, stderr=subprocess.STDOUT
            )

    def wait_until_it_runs(self) -> None:
        end = time.monotonic() + STARTS_WITHIN
        while b"keeping " not in (told := self.said.read_bytes()[self.began :]):
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"the daemon did not start:\n{told.decode()}")
            time.sleep(0.02)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        assert code == 0, f"the daemon ended with {code}"


def settle(daemon: Daemon, rows: independent.Rows) -> None:
    """Lets it deliver everything, and stops it. What it decides on its way out is delivered by the next."""
    for _ in range(20):
        daemon.start()
        daemon.wait_until_it_runs()
        end = time.monotonic() + DELIVERED_WITHIN
        while rows("SELECT 1 FROM outbox WHERE state = 'pending' LIMIT 1"):
            assert time.monotonic() < end, "not everything was delivered"
            time.sleep(0.1)
        daemon.stop()
        if not rows("SELECT 1 FROM outbox WHERE state = 'pending' LIMIT 1"):
            return
    raise AssertionError("each stop left something to deliver")


def run(
    folder: Path, rounds: int, seed: int, store: str | None, agreements: int, every: int
) -> dict[str, int]:
    """Kills so many times, and checks; returns how much there was. Raises AssertionError for what does not hold."""
    chance = random.Random(seed)
    url = store or str(folder / "wsla.db")
    rows = independent.reader(url)
    world, daemon = World(folder, seed), Daemon(folder, url)
    titles = [f"Shop {number}" for number in range(agreements)]
    (folder / "agreements").mkdir()
    for title in titles:
        text = AGREEMENT.format(title=title, url=world.url)
        (folder / "agreements" / f"{title}.sla").write_text(text, encoding="utf-8")
    world.keep_sending(titles, lambda: daemon.address)
    started = 0.5
    try:
        for number in range(1, rounds + 1):
            daemon.start()
            if chance.random() < 0.1:
                time.sleep(chance.uniform(0.0, started))
            else:
                began = time.monotonic()
                daemon.wait_until_it_runs()
                started = time.monotonic() - began
                # What fell due meanwhile is one transaction: whoever is always killed before its end gets nowhere.
                time.sleep(chance.uniform(0.0, max(1.0, started)))
            daemon.kill()
            if number % every == 0:
                print(f"round {number}: {independent.check_midway(rows, world.acknowledged)}", flush=True)
        world.calm = world.healthy = True
        settle(daemon, rows)
        found = independent.check_end(rows, world.acknowledged, world.received)
        told = daemon.said.read_text()
        assert "Traceback" not in told, "the daemon failed: see " + str(daemon.said)
        again = subprocess.run(
            [sys.executable, "-m", "wsla", "verify", url], capture_output=True, text=True, check=False
        )
        assert again.returncode == 0, again.stdout + again.stderr
    finally:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.kill()
        world.end()
    return {"rounds": rounds, **found}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("WSLA_SEED", "0")))
    parser.add_argument("--store", help="where it is kept: a path, or a URL; by default a new file")
    parser.add_argument("--folder", type=Path, help="where the logs go, and stay; by default they do not")
    parser.add_argument("--agreements", type=int, default=3)
    parser.add_argument("--check-every", type=int, default=20)
    given = parser.parse_args()
    seed = given.seed or random.randrange(1, 2**32)
    print(f"WSLA_SEED={seed}", flush=True)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="wsla-killing-"))
    print(f"files are in {folder}", flush=True)
    found = run(folder, given.rounds, seed, given.store, given.agreements, given.check_every)
    if given.folder is None:
        shutil.rmtree(folder)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
