"""Real observations that lie beside the project, and the agreements that they are judged by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """The path of a file of real observations; the test is skipped where there is none."""

    def find(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"the observations in shared/data/{name} are not here")
        return path

    return find


@pytest.fixture(scope="session")
def agreement_file() -> Callable[[str], Path]:
    """The path of one of the agreements in this folder."""
    return lambda name: HERE / name
