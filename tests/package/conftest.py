"""The wheel under test, and an installation of it that shares nothing with the source tree."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Console = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `make test` built, or one built now where the tests are run by hand."""
    if named := os.environ.get("WSLA_WHEEL"):
        return Path(named)
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def console(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Console:
    """Runs the `wsla` command as installed from the wheel: console(*arguments, cwd=folder)."""
    target = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    subprocess.run(
        [*install, "--no-index", "--target", str(target), str(wheel)], check=True, capture_output=True
    )

    def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(target / "bin" / "wsla"), *arguments],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(target), "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
