"""PostgreSQL's errors as the store's own, without a password in any of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from wsla.store.errors import StoreBroken, StoreBusy, StoreCorrupt, StoreError, StoreFull

if TYPE_CHECKING:
    import psycopg

_FULL: Final = frozenset({"53100", "53200"})
_CROWDED: Final = "53300"
_BUSY: Final = frozenset({"55P03", "40001", "40P01"})
_ENDING: Final = frozenset({"57P01", "57P02", "57P03", "25P03"})
_DAMAGED: Final = frozenset({"XX001", "XX002"})
_FORBIDDEN: Final = frozenset({"42501", "25006"})


def from_postgres(error: psycopg.Error, shown: str, secrets: Collection[str] = ()) -> StoreError:
    """The store's own error. ``shown`` names the store; none of the ``secrets`` is repeated."""
    code = error.sqlstate or ""
    words = _words(error, secrets)
    if code in _FULL:
        return StoreFull(
            f"There is no room left for the store {shown} ({words}). Nothing that it holds was lost."
        )
    if code in _BUSY:
        return StoreBusy(f"Another process holds the store {shown} locked.")
    if code == _CROWDED:
        return StoreBusy(f"The server of the store {shown} takes no more connections.")
    if code in _DAMAGED:
        return StoreCorrupt(
            f"The store {shown} is damaged ({words}). Nothing was changed. Go on from a backup of the database."
        )
    if code in _FORBIDDEN:
        return StoreBroken(f"The store {shown} cannot be written: {words}.")
    if code in _ENDING:
        return StoreBroken(f"The server of the store {shown} ended the connection: {words}.")
    if is_lost(error):
        return StoreBroken(f"The store {shown} cannot be reached: {words}.")
    return StoreBroken(f"The store {shown} cannot be read or written: {words}.")


def is_lost(error: psycopg.Error) -> bool:
    """True where an error means that there is no connection, or none any more."""
    import psycopg

    code = error.sqlstate
    if code is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return code in _ENDING or code.startswith("08")


def _words(error: psycopg.Error, secrets: Collection[str]) -> str:
    said = error.diag.message_primary or str(error) or type(error).__name__
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    # libpq tells what became of each address that a name has: the last says enough.
    text = lines[0] if error.diag.message_primary else lines[-1] if len(lines) == 1 else "; ".join(lines[:2])
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text.rstrip(".")
