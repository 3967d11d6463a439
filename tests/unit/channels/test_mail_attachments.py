"""What goes with a mail: files, and invitations where programs of calendars look for them."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default
from typing import Any

from wsla.channels.mail import MailChannel, MailServer
from wsla.ports import Attachment, Delivery

CALENDAR = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:Überprüfung\r\nEND:VCALENDAR\r\n".encode()


def composed(*attachments: Attachment, **more: Any) -> Any:
    server = MailServer(host="mail.example", sender="SLA <sla@example.com>")

    class Clock:
        def now(self) -> int:
            return 1_780_000_000 * 10**9

    channel = MailChannel("it@shop.example", server, clock=Clock())  # type: ignore[arg-type]
    delivery = Delivery(
        key="k", subject="s", text="Text, größer", payload={}, attachments=attachments, **more
    )
    content = channel._compose(delivery).as_bytes()
    assert content.isascii()
    return message_from_bytes(content, policy=default)


def test_a_file_goes_with_the_text() -> None:
    found = composed(
        Attachment(name="report-2026-03.json", media_type="application/json", content=b'{"a": 1}')
    )
    (file,) = found.iter_attachments()
    assert (file.get_filename(), file.get_content_type(), file.get_content()) == (
        "report-2026-03.json",
        "application/json",
        b'{"a": 1}',
    )
    assert found.get_body(("plain",)).get_content().strip() == "Text, größer"


def test_an_invitation_stands_beside_the_text_and_is_a_file_too() -> None:
    found = composed(
        Attachment(name="meeting.ics", media_type="text/calendar; method=REQUEST", content=CALENDAR)
    )
    parts = {part.get_content_type(): part for part in found.walk() if not part.is_multipart()}
    assert list(parts) == ["text/plain", "text/calendar", "application/ics"]
    assert parts["text/calendar"].get_param("method") == "REQUEST"
    assert "SUMMARY:Überprüfung" in parts["text/calendar"].get_content()
    assert parts["application/ics"].get_content() == CALENDAR
    assert parts["application/ics"].get_filename() == "meeting.ics"
    kinds = [part.get_content_type() for part in found.walk() if part.is_multipart()]
    assert kinds == ["multipart/mixed", "multipart/alternative"]


def test_addresses_stand_below_the_text() -> None:
    found = composed(
        page_url="https://sla.example/agreements/X", acknowledge_url="https://sla.example/acknowledge/t"
    )
    assert found.get_content().splitlines() == [
        "Text, größer",
        "",
        "Acknowledge: https://sla.example/acknowledge/t",
        "More: https://sla.example/agreements/X",
    ]
    alone = composed(page_url="https://sla.example/agreements/X")
    assert alone.get_content().splitlines()[1:] == ["", "More: https://sla.example/agreements/X"]
