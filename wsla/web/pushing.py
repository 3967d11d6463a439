"""Observations that others send: read within bounds, given to the daemon, answered when they are on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from wsla.analysis.checked import Source
from wsla.daemon.bindings import PUSHED
from wsla.daemon.http_config import Http
from wsla.daemon.pushing import Crowded, NotPushed, Taken
from wsla.plan.model import Plan
from wsla.sources.heartbeat import KIND as HEARTBEAT
from wsla.sources.pushed import Pushed, TooManyRows, Unreadable, read_pushed
from wsla.store.records import Observed
from wsla.values.calendars import find_zone
from wsla.values.instants import format_instant
from wsla.web.refusals import Refused
from wsla.web.view import Sight

REASONS: Final = 100
"""Refused rows that an answer shows."""
KNOWN: Final = "Wsla-Known"
"""The header that says how many of the accepted rows were stored before."""
_JSON: Final = "application/json"
_LINES: Final = frozenset({"application/x-ndjson", "application/jsonl", "application/x-jsonlines"})
_READ_WITHIN: Final = 60.0
_ANSWER_WITHIN: Final = 30.0
_BODIES_AT_ONCE: Final = 4
_AGAIN_AFTER: Final = {"Retry-After": "2"}

Answer = TypeVar("Answer")


class Pushes:
    """Takes what is sent. ``settings`` bound a body; a few of the largest may be in memory at once."""

    def __init__(self, view: Sight, settings: Http) -> None:
        self._view: Final = view
        self._settings: Final = settings
        self._in_memory = 0

    async def take(self, request: Request, title: str, plan: Plan, name: str) -> tuple[dict[str, Any], int]:
        """The answer, and how many of the accepted rows were known. Raises Refused and StoreError."""
        source = next((one for one in plan.sources if one.name == name and one.kind == PUSHED), None)
        if source is None:
            raise Refused(404, f"The agreement has no source “{name}” of kind push.")
        lines = _is_lines(request)
        async with self.body_of(request) as body:
            received_at = self._view.now()
            found = await run_in_threadpool(_parsed, plan, source, bytes(body), received_at, lines)
        sent = [Observed(title, one, received_at, stream, row) for stream, row, one in found.rows]
        taken = await self.taken(title, name, sent)
        return _answer(source, found, taken), taken.known

    @asynccontextmanager
    async def body_of(self, request: Request) -> AsyncIterator[bytearray]:
        """The body of a request, counted as long as it is held. Raises Refused."""
        body = bytearray()
        try:
            await self._read(request, body)
            yield body
        finally:
            self._in_memory -= len(body)

    async def _read(self, request: Request, body: bytearray) -> None:
        largest = self._settings.largest_push
        # Whoever still sends the rest is to stop.
        too_large = Refused(
            413,
            f"There is more than {largest} bytes: send less at once, in several requests.",
            {"Connection": "close"},
        )
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or len(length) > 15 or int(length) > largest:
            raise too_large
        try:
            async with asyncio.timeout(_READ_WITHIN):
                async for piece in request.stream():
                    if len(body) + len(piece) > largest:
                        raise too_large
                    if self._in_memory + len(piece) > _BODIES_AT_ONCE * largest:
                        raise Refused(503, "Too much is being sent at once.", _AGAIN_AFTER)
                    body += piece
                    self._in_memory += len(piece)
        except TimeoutError:
            raise Refused(408, "The rest of it did not come in time.") from None
        except ClientDisconnect:
            raise Refused(400, "It ended in the middle.") from None

    async def beat(self, request: Request, title: str, plan: Plan, name: str) -> dict[str, Any]:
        """The answer to a beat. Raises Refused and StoreError."""
        refuse_pages(request)
        source = next((one for one in plan.sources if one.name == name and one.kind == HEARTBEAT), None)
        if source is None:
            raise Refused(404, f"The agreement has no source “{name}” of kind heartbeat.")
        said = request.query_params.get("ok", "true")
        if said not in ("true", "false"):
            raise Refused(400, "ok: this is true or false")
        found = await _within(self._view.beat(title, name, good=said == "true"), name)
        zone = find_zone(plan.zone)
        return {
            "source": name,
            "at": format_instant(found.at, zone),
            "next_due": format_instant(found.next_due, zone),
        }

    async def taken(self, title: str, source: str, sent: list[Observed]) -> Taken:
        """What became of observations, once they are on the disk. Raises Refused and StoreError."""
        if not sent:
            return Taken(accepted=0, late=0, known=0, refused=())
        return await _within(self._view.push(title, source, sent), source)


async def _within(given: Future[Answer], source: str) -> Answer:
    """What the daemon answers. Raises Refused where it takes too long."""
    # Whoever waits may give up; what was given is stored all the same, and known when it is sent again.
    future = asyncio.wrap_future(given)
    try:
        return await asyncio.wait_for(asyncio.shield(future), _ANSWER_WITHIN)
    except TimeoutError:
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        raise Refused(503, "It could not be stored in time; send it again.", _AGAIN_AFTER) from None
    except asyncio.CancelledError:
        raise Refused(503, "The daemon ends.", _AGAIN_AFTER) from None
    except Crowded as problem:
        raise Refused(503, str(problem), _AGAIN_AFTER) from None
    except NotPushed:
        raise Refused(404, f"The agreement takes nothing for a source “{source}”.") from None


def refuse_pages(request: Request) -> None:
    """Browsers say what is behind a request; no page of theirs has any business here. Raises Refused."""
    if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") != "none":
        raise Refused(403, "Pages of browsers send no observations.")


def _is_lines(request: Request) -> bool:
    """True for JSON lines. Raises Refused for what no program of this kind would send."""
    refuse_pages(request)
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused(415, "It is not to be packed: leave Content-Encoding out.")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _JSON and kind not in _LINES:
        raise Refused(415, f"Content-Type is {_JSON}, or application/x-ndjson for an object a line.")
    return kind in _LINES


def _parsed(plan: Plan, source: Source, body: bytes, received_at: int, lines: bool) -> Pushed:
    zone = find_zone(plan.zone) if source.options.get("times") == "local" else None
    try:
        return read_pushed(source, body, zone, received_at, lines=lines)
    except TooManyRows as problem:
        raise Refused(413, sentence(problem)) from None
    except Unreadable as problem:
        raise Refused(400, sentence(problem)) from None


def _answer(source: Source, found: Pushed, taken: Taken) -> dict[str, Any]:
    refused = [(one.line, one.reason) for one in found.refused]
    refused += [(found.numbers[position], reason) for position, reason in taken.refused]
    return {
        "source": source.name,
        "accepted": taken.accepted + found.repeated,
        "late": taken.late,
        "refused": len(refused),
        "reasons": [{"row": line, "reason": reason} for line, reason in sorted(refused)[:REASONS]],
    }


def sentence(problem: Exception) -> str:
    """What an exception says, as a sentence."""
    text = str(problem)
    return f"{text[:1].upper()}{text[1:]}."
