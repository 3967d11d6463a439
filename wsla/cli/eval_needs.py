"""What judging from stores and partial results needs to be installed, by what the command line asks for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final

import click

_EXTRAS: Final = {"numpy": "columns", "polars": "columns", "duckdb": "duckdb", "psycopg": "postgres"}
"""What brings a package along; the extras of stores bring numpy and polars too."""
_OF_STORES: Final = {"duckdb": "duckdb", "postgresql": "psycopg", "spark": "pyspark"}


def check_installed(stores: Sequence[str], partials: Sequence[str], kept: str | None) -> None:
    """``stores``, ``partials`` and ``kept`` are what ``--on``, ``--partials`` and ``--write-partials`` say.

    Raises ClickException, with what is missing and how it is installed.
    """
    needed = {"numpy": ""}
    if partials or kept is not None:
        needed["polars"] = ""
    needed |= {package: "" for package in map(_of_store, stores) if package is not None}
    missing = [package for package in needed if find_spec(package) is None]
    if not missing:
        return
    asked = {"--on": stores, "--partials": partials, "--write-partials": kept}
    options = [option for option, value in asked.items() if value]
    extras = list(dict.fromkeys(_EXTRAS[package] for package in missing if package in _EXTRAS))
    if len(extras) > 1 and not (partials or kept):
        extras.remove("columns")
    install = [f"'wsla[{','.join(extras)}]'"] if extras else []
    install += [package for package in missing if package not in _EXTRAS]
    raise click.ClickException(
        f"{_listed(options)} {'needs' if len(options) == 1 else 'need'} {_listed(missing)}, which "
        f"{'is' if len(missing) == 1 else 'are'} not installed: pip install {' '.join(install)}"
    )


def _of_store(text: str) -> str | None:
    """The package that speaks to the store of ``[SOURCE=]URL``; None where none is needed, or it is no address."""
    from wsla.sources.stores.location import KINDS

    name, _, address = text.partition("=")
    url = text if "://" in name or not address else address
    return _OF_STORES.get(KINDS.get(url.partition("://")[0], ""))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
