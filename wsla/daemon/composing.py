"""From what was decided to a message: reports are written and invitations drawn up when they are sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from email.utils import parseaddr
from typing import Any, Final, Literal

from attrs import field, frozen

from wsla.daemon.bindings import ChannelPlan
from wsla.interop.icalendar.meetings import MEDIA_TYPE, Meeting, Method, uid_of, write_calendar
from wsla.plan.model import Plan, RecurringKind
from wsla.ports import Attachment
from wsla.remedies.decisions import Intent
from wsla.remedies.identity import Said, said_of
from wsla.values.calendars import find_zone
from wsla.values.instants import Interval, format_instant, parse_instant

Report = Callable[[str, str, Interval, int], tuple[str, dict[str, Any]]]
"""The report of a store, a title, a period, with claims as at an instant: as text and as a value."""

CauseKind = Literal["goal", "rule", "report", "review"]
_REPORT: Final = RecurringKind.REPORT.value
_REVIEW: Final = RecurringKind.REVIEW.value


@frozen(kw_only=True)
class Composed:
    """The parts of a message that are not in the intent."""

    text: str
    documents: Mapping[str, object] = field(factory=dict)
    attachments: tuple[Attachment, ...] = ()


@frozen(kw_only=True)
class Composer:
    """Composes messages from what the store of ``store_url`` holds, where ``report`` writes reports."""

    store_url: str
    report: Report | None = None

    def needed_for(self, intent: Intent) -> bool:
        """True where there is more to a message than what was decided."""
        said = said_of(intent.id)
        return said is not None and said.kind in (_REPORT, _REVIEW)

    def compose(
        self, intent: Intent, plan: Plan, agreement: str, channel: ChannelPlan, page: str | None
    ) -> Composed:
        """The message to one channel; it may take a while. Raises StoreError, and ValueError where there is nothing."""
        said = said_of(intent.id)
        if said is not None and said.kind == _REVIEW:
            return _meeting(intent, plan, said, channel, page)
        if said is None or self.report is None or intent.window is None:
            return Composed(text=intent.text)
        text, value = self.report(self.store_url, agreement, intent.window, intent.at)
        content = json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8")
        name = f"report-{format_instant(intent.window.start, find_zone(plan.zone))[:10]}.json"
        return Composed(
            text=text,
            documents={"report": value},
            attachments=(Attachment(name=name, media_type="application/json", content=content),),
        )


def cause_of(intent: Intent, plan: Plan) -> CauseKind:
    """What kind of thing led to an intent."""
    said = said_of(intent.id)
    match said.kind if said is not None else None:
        case "report":
            return "report"
        case "review":
            return "review"
    return "rule" if any(rule.name == intent.cause for rule in plan.rules) else "goal"


def _meeting(intent: Intent, plan: Plan, said: Said, channel: ChannelPlan, page: str | None) -> Composed:
    assert intent.window is not None
    word, _, number = said.step.partition(" ")
    method = Method.CANCEL if word == "cancellation" else Method.REQUEST
    zone = find_zone(plan.zone)
    uid = uid_of(said.title, said.cause, str(parse_instant(said.start)))
    sender = parseaddr(str(dict(channel.options).get("sender", "")))[1]
    meeting = Meeting(
        uid=uid,
        sequence=int(number),
        start=intent.window.start,
        end=intent.window.end,
        zone=plan.zone,
        summary=intent.subject,
        description=intent.text,
        said_at=intent.at,
        url=page,
        organizer=sender or None,
        attendees=(parseaddr(channel.address)[1],) if sender else (),
    )
    document = {
        "uid": uid,
        "method": method.value,
        "sequence": meeting.sequence,
        "start": format_instant(meeting.start, zone),
        "end": format_instant(meeting.end, zone),
        "title": meeting.summary,
    }
    attachments: tuple[Attachment, ...] = ()
    if channel.kind == "email":
        content = write_calendar((meeting,), method)
        media_type = f"{MEDIA_TYPE}; method={method.value}"
        attachments = (Attachment(name="meeting.ics", media_type=media_type, content=content),)
    return Composed(text=intent.text, documents={"meeting": document}, attachments=attachments)
