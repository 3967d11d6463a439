"""What changed in what a service stands on."""

from __future__ import annotations

from wsla.analysis.services import Assumption, need_text
from wsla.comparing.changes import Change
from wsla.plan.model import Service
from wsla.values.calendars import CalendarWindow
from wsla.values.instants import format_length
from wsla.values.quantities import format_percentage


def standing_changes(old: Service, new: Service) -> list[Change]:
    """At most one change, of a service that both versions have."""
    if (old.needs, old.origin, old.assumed) == (new.needs, new.origin, new.assumed):
        return []
    before, after = _standing(old), _standing(new)
    text = f"the service {new.name} {after}; before, it {before}"
    return [Change(kind="service", name=new.name, text=text, before=before, after=after)]


def _standing(service: Service) -> str:
    if service.needs is not None:
        return f"needs {need_text(service.needs)}"
    if service.origin is not None:
        return f"comes from “{service.origin.title}”, {service.origin.service}"
    if service.assumed is not None:
        return f"is assumed to be {_assumed(service.assumed)}"
    return "stands on nothing"


def _assumed(assumed: Assumption) -> str:
    window = assumed.window
    period = window.unit.value if isinstance(window, CalendarWindow) else format_length(window.length_ns)
    return f"available {format_percentage(assumed.share)} of each {period}"
