"""What every test shares: Hypothesis profiles, and the demand that `make test` tests the installed wheel."""

from __future__ import annotations

import gc
import io
import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest
from attrs import frozen
from hypothesis import HealthCheck, settings

import wsla
from wsla.cli import main

from .postgres_server import Server, binaries

ROOT = Path(__file__).resolve().parents[1]

# How fast examples are made says how busy the machine is.
BUSY = [HealthCheck.too_slow]
settings.register_profile("dev", deadline=None, suppress_health_check=BUSY)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True, suppress_health_check=BUSY)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_report_header() -> str:
    return f"wsla: {wsla.__path__[0]}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What takes long comes first, so that no worker is left alone with it at the end.
    long = ROOT / "tests" / "property"
    items.sort(key=lambda item: long not in item.path.parents)


def pytest_collection_finish() -> None:
    # What was collected stays: a tenth of the time went into looking at it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(30_000, 20, 20)


def pytest_sessionstart() -> None:
    if "WSLA_WHEEL" in os.environ and Path(wsla.__path__[0]).is_relative_to(ROOT / "wsla"):
        pytest.exit("the source tree is imported where the installed wheel should be tested", returncode=3)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server of PostgreSQL of our own."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed")
    server = Server(programs)
    yield server
    server.close()


@frozen
class Finished:
    """How a command ended: its exit code, and what it printed; ``said`` is all of it in the order of printing."""

    code: int
    out: str
    err: str
    said: str


class Copied(io.StringIO):
    """Keeps what is written, and writes it to another stream as well."""

    def __init__(self, other: io.StringIO) -> None:
        super().__init__()
        self._other = other

    def write(self, text: str) -> int:
        self._other.write(text)
        return super().write(text)


@pytest.fixture(scope="session")
def run_wsla() -> Callable[..., Finished]:
    """Runs the `wsla` command within this process: run_wsla(*arguments). An exception that gets out fails the test."""

    def run(*arguments: object) -> Finished:
        said = io.StringIO()
        out, err = Copied(said), Copied(said)
        code: object = 0
        with (
            patch("sys.argv", ["wsla", *map(str, arguments)]),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as stop:
                code = stop.code
        assert code is None or isinstance(code, int)
        assert "Traceback" not in said.getvalue()
        return Finished(code=code or 0, out=out.getvalue(), err=err.getvalue(), said=said.getvalue())

    return run
