"""Where runs keep their files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from wsla.testing.simulation.simulation import quick_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as name:
        yield Path(name)
