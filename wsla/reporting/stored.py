"""Agreements as a store holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from wsla.api import Agreement
    from wsla.store.records import AgreementVersion

EARLIEST: Final = -(2**63)
LATEST: Final = 2**63 - 1


def in_force(version: AgreementVersion) -> Agreement | None:
    """The agreement as it was stored; None where this wsla no longer accepts its text."""
    from wsla.api import AgreementError
    from wsla.daemon.agreements import alone, read_all
    from wsla.diagnostics.source import SourceText

    try:
        agreements = read_all(SourceText(name=version.title, text=version.text))
    except AgreementError:
        return None
    return next((alone(agreement) for agreement in agreements if agreement.title == version.title), None)
