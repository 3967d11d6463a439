"""The REST API as an OpenAPI 3.1 document; a test compares it with the routes and with what they answer."""

from __future__ import annotations

from typing import Any, Final

API: Final = "/api/v1"
_TEXT: Final = {"type": "string"}
_TEXT_OR_NONE: Final = {"type": ["string", "null"]}
_EXACT: Final = {
    "type": ["string", "boolean", "null"],
    "description": "Exact, as a text such as `2999/3000`.",
}
_INSTANT: Final = {"type": "string", "format": "date-time"}
_INSTANT_OR_NONE: Final = {"type": ["string", "null"], "format": "date-time"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_LABELS: Final = {"type": "object", "additionalProperties": _TEXT}
_TRUTH: Final = {"type": "boolean"}


def _object(
    properties: dict[str, Any], optional: tuple[str, ...] = (), *, more: bool = False
) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": more,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _named(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


_SCHEMAS: Final[dict[str, Any]] = {
    "Problem": _object({"status": {"type": "integer"}, "detail": _TEXT}),
    "Health": _object(
        {"status": _TEXT, "reasons": _list(_TEXT), "remarks": _list(_TEXT)}, ("reasons", "remarks")
    ),
    "Agreement": _object(
        {
            "title": _TEXT,
            "version": {"type": "integer"},
            "sha256": _TEXT,
            "parties": _list(_object({"name": _TEXT, "title": _TEXT, "roles": _list(_TEXT)})),
            "goals": _list(_object({"name": _TEXT, "obliged": _TEXT, "promised": _TEXT})),
            "judged": _TRUTH,
            "trouble": _TEXT_OR_NONE,
            "observations": _COUNT,
            "text": _TEXT,
        },
        ("text",),
    ),
    "Verdict": _object(
        {
            "goal": _TEXT,
            "labels": _LABELS,
            "window": _TEXT,
            "start": _INSTANT,
            "end": _INSTANT,
            "verdict": _TEXT,
            "final": _TRUTH,
            "value": _EXACT,
            "value_text": _TEXT,
            "lower": _EXACT,
            "upper": _EXACT,
            "coverage": _EXACT,
            "budget": _EXACT,
            "budget_left": _EXACT,
            "corrected_at": _INSTANT,
        },
        ("corrected_at",),
        more=True,
    ),
    "Entry": _object(
        {
            "id": _TEXT,
            "kind": {"enum": ["credit", "reward", "cap", "refund", "adjustment"]},
            "debtor": _TEXT,
            "creditor": _TEXT,
            "amount": {"type": "string", "description": "A decimal number, always positive."},
            "currency": _TEXT,
            "at": _INSTANT,
            "cause": _TEXT,
            "labels": _LABELS,
            "start": _INSTANT,
            "end": _INSTANT,
            "memo": _TEXT,
            "state": _TEXT,
            "claim_until": _INSTANT_OR_NONE,
            "name": _TEXT,
            "claimed_at": _INSTANT_OR_NONE,
            "settled_at": _INSTANT_OR_NONE,
            "reason": _TEXT_OR_NONE,
        }
    ),
    "Notice": _object(
        {
            "id": _TEXT,
            "verb": _TEXT,
            "at": _INSTANT,
            "cause": _TEXT,
            "labels": _LABELS,
            "subject": _TEXT,
            "text": _TEXT,
            "targets": _list(_TEXT),
            "held_back": {
                "type": "boolean",
                "description": "Recorded and not sent: the rule tells of so many episodes at most.",
            },
        }
    ),
    "Report": {"type": "object", "description": "As `wsla report --format json` prints it."},
    "Status": {"type": "object", "description": "The daemon at the moment: sources, what waits, messages."},
    "Pushed": _object(
        {
            "source": _TEXT,
            "accepted": {**_COUNT, "description": "Rows that are on the disk, now or before."},
            "late": {**_COUNT, "description": "Of these, what came too late to be judged in order."},
            "refused": _COUNT,
            "reasons": {
                **_list(_object({"row": {"type": "integer", "minimum": 1}, "reason": _TEXT})),
                "description": "The first hundred of the refused rows.",
            },
        }
    ),
    "Row": {
        "type": "object",
        "description": "An observation: keys are the source's columns, null is unknown.",
    },
    "Acknowledged": _object(
        {
            "episode": _TEXT,
            "notice": {"type": "string", "description": "One of its messages."},
            "subject": _TEXT,
            "by": _TEXT,
            "at": _INSTANT,
            "note": _TEXT_OR_NONE,
            "before": {"type": "boolean", "description": "True where somebody had done so before."},
        }
    ),
    "Silence": _object(
        {
            "cause": {"type": ["string", "null"], "description": "A goal or rule; null for all messages."},
            "from": _INSTANT,
            "until": _INSTANT,
            "by": _TEXT,
            "reason": _TEXT_OR_NONE,
        }
    ),
    "DeadLetter": _object(
        {
            "agreement": _TEXT,
            "notice": _TEXT,
            "target": _TEXT,
            "subject": _TEXT,
            "attempts": _COUNT,
            "reason": _TEXT_OR_NONE,
        }
    ),
}
_NEXT: Final = {
    "type": ["integer", "null"],
    "description": "What `after` is for the rest; null where this is all.",
}
_TITLE: Final = {
    "name": "title",
    "in": "path",
    "required": True,
    "schema": _TEXT,
    "description": "Its title.",
}
_WINDOW: Final = {
    "name": "window",
    "in": "query",
    "schema": _TEXT,
    "description": "`2026-03`, `2026-Q1`, `2026`, `2026-03-04` or `TIME..TIME`; everything where it is left out.",
}
_GOAL: Final = {"name": "goal", "in": "query", "schema": _TEXT, "description": "Only this goal."}
_AFTER: Final = {
    "name": "after",
    "in": "query",
    "schema": _COUNT,
    "description": "The `next` of the answer before.",
}


_ROLE: Final = {
    "name": "role",
    "in": "query",
    "schema": {"enum": ["judge", "standby"]},
    "description": "Ready only while the daemon does this.",
}
_SOURCE: Final = {
    "name": "source",
    "in": "path",
    "required": True,
    "schema": _TEXT,
    "description": "Its name.",
}


def _paged(name: str, schema: str) -> dict[str, Any]:
    return _object({name: _list(_named(schema)), "next": _NEXT})


_PATHS: Final[tuple[tuple[str, str, str | None, tuple[dict[str, Any], ...], dict[str, Any]], ...]] = (
    ("/healthz", "The daemon answers.", None, (), _named("Health")),
    ("/readyz", "Observations are taken in, judged and stored.", None, (_ROLE,), _named("Health")),
    (f"{API}/status", "The daemon at the moment.", "operate", (), _named("Status")),
    (
        f"{API}/dead-letters",
        "Messages that were given up.",
        "operate",
        (),
        _object({"dead_letters": _list(_named("DeadLetter"))}),
    ),
    (
        f"{API}/agreements",
        "The agreements that are kept.",
        "read",
        (),
        _object({"agreements": _list(_named("Agreement"))}),
    ),
    (f"{API}/agreements/{{title}}", "An agreement with its text.", "read", (_TITLE,), _named("Agreement")),
    (
        f"{API}/agreements/{{title}}/windows",
        "Open windows as they stand.",
        "read",
        (_TITLE,),
        _object({"agreement": _TEXT, "asked_at": _INSTANT, "windows": _list(_named("Verdict"))}),
    ),
    (
        f"{API}/agreements/{{title}}/verdicts",
        "Final verdicts, in order of time.",
        "read",
        (_TITLE, _WINDOW, _GOAL, _AFTER),
        _paged("verdicts", "Verdict"),
    ),
    (
        f"{API}/agreements/{{title}}/ledger",
        "What was booked for windows that ended in a period.",
        "read",
        (_TITLE, _WINDOW, _AFTER),
        _paged("entries", "Entry"),
    ),
    (
        f"{API}/agreements/{{title}}/notices",
        "What was said and done.",
        "read",
        (_TITLE, _WINDOW, _AFTER),
        _paged("notices", "Notice"),
    ),
    (
        f"{API}/agreements/{{title}}/silences",
        "The silences that hold now.",
        "read",
        (_TITLE,),
        _object({"silences": _list(_named("Silence"))}),
    ),
    (
        f"{API}/agreements/{{title}}/report",
        "The report of a period.",
        "read",
        (_TITLE, _WINDOW),
        _named("Report"),
    ),
)


def document() -> dict[str, Any]:
    """The document."""
    problem = {"application/problem+json": {"schema": _named("Problem")}}
    paths = {}
    for path, summary, scope, parameters, schema in _PATHS:
        responses: dict[str, Any] = {
            "200": {"description": "The answer.", "content": {"application/json": {"schema": schema}}},
            "default": {"description": "Why there is no answer.", "content": problem},
        }
        if path == "/readyz":
            responses["503"] = {
                "description": "Not ready.",
                "content": {"application/json": {"schema": schema}},
            }
        paths[path] = {
            "get": {
                "summary": summary,
                "operationId": "get" + "".join(part.title() for part in _words(path)),
                "parameters": list(parameters),
                "responses": responses,
                "security": [] if scope is None else [{"token": []}],
                **({} if scope is None else {"description": f"Takes the scope `{scope}`."}),
            }
        }
    paths[f"{API}/agreements/{{title}}/sources/{{source}}/observations"] = {"post": _push(problem)}
    paths[f"{API}/agreements/{{title}}/acknowledge"] = {
        "post": _change(
            "Somebody has taken an episode in hand.",
            "Acknowledge",
            {"notice": _TEXT, "cause": _TEXT, "by": _TEXT, "note": _TEXT},
            _object({"acknowledged": _list(_named("Acknowledged"))}),
            problem,
        )
    }
    paths[f"{API}/agreements/{{title}}/silence"] = {
        "post": _change(
            "No messages for a while.",
            "Silence",
            {"cause": _TEXT, "until": _TEXT, "for": _TEXT, "by": _TEXT, "reason": _TEXT},
            _named("Silence"),
            problem,
        )
    }
    paths[f"{API}/agreements/{{title}}/silence/end"] = {
        "post": _change(
            "Messages again.",
            "SilenceEnd",
            {"cause": _TEXT, "by": _TEXT, "reason": _TEXT},
            _named("Silence"),
            problem,
        )
    }
    paths["/v1/metrics"] = {"post": _telemetry()}
    paths[f"{API}/heartbeat/{{title}}/{{source}}"] = {
        method: _beat(method, problem) for method in ("get", "post")
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "wsla",
            "version": "1",
            "description": "Agreements that run: verdicts, budgets, credits and notices.",
        },
        "paths": paths,
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _push(problem: dict[str, Any]) -> dict[str, Any]:
    row = _named("Row")
    known = {"description": "How many of the accepted rows were stored before.", "schema": _COUNT}
    return {
        "summary": "Observations of a source of kind push.",
        "operationId": "postAgreementsTitleSourcesSourceObservations",
        "description": "Takes the scope `push`. Answers when what it took is on the disk.",
        "parameters": [_TITLE, _SOURCE],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"oneOf": [row, _list(row)]}},
                "application/x-ndjson": {"schema": _TEXT},
            },
        },
        "responses": {
            "200": {
                "description": "The answer.",
                "headers": {"Wsla-Known": known},
                "content": {"application/json": {"schema": _named("Pushed")}},
            },
            "default": {"description": "Why nothing was taken.", "content": problem},
        },
        "security": [{"token": []}],
    }


def _change(
    summary: str, name: str, said: dict[str, Any], answer: dict[str, Any], problem: dict[str, Any]
) -> dict[str, Any]:
    body = _object(said, tuple(one for one in said if one != "by"))
    return {
        "summary": summary,
        "operationId": f"postAgreementsTitle{name}",
        "description": "Takes the scope `operate`. Answers when it is on the disk.",
        "parameters": [_TITLE],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": {"description": "What is noted.", "content": {"application/json": {"schema": answer}}},
            "default": {"description": "Why nothing was noted.", "content": problem},
        },
        "security": [{"token": []}],
    }


def _telemetry() -> dict[str, Any]:
    forms = ("application/x-protobuf", "application/json")
    message = {form: {"schema": {"type": "object"} if form == forms[1] else {}} for form in forms}
    return {
        "summary": "Metrics of OpenTelemetry, for every source of kind push that asks for them.",
        "operationId": "postMetrics",
        "description": "OTLP/HTTP. Takes the scope `push`. Answers when what it took is on the disk.",
        "requestBody": {"required": True, "content": message},
        "responses": {
            "200": {
                "description": "ExportMetricsServiceResponse, with what was rejected.",
                "content": message,
            },
            "default": {"description": "google.rpc.Status: why nothing was taken.", "content": message},
        },
        "security": [{"token": []}],
    }


def _beat(method: str, problem: dict[str, Any]) -> dict[str, Any]:
    good = {
        "name": "ok",
        "in": "query",
        "schema": _TRUTH,
        "description": "False where what should be done was tried and failed.",
    }
    schema = _object({"source": _TEXT, "at": _INSTANT, "next_due": _INSTANT})
    return {
        "summary": "A beat of a source of kind heartbeat.",
        "operationId": f"{method}HeartbeatTitleSource",
        "description": "Takes the scope `push`. Answers when the beat is on the disk.",
        "parameters": [_TITLE, _SOURCE, good],
        "responses": {
            "200": {"description": "The answer.", "content": {"application/json": {"schema": schema}}},
            "default": {"description": "Why it does not count.", "content": problem},
        },
        "security": [{"token": []}],
    }


def _words(path: str) -> list[str]:
    return [
        word
        for word in path.removeprefix(API).replace("{", "").replace("}", "").replace("-", "/").split("/")
        if word
    ]
