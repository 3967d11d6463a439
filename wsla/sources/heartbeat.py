"""What a source of kind heartbeat is: beats that come, beats that do not, and the words for both."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from wsla.values.observations import Observation

KIND: Final = "heartbeat"
FIELDS: Final = ("ok", "gap")
MISSING: Final = "beat-missing"
REPORTED: Final = "beat-failed"
MISSED: Final = "observer-missed"


@frozen(kw_only=True)
class HeartbeatTarget:
    """A source whose beats are waited for. ``timeout`` is how much later than ``every`` a beat may come, in
    nanoseconds."""

    source: str
    timeout: int
    host: str = ""
    fields: tuple[str, ...] = FIELDS
    shown: str = "beats that are sent over HTTP"


def beat(source: str, at: int, gap: int | None, *, good: bool) -> Observation:
    """A beat that came; ``gap`` is the time since the one before."""
    if good:
        return Observation(source=source, at=at, fields={"ok": True, "gap": gap})
    reason = "the sender says that it failed"
    return Observation(
        source=source, at=at, fields={"ok": False, "gap": gap}, reason=reason, failure=REPORTED
    )


def missing(source: str, at: int, gap: int | None) -> Observation:
    """A beat that should have come by ``at``; ``gap`` is the time since the last one."""
    fields = {"ok": False, "gap": gap}
    return Observation(source=source, at=at, fields=fields, reason="no beat came in time", failure=MISSING)


def not_heard(source: str, at: int) -> Observation:
    """Nobody was there to hear a beat."""
    reason = "the observer was stopped or overloaded when the beat was due"
    return Observation(source=source, at=at, fields=dict.fromkeys(FIELDS), reason=reason, failure=MISSED)
