"""What `wsla outbox`, `wsla ack` and `wsla silence` share: names of messages, who acts, and the store to write in."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from wsla.reporting.money import digits_of

if TYPE_CHECKING:
    from wsla.store.records import OutboxItem
    from wsla.store.sqlite import Store

_SHORTEST: Final = 4
_SHOWN: Final = 8


@contextmanager
def writing_beside(url: str) -> Iterator[Store]:
    """The store, also while a daemon writes it; what goes wrong becomes a message and exit code 1."""
    from wsla.store.errors import StoreError
    from wsla.store.sqlite import Store

    try:
        with Store.open(url, writer=False, beside=True) as store:
            yield store
    except StoreError as problem:
        raise click.ClickException(str(problem)) from None


def now() -> int:
    """The instant of this moment."""
    return time.time_ns()


def name_of(item: OutboxItem) -> str:
    """Eight digits that stand for a message to one target on the command line."""
    return _digits(item)[:_SHOWN]


def login_name() -> str:
    """Who is logged in, where nobody says who acts."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise click.UsageError("--by is needed here: this machine does not say who you are") from None


def find_messages(items: Iterable[OutboxItem], wanted: str) -> list[OutboxItem]:
    """The message of a name, or of an intent's whole identity to all of its targets; otherwise a message and exit
    code 1."""
    known = list(items)
    if exact := [item for item in known if item.intent.id == wanted]:
        return exact
    digits = wanted.lower()
    near = [item for item in known if len(digits) >= _SHORTEST and _digits(item).startswith(digits)]
    if len(near) == 1:
        return near
    if near:
        names = ", ".join(_digits(item)[: len(digits) + 4] for item in near)
        raise click.ClickException(f"{wanted} stands for several messages: {names}; write more digits of it")
    raise click.ClickException(f"there is no such message: {wanted}; `wsla outbox` shows their names")


def _digits(item: OutboxItem) -> str:
    return digits_of(f"{item.intent.id}\n{item.target}")
