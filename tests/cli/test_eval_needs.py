"""What `wsla eval` says where a package is missing that stores or partial results need."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from wsla.cli.eval_needs import check_installed

Run = Callable[..., Any]
PACKAGES = ("numpy", "polars", "duckdb", "psycopg", "pyspark")


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Takes packages away, and puts all others in place: missing("numpy")."""

    def take_away(*names: str) -> None:
        def find(name: str) -> object | None:
            return None if name in names else object()

        monkeypatch.setattr("wsla.cli.eval_needs.find_spec", find)

    return take_away


@pytest.mark.parametrize(
    ("gone", "stores", "partials", "kept", "said"),
    [
        (
            ("duckdb",),
            ("duckdb:///a.db",),
            (),
            None,
            "--on needs duckdb, which is not installed: pip install 'wsla[duckdb]'",
        ),
        (
            PACKAGES,
            ("probe=duckdb:///a.db?table=x",),
            (),
            None,
            "--on needs numpy and duckdb, which are not installed: pip install 'wsla[duckdb]'",
        ),
        (
            PACKAGES,
            ("duckdb:///a.db",),
            ("a.parquet",),
            None,
            "--on and --partials need numpy, polars and duckdb, which are not installed: "
            "pip install 'wsla[columns,duckdb]'",
        ),
        (
            PACKAGES,
            ("postgresql://host/db?a=b",),
            (),
            None,
            "--on needs numpy and psycopg, which are not installed: pip install 'wsla[postgres]'",
        ),
        (
            ("pyspark",),
            ("spark://local",),
            (),
            None,
            "--on needs pyspark, which is not installed: pip install pyspark",
        ),
        (
            PACKAGES,
            ("spark://local",),
            (),
            None,
            "--on needs numpy and pyspark, which are not installed: pip install 'wsla[columns]' pyspark",
        ),
        (
            PACKAGES,
            ("prometheus+http://host:9090",),
            (),
            None,
            "--on needs numpy, which is not installed: pip install 'wsla[columns]'",
        ),
        (
            ("polars",),
            (),
            ("a.parquet",),
            "b.parquet",
            "--partials and --write-partials need polars, which is not installed: pip install 'wsla[columns]'",
        ),
    ],
)
def test_it_names_what_is_missing_and_what_brings_it(
    gone: tuple[str, ...],
    stores: tuple[str, ...],
    partials: tuple[str, ...],
    kept: str | None,
    said: str,
    missing: Callable[..., None],
) -> None:
    missing(*gone)
    with pytest.raises(click.ClickException) as refused:
        check_installed(stores, partials, kept)
    assert refused.value.message == said


@pytest.mark.parametrize(
    "stores", [("duckdb:///a.db",), ("prometheus+http://host",), ("nothing://x",), ("",)]
)
def test_what_is_not_needed_may_be_missing(stores: tuple[str, ...], missing: Callable[..., None]) -> None:
    missing("polars", "psycopg", "pyspark")
    check_installed(stores, (), None)


def test_the_command_says_so(run_wsla: Run, agreement: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    pytest.importorskip("numpy", reason="numpy is not installed")
    finished = run_wsla("eval", agreement, "--on", "duckdb:///none.db")
    assert finished.code == 1
    assert "--on needs duckdb, which is not installed: pip install 'wsla[duckdb]'" in finished.err
