"""What the verbs that read the store share: opening it, finding agreements in it, and stretches of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from wsla.reporting import verdicts
from wsla.values.instants import Interval

if TYPE_CHECKING:
    from wsla.store.records import AgreementVersion
    from wsla.store.sqlite import Store

DEFAULT_STORE = "sqlite:///wsla.db"


def store_option() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option ``--store``."""
    return click.option(
        "--store",
        "store_url",
        default=DEFAULT_STORE,
        show_default=True,
        metavar="URL",
        help="The store that `wsla run` keeps.",
    )


@contextmanager
def reading(url: str) -> Iterator[Store]:
    """The store for reading, also while a daemon writes it; what goes wrong becomes a message and exit code 1."""
    from wsla.store.errors import StoreError
    from wsla.store.sqlite import Store

    try:
        with Store.open(url, writer=False) as store:
            yield store
    except StoreError as problem:
        raise click.ClickException(str(problem)) from None


def find_stored(store: Store, title: str) -> AgreementVersion:
    """The version in force of the agreement of that title; otherwise a message and exit code 1."""
    known = store.agreements()
    for version in known:
        if title in (version.title, version.key):
            return version
    from difflib import get_close_matches

    near = get_close_matches(title, [version.title for version in known], n=1)
    if near:
        more = f" Did you mean “{near[0]}”?"
    elif known:
        more = f" It holds {', '.join(f'“{version.title}”' for version in known)}."
    else:
        more = " It holds none yet."
    raise click.ClickException(f"The store {store.path} holds no agreement “{title}”.{more}")


def parse_window(text: str, zone: str) -> Interval:
    """``2026-03``, ``2026-Q1``, ``2026-03-04``, or ``TIME..TIME``; otherwise a message and exit code 1."""
    try:
        return verdicts.parse_window(text, zone)
    except ValueError as problem:
        raise click.ClickException(f"--window {text}: {problem}") from None
