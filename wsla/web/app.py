"""The web application: which path is answered by what, and what every answer has in common."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from attrs import frozen
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from wsla.channels.notice import notice_schema
from wsla.daemon.http_config import Http, Token
from wsla.daemon.status import Status, Turn
from wsla.plan.model import Plan
from wsla.store.errors import StoreError
from wsla.values.instants import SECOND, format_instant
from wsla.web import answers, handling, pages
from wsla.web.access import FAILURES, Allowance, find_token, may_see, origin
from wsla.web.guard import WITH_FORM, Guard
from wsla.web.metrics import MOST_AGREEMENTS, exposition
from wsla.web.openapi import API, document
from wsla.web.otlp import PATH as OTLP
from wsla.web.otlp import Telemetry, refused
from wsla.web.pushing import KNOWN, Pushes
from wsla.web.refusals import Refused
from wsla.web.view import NotAnswering, Seen, Sight

_log = logging.getLogger(__name__)

ROLES: Final = ("judge", "standby")
ANSWERS_AT_ONCE: Final = 4
"""More threads at work at once would get no more done, and each takes its share of time from looks and judges."""
ME: Final = "Wsla-Daemon"
JUDGE: Final = "Wsla-Judge"
_UNAUTHORIZED: Final = {"WWW-Authenticate": 'Basic realm="wsla", charset="UTF-8"'}


@frozen
class Asked:
    """A request whose sender is known: what is asked about, and whose token it came with."""

    request: Request
    token: Token
    view: Sight

    def query(self, name: str) -> str | None:
        """A parameter of the query; None where it is not given."""
        return self.request.query_params.get(name)

    @property
    def after(self) -> int:
        """How many values were seen already. Raises Refused."""
        text = self.query("after") or "0"
        if not (text.isascii() and text.isdigit()) or len(text) > 12:
            raise Refused(400, "after: this is the number that the answer before gave as `next`")
        return int(text)

    @property
    def answered_by(self) -> str:
        """What a page says of the daemon that answers, where that is not the one that judges; its name and that of the
        other are for those who may see daemons."""
        turn = self.view.turn
        if turn.role == "judge":
            return ""
        if "operate" not in self.token.scopes:
            return "from a daemon that stands by"
        return f"from {turn.me}, which stands by; " + (
            "nobody judges at the moment" if turn.judge is None else f"{turn.judge} judges"
        )

    def seen(self) -> Seen:
        """The agreement of the path. Raises Refused, in the same words for one that is another party's."""
        title = self.request.path_params["title"]
        found = self.view.agreement(title)
        if found is None or not may_see(self.token, title, found.plan):
            raise _no_agreement(title)
        return found

    def all_seen(self, most: int | None = None) -> list[Seen]:
        """Every agreement that the token may see, by title; ``most`` of them."""
        titles = [title for title, plan in self.view.titles().items() if may_see(self.token, title, plan)]
        return [seen for title in sorted(titles)[:most] if (seen := self.view.agreement(title)) is not None]


def build_app(view: Sight, settings: Http, failures: Allowance | None = None) -> Starlette:
    """The application. ``view`` is asked in threads of their own, so that no answer holds up another.

    ``failures`` counts wrong tokens on where the application takes another's place.
    """
    requests = Allowance(settings.requests_per_minute, time.monotonic_ns)
    if failures is None:
        failures = Allowance(FAILURES, time.monotonic_ns)
    heavy: list[CapacityLimiter] = []

    def route(path: str, scope: str | None, answer: Callable[[Asked], Response]) -> Route:
        async def endpoint(request: Request) -> Response:
            if scope is None:
                return await run_in_threadpool(_answered, request, scope, answer)
            # The limiter belongs to the loop that it is made in.
            heavy[:] = heavy or [CapacityLimiter(ANSWERS_AT_ONCE)]
            return await run_sync(partial(_answered, request, scope, answer), limiter=heavy[0])

        return Route(path, endpoint, methods=["GET"])

    def _answered(request: Request, scope: str | None, answer: Callable[[Asked], Response]) -> Response:
        address = _address(request)
        try:
            _within(requests, address)
            token = _admitted(request, scope, address)
            response = answer(Asked(request, token, view))
            if "operate" in token.scopes:
                _name(response, view.turn)
            return response
        except Exception as error:
            return _failed(request, error)

    pushes = Pushes(view, settings)

    async def push(request: Request) -> Response:
        try:
            title, plan = await run_in_threadpool(_sent_to, request)
            value, known = await pushes.take(request, title, plan, request.path_params["source"])
            return JSONResponse(value, headers={KNOWN: str(known)})
        except Exception as error:
            return _failed(request, error)

    async def beat(request: Request) -> Response:
        try:
            title, plan = await run_in_threadpool(_sent_to, request)
            return JSONResponse(await pushes.beat(request, title, plan, request.path_params["source"]))
        except Exception as error:
            return _failed(request, error)

    telemetry = Telemetry(view, pushes, settings.largest_push)

    async def metrics(request: Request) -> Response:
        try:
            return await telemetry.take(request, await run_in_threadpool(_sender, request, "push"))
        except Exception as error:
            failed = _failed(request, error)
            reason = error.reason if isinstance(error, Refused) else "This could not be stored."
            return refused(request, failed.status_code, reason, getattr(error, "headers", {}))

    def _sender(request: Request, scope: str) -> Token:
        address = _address(request)
        _within(requests, address)
        authorization = request.headers.get("authorization", "")
        if settings.tokens and not authorization.lower().startswith("bearer "):
            # What browsers know of an address they send along with whatever a page asks them to send.
            raise Refused(
                401, "A token is needed, as Authorization: Bearer TOKEN.", {"WWW-Authenticate": "Bearer"}
            )
        return _admitted(request, scope, address)

    def _sent_to(request: Request, scope: str = "push") -> tuple[str, Plan]:
        token = _sender(request, scope)
        title = request.path_params["title"]
        plan = view.titles().get(title)
        if plan is None or not may_see(token, title, plan):
            raise _no_agreement(title)
        return title, plan

    def change(path: str, known: tuple[str, ...], answer: Callable[..., dict[str, Any]]) -> Route:
        """What a token with the scope `operate` may do about an agreement."""

        async def endpoint(request: Request) -> Response:
            try:
                body = await handling.body_of(request)
                title, plan = await run_in_threadpool(_sent_to, request, "operate")
                said = handling.said_in_json(request, body, known)
                return _json(await run_in_threadpool(answer, view, title, plan, said))
            except Exception as error:
                return _failed(request, error)

        return Route(path, endpoint, methods=["POST"])

    async def link(request: Request) -> Response:
        """The address that a message carried: whoever has it may acknowledge, and nothing else. A GET only shows."""
        try:
            body = await handling.body_of(request) if request.method == "POST" else None
            return await run_in_threadpool(_linked, request, body)
        except Exception as error:
            return _failed(request, error)

    def _linked(request: Request, body: bytes | None) -> Response:
        address = _address(request)
        _within(requests, address)
        wait = failures.wait(address)
        if wait:
            raise Refused(429, "Too many wrong addresses.", {"Retry-After": str(-(-wait // SECOND))})
        try:
            episode = handling.opened(view, settings.links, request.path_params["token"])
        except Refused:
            failures.take(address)
            raise
        noted = handling.noted_of(view, episode)
        if body is not None:
            author, note = handling.said_by_link(request, body)
            noted = noted or handling.acknowledge_by_link(view, episode, author, note)
            if handling.kind_of(request) == "application/json":
                return _json(handling.link_value(noted, episode))
        page = pages.acknowledge(
            episode.agreement,
            episode.intent.subject,
            request.query_params.get("by", ""),
            None if noted is None else (noted.author, noted.at),
        )
        return HTMLResponse(page, headers=WITH_FORM)

    def _within(allowance: Allowance, address: str) -> None:
        wait = allowance.take(address)
        if wait:
            raise Refused(429, "Too many requests.", {"Retry-After": str(-(-wait // SECOND))})

    def _admitted(request: Request, scope: str | None, address: str) -> Token:
        if scope is None:
            return Token(name="", secret="", scopes=frozenset())
        wait = failures.wait(address)
        if wait:
            raise Refused(429, "Too many wrong tokens.", {"Retry-After": str(-(-wait // SECOND))})
        authorization = request.headers.get("authorization")
        token = find_token(settings, authorization)
        if token is None:
            if authorization is not None:
                failures.take(address)
            raise Refused(401, "A token is needed, and this is none.", _UNAUTHORIZED)
        if scope not in token.scopes:
            raise Refused(403, f"This token is not good for that: it lacks the scope “{scope}”.")
        return token

    routes = [
        route("/healthz", None, _healthy),
        route("/readyz", None, _ready),
        route("/openapi.json", None, lambda asked: JSONResponse(document())),
        route("/metrics", "operate", _metrics),
        route(f"{API}/status", "operate", _status),
        route(f"{API}/dead-letters", "operate", _dead_letters),
        route(f"{API}/agreements", "read", _agreements),
        route(
            f"{API}/agreements/{{title:path}}/windows",
            "read",
            lambda asked: _json(answers.open_value(asked.seen())),
        ),
        route(f"{API}/agreements/{{title:path}}/verdicts", "read", _verdicts),
        route(f"{API}/agreements/{{title:path}}/ledger", "read", _ledger),
        route(f"{API}/agreements/{{title:path}}/notices", "read", _notices),
        route(f"{API}/agreements/{{title:path}}/report", "read", _report),
        route(
            f"{API}/agreements/{{title:path}}/silences",
            "read",
            lambda asked: _json(handling.silences_value(view, (seen := asked.seen()).title, seen.plan)),
        ),
        change(
            f"{API}/agreements/{{title:path}}/acknowledge",
            ("notice", "cause", "by", "note"),
            handling.acknowledge_by_token,
        ),
        change(
            f"{API}/agreements/{{title:path}}/silence",
            ("cause", "until", "for", "by", "reason"),
            handling.silence_by_token,
        ),
        change(
            f"{API}/agreements/{{title:path}}/silence/end",
            ("cause", "by", "reason"),
            handling.end_silence_by_token,
        ),
        Route("/acknowledge/{token}", link, methods=["GET", "POST"]),
        route("/schemas/notice-1.json", None, lambda asked: JSONResponse(notice_schema())),
        Route(f"{API}/agreements/{{title:path}}/sources/{{source}}/observations", push, methods=["POST"]),
        Route(OTLP, metrics, methods=["POST"]),
        Route(f"{API}/heartbeat/{{title:path}}/{{source}}", beat, methods=["GET", "POST"]),
        # A title may hold strokes, so this one takes every path that is left.
        route(f"{API}/agreements/{{title:path}}", "read", _agreement),
        route("/style.css", None, lambda asked: Response(pages.style(), media_type="text/css")),
        route("/", "read", _overview),
        route("/agreements/{title:path}", "read", _page),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard, role=lambda: view.turn.role)])


def _name(response: Response, turn: Turn) -> None:
    """Says which daemon answers and which one judges, to those who may see daemons."""
    for name, value in ((ME, turn.me), (JUDGE, turn.judge)):
        if value:
            response.headers[name] = value.encode("ascii", "replace").decode()


def _address(request: Request) -> str:
    return origin(request.client.host if request.client is not None else "")


def _no_agreement(title: str) -> Refused:
    return Refused(404, f"There is no agreement “{title}” here.")


def _failed(request: Request, error: Exception) -> Response:
    match error:
        case Refused():
            return _problem(error.status, error.reason, error.headers)
        case answers.Unclear():
            return _problem(400, str(error))
        case answers.NotFound():
            return _problem(404, str(error))
        case StoreError() | NotAnswering():
            return _problem(503, str(error), {"Retry-After": "2"})
    _log.error("%s could not be answered", request.url.path, exc_info=error)
    return _problem(500, "This could not be answered; the daemon's log says why.")


def _json(value: Any, status: int = 200) -> Response:
    return JSONResponse(value, status)


def _problem(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"status": status, "detail": reason}, status, headers, "application/problem+json")


def _healthy(asked: Asked) -> Response:
    """The daemon's own thread answers."""
    remarks = _remarks(asked.view.status())
    return _json({"status": "ok", "remarks": remarks} if remarks else {"status": "ok"})


def _remarks(status: Status) -> list[str]:
    if not status.broken:
        return []
    return [f"problems in files, so that everything stays as it was: {len(status.broken)}"]


def _ready(asked: Asked) -> Response:
    """Observations are taken in, judged and stored. Whoever may ask nothing else learns no names here."""
    status = asked.view.status()
    wanted = asked.query("role") or status.turn.role
    if wanted not in ROLES:
        raise Refused(400, f"role: this is {' or '.join(ROLES)}")
    reasons = []
    if wanted != status.turn.role:
        reasons.append("this daemon stands by" if wanted == "judge" else "this daemon judges")
    if status.store_trouble is not None:
        reasons.append("the store cannot be written")
    elif status.turn.role == "standby" and status.turn.judge is None:
        reasons.append("no daemon judges at the moment")
    failed = sum(one.failed is not None for one in status.agreements)
    if failed:
        reasons.append(f"agreements that cannot be judged: {failed}")
    if status.dropped:
        reasons.append(f"observations lost since the start: {status.dropped}")
    remarks = _remarks(status)
    ready = status.store_trouble is None and not failed and wanted == status.turn.role
    value = {"status": "ok" if ready else "not ready", "reasons": reasons, "remarks": remarks}
    return _json(value, 200 if ready else 503)


def _metrics(asked: Asked) -> Response:
    status = asked.view.status()
    # What agreements come to is told once, by the one that judges.
    seen = asked.all_seen(MOST_AGREEMENTS) if status.turn.role == "judge" else []
    text, content_type = exposition(status, seen, asked.request.headers.get("accept", ""))
    return Response(text, media_type=content_type)


def _status(asked: Asked) -> Response:
    status = asked.view.status()
    return _json(
        {
            "role": status.turn.role,
            "daemon": status.turn.me,
            "judge": status.turn.judge,
            "agreements": [
                {
                    "title": one.title,
                    "version": one.version,
                    "versions": list(one.versions or (one.version,)),
                    "file": one.file,
                    "observations": one.accepted,
                    "trouble": one.failed,
                    "sources": [
                        {"name": source.name, "lateness_ns": source.lateness} for source in one.sources
                    ],
                }
                for one in status.agreements
            ],
            "probes_running": status.running_probes,
            "lateness_ns": status.lateness,
            "waiting": status.waiting,
            "dropped": status.dropped,
            "store_trouble": status.store_trouble,
            "messages": {
                "in_hand": status.in_hand,
                "delivered": status.delivered,
                "failed_attempts": status.failed_attempts,
                "given_up": status.dead,
            },
            "reloads": status.reloads,
            "broken": list(status.broken),
            "sound_at": format_instant(status.sound_at),
        }
    )


def _dead_letters(asked: Asked) -> Response:
    with asked.view.store() as store:
        found = answers.dead_letters_value(store.dead_letters(answers.MOST), asked.view.titles())
    return _json({"dead_letters": found})


def _agreements(asked: Asked) -> Response:
    return _json({"agreements": [answers.agreement_value(seen) for seen in asked.all_seen()]})


def _agreement(asked: Asked) -> Response:
    seen = asked.seen()
    return _json(answers.agreement_value(seen) | {"text": seen.text})


def _verdicts(asked: Asked) -> Response:
    seen = asked.seen()
    with asked.view.store() as store:
        return _json(
            answers.verdicts_value(store, seen, asked.query("window"), asked.query("goal"), asked.after)
        )


def _ledger(asked: Asked) -> Response:
    seen = asked.seen()
    with asked.view.store() as store:
        return _json(answers.ledger_value(store, seen, asked.query("window"), asked.view.now(), asked.after))


def _notices(asked: Asked) -> Response:
    seen = asked.seen()
    with asked.view.store() as store:
        return _json(answers.notices_value(store, seen, asked.query("window"), asked.after))


def _report(asked: Asked) -> Response:
    seen = asked.seen()
    with asked.view.store() as store:
        return _json(answers.report_of(store, seen, asked.query("window"), asked.view.now()))


def _overview(asked: Asked) -> Response:
    seen = asked.all_seen()
    status = asked.view.status() if "operate" in asked.token.scopes else None
    with asked.view.store() as store:
        return HTMLResponse(pages.overview(store, seen, asked.view.now(), status, asked.answered_by))


def _page(asked: Asked) -> Response:
    seen = asked.seen()
    with asked.view.store() as store:
        return HTMLResponse(pages.agreement(store, seen, asked.view.now(), asked.answered_by))
