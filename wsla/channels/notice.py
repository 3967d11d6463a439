"""The JSON form of a message, ``wsla.notice/1``, the same for every channel that speaks to programs."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import Any, Final

from wsla.ports import Delivery

SCHEMA: Final = "wsla.notice/1"

# JSON escapes the first 32 control characters by itself; these others can move a terminal's cursor or end a
# line.
_UNSAFE: Final = re.compile("[\x7f-\x9f\u2028\u2029]")


class NoticeError(ValueError):
    """A message that JSON cannot hold."""


def notice_document(delivery: Delivery) -> dict[str, object]:
    """The members of a notice; see ``docs/reference/channels.md``."""
    document: dict[str, object] = {
        "schema": SCHEMA,
        "id": delivery.key,
        "attempt": delivery.attempt,
        "subject": delivery.subject,
        "text": delivery.text,
        "cause": dict(delivery.payload),
    }
    if delivery.page_url is not None:
        document["page_url"] = delivery.page_url
    if delivery.acknowledge_url is not None:
        document["acknowledge_url"] = delivery.acknowledge_url
    document.update(delivery.documents)
    return document


def text_with_links(delivery: Delivery) -> str:
    """The text for people, with the addresses that belong to it below."""
    lines = [delivery.text]
    if delivery.acknowledge_url is not None:
        lines.append(f"\nAcknowledge: {delivery.acknowledge_url}")
    if delivery.page_url is not None:
        lines.append(f"{'' if delivery.acknowledge_url else chr(10)}More: {delivery.page_url}")
    return "\n".join(lines)


@cache
def notice_schema() -> dict[str, Any]:
    """What a notice is, as JSON Schema; it is shipped with the program and served by the daemon."""
    text = resources.files("wsla.channels").joinpath("notice-1.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def encode_canonical(document: object) -> bytes:
    """The one UTF-8 spelling of a document: sorted members, no spaces, no line ends.

    Raises NoticeError for a value that JSON has no word for, such as a decimal or a number that is not
    finite.
    """
    try:
        text = json.dumps(
            document, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise NoticeError("the message cannot be written as JSON") from error
    escaped = _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    # Half a surrogate pair has no UTF-8 form; its backslash escape happens to be JSON's escape too.
    return escaped.encode("utf-8", errors="backslashreplace")
