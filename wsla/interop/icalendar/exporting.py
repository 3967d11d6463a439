"""The schedules of an agreement as a calendar that says the same, and what calendars cannot say."""

from __future__ import annotations

from wsla.analysis.checked import CheckedAgreement
from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText, Span
from wsla.interop.formats import Exported, ExportedFile
from wsla.interop.icalendar.remembered import remembered
from wsla.interop.icalendar.schedules import entries_of, term_of
from wsla.interop.icalendar.writing import Entry, calendar_text
from wsla.interop.writing import cannot_be_said, identifier
from wsla.syntax import surface
from wsla.syntax.parse import parse


def export_schedules(agreement: CheckedAgreement, source: SourceText) -> Exported:
    """The file; none where the agreement has no schedule."""
    document, _ = parse(source)
    places = {
        one.name.text: one.name.span
        for item in document.items
        if isinstance(item, surface.Agreement) and item.title.value == agreement.title
        for one in item.declarations
        if isinstance(one, surface.Schedule)
    }
    found: list[Diagnostic] = []
    entries: list[Entry] = []
    term = term_of(agreement.schedules, agreement.zone, agreement.effective_start, agreement.effective_end)
    for schedule in agreement.schedules:
        place = places.get(schedule.name, Span(0, 0))

        def unsaid(what: str, place: Span = place) -> None:
            one = cannot_be_said(source, place, what, "iCalendar")
            if one not in found:
                found.append(one)

        about = remembered(source, schedule.name, place)
        made = list(entries_of(schedule, agreement.title, term, unsaid, about))
        if not made:
            unsaid(f"the schedule `{schedule.name}`, which has no time from {term.begin} on")
        entries += made
    if agreement.goals:
        start = places.get("", Span(0, min(len("agreement"), len(source.text))))
        found.append(cannot_be_said(source, start, "goals, and what else is no schedule", "iCalendar"))
    if not entries:
        return Exported(files=(), diagnostics=tuple(found))
    text = calendar_text(
        tuple(entries), name=agreement.title, zone=agreement.zone, stamped=agreement.effective_start
    )
    name = identifier(agreement.title).replace("_", "-").strip("-") or "calendar"
    return Exported(files=(ExportedFile(name=f"{name}.ics", text=text),), diagnostics=tuple(found))
