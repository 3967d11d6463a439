"""What the comments above a schedule remember of the calendar that it came from."""

from __future__ import annotations

from attrs import frozen

from wsla.diagnostics.source import SourceText, Span
from wsla.interop.writing import identifier, kept_in


@frozen(kw_only=True)
class Remembered:
    """The title that the schedule's events had, their description and location; empty where nothing is known."""

    title: str = ""
    description: str = ""
    location: str = ""


def remembered(source: SourceText, name: str, place: Span) -> Remembered:
    """What stands in the comments above the schedule whose name is at a place."""
    line, _ = source.position(place.start)
    above = source.text.split("\n")[: line - 1]
    found: dict[str, str] = {}
    title = ""
    while above and (comment := above.pop().strip()).startswith("#"):
        said = kept_in(comment, "icalendar")
        if said is not None:
            key, _, value = said.partition(": ")
            found[key] = value
        elif not title and identifier(comment[1:].strip()) == name.removesuffix("_"):
            title = comment[1:].strip()
    return Remembered(
        title=title, description=found.get("DESCRIPTION", ""), location=found.get("LOCATION", "")
    )
