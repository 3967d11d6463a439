"""iCalendar (RFC 5545): events become schedules, and schedules events."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsla.analysis.checked import CheckedAgreement
    from wsla.diagnostics.source import SourceText
    from wsla.interop.formats import Exported, Imported


def recognised(source: SourceText) -> bool:
    """True where the text begins as calendars do."""
    return source.text[:1000].lstrip("\ufeff \n\t").upper().startswith("BEGIN:VCALENDAR")


def import_text(source: SourceText) -> Imported:
    """An agreement with the schedules that a calendar's events make, and what is wrong with them."""
    from wsla.interop.icalendar.importing import import_file

    return import_file(source)


def export_agreement(agreement: CheckedAgreement, source: SourceText) -> Exported:
    """A calendar with the schedules of an agreement."""
    from wsla.interop.icalendar.exporting import export_schedules

    return export_schedules(agreement, source)
