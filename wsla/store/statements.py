"""What the store's parts need of a database: statements run, their rows, transactions. SQLite and PostgreSQL give it.

Statements are written once, in what both understand: ``?`` stands for the next value, ``?2`` for the second one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Cursor(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    def fetchone(self) -> Any:
        """The next row; None where there is none."""
        ...

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A database within a transaction."""

    def execute(self, statement: str, values: Sequence[object] = (), /) -> Cursor:
        """Runs a statement."""
        ...

    def executemany(self, statement: str, rows: Iterable[Sequence[object]], /) -> Cursor:
        """Runs a statement once with each of the rows."""
        ...


class Session(Protocol):
    """What a store reads and writes through: see ``wsla.store.session``."""

    @property
    def path(self) -> str:
        """Where the store is, in words for people: no password is in it."""
        ...

    @property
    def url(self) -> str:
        """What opens the store once more. May hold a password."""
        ...

    def transaction(self) -> AbstractContextManager[Connection]:
        """All of what is done inside is committed at the end, or nothing where anything fails."""
        ...

    def settle(self) -> bool:
        """True where the latest transaction, of which it was not known whether it was stored, was stored after all."""
        ...

    def read(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """All rows of a query."""
        ...

    def at_once(self) -> AbstractContextManager[None]:
        """What is read inside is read as of one moment, whatever others write meanwhile."""
        ...

    def changes_beside(self) -> int:
        """A number that is another one as soon as somebody else has written."""
        ...

    def check_identity(self) -> None:
        """Raises StoreReplaced where the store is no longer the one that was opened."""
        ...

    def close(self) -> None:
        """Let it go. May be called twice."""
        ...
