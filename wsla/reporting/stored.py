"""Agreements as a store holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from wsla.api import Agreement
    from wsla.store.records import AgreementVersion
    from wsla.store.sqlite import Store

EARLIEST: Final = -(2**63)
LATEST: Final = 2**63 - 1


def in_force(version: AgreementVersion) -> Agreement | None:
    """The agreement as it was stored; None where this wsla no longer accepts its text."""
    from wsla.daemon.reigns import parsed

    return parsed(version)


def beside(store: Store, key: str) -> tuple[Agreement, ...]:
    """The versions of an agreement that run, the oldest first, each bounded by the next one; those whose text this wsla
    no longer accepts are left out. Raises StoreError."""
    from wsla.daemon.reigns import latest

    found = latest(store.agreement_history(key))
    return tuple(one.agreement for one in found if one.agreement is not None)


def in_force_at(store: Store, key: str, at: int) -> Agreement | None:
    """The version of an agreement that is in force at an instant (nanoseconds), the oldest that runs before all of
    them; None where this wsla no longer accepts any of their texts. Raises StoreError."""
    versions = beside(store, key)
    begun = [one for one in versions if one.plan.effective_start <= at]
    return (begun[-1] if begun else versions[0]) if versions else None
