"""``POST /v1/metrics``: what OpenTelemetry sends, given to every push source that asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from wsla.daemon.bindings import PUSHED
from wsla.daemon.http_config import Token
from wsla.plan.model import Plan
from wsla.sources.otlp import Rows, failure, points_of, read_request, response, rows_for, unpacked
from wsla.sources.pushed import Pushed, TooManyRows, Unreadable, read_rows
from wsla.store.records import Observed
from wsla.values.calendars import find_zone
from wsla.web.access import may_see
from wsla.web.pushing import Pushes, refuse_pages, sentence
from wsla.web.refusals import Refused
from wsla.web.view import Sight

PATH: Final = "/v1/metrics"
_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
_REASONS: Final = 5
_AGAIN: Final = frozenset({408, 503})
_NOT_INSTALLED: Final = "This takes no metrics of OpenTelemetry: pip install 'wsla[otlp]'."
_NOBODY: Final = "No source of kind push takes any of these metrics."


@frozen
class _Share:
    """What one source takes of a request."""

    title: str
    rows: Rows
    pushed: Pushed


class Telemetry:
    """Takes metrics. ``largest`` bounds a body, packed and unpacked."""

    def __init__(self, view: Sight, pushes: Pushes, largest: int) -> None:
        self._view: Final = view
        self._pushes: Final = pushes
        self._largest: Final = largest

    async def take(self, request: Request, token: Token) -> Response:
        """The answer, once everything that is not rejected is on the disk. Raises Refused and StoreError."""
        refuse_pages(request)
        json = _is_json(request)
        packed = _is_packed(request)
        plans = {title: plan for title, plan in self._view.titles().items() if may_see(token, title, plan)}
        async with self._pushes.body_of(request) as body:
            received_at = self._view.now()
            shares = await run_in_threadpool(
                self._shares, bytes(body), plans, received_at, json=json, packed=packed
            )
        rejected, reasons = 0, list[str]()
        sent = [
            [Observed(one.title, x, received_at, stream, row) for stream, row, x in one.pushed.rows]
            for one in shares
        ]
        taken = await asyncio.gather(
            *(
                self._pushes.taken(one.title, one.rows.source.name, given)
                for one, given in zip(shares, sent, strict=True)
            )
        )
        for one, found in zip(shares, taken, strict=True):
            where = f"{one.rows.source.name} of “{one.title}”"
            refused = [(x.line, x.reason) for x in one.pushed.refused]
            refused += [(one.pushed.numbers[position], reason) for position, reason in found.refused]
            # What was zero at its beginning counts as no data point.
            lost = sum(one.rows.points[number - 1] for number, _ in refused) + len(one.rows.unfit)
            rejected += lost
            reasons += [f"{where}: {reason}" for reason in one.rows.unfit]
            reasons += [f"{where}: {reason}" for _, reason in refused]
        told = list(dict.fromkeys(reasons))
        message = "; ".join(told[:_REASONS]) + (
            f"; and {len(told) - _REASONS} more" if told[_REASONS:] else ""
        )
        if not shares:
            message = _NOBODY
        return Response(response(rejected, message, json=json), media_type=_JSON if json else _PROTOBUF)

    def _shares(
        self, body: bytes, plans: Mapping[str, Plan], received_at: int, *, json: bool, packed: bool
    ) -> Sequence[_Share]:
        try:
            asked = read_request(unpacked(body, self._largest) if packed else body, json=json)
            points = points_of(asked)
        except TooManyRows as problem:
            raise Refused(413, sentence(problem)) from None
        except Unreadable as problem:
            raise Refused(400, sentence(problem)) from None
        except ImportError:
            raise Refused(501, _NOT_INSTALLED) from None
        shares = []
        for title, plan in plans.items():
            for source in plan.sources:
                if source.kind != PUSHED:
                    continue
                found = rows_for(source, points, received_at - plan.grace)
                if found is not None:
                    zone = find_zone(plan.zone)
                    shares.append(_Share(title, found, read_rows(source, found.rows, zone, received_at)))
        return shares


def refused(request: Request, status: int, reason: str, headers: Mapping[str, str]) -> Response:
    """Why nothing was taken, in the form that was asked in; what may be sent again has a status that says so."""
    status = 503 if status in _AGAIN else status
    if request.headers.get("content-type", "").startswith(_JSON):
        from json import dumps

        return Response(dumps({"message": reason}), status, dict(headers), _JSON)
    return Response(failure(reason), status, dict(headers), _PROTOBUF)


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (_JSON, _PROTOBUF):
        raise Refused(415, f"Content-Type is {_PROTOBUF} or {_JSON}.")
    return kind == _JSON


def _is_packed(request: Request) -> bool:
    packing = request.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("identity", "gzip"):
        raise Refused(415, "Content-Encoding is gzip, or left out.")
    return packing == "gzip"
