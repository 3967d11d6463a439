"""What people do about messages over HTTP: by a token, or by the signed address that a message carried."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request

from wsla.daemon.links import BadLink, Links
from wsla.plan.model import Plan
from wsla.reporting.handling import (
    Episode,
    acknowledge,
    episode_of_message,
    latest_episodes,
    silence_end,
    silences,
)
from wsla.store.interventions import Intervention
from wsla.values.calendars import find_zone
from wsla.values.instants import format_instant
from wsla.web.refusals import Refused
from wsla.web.view import Sight

LARGEST: Final = 16 * 1024
_READ_WITHIN: Final = 30.0
_LONGEST_NAME: Final = 200
_LONGEST_NOTE: Final = 2_000
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"


async def body_of(request: Request) -> bytes:
    """A short body. Raises Refused for a long one, and for one that does not come."""
    body = bytearray()
    try:
        async with asyncio.timeout(_READ_WITHIN):
            async for piece in request.stream():
                body += piece
                if len(body) > LARGEST:
                    raise Refused(413, "This is more than anybody needs to say.", {"Connection": "close"})
    except TimeoutError:
        raise Refused(408, "The rest of it did not come in time.") from None
    except ClientDisconnect:
        raise Refused(400, "It ended in the middle.") from None
    return bytes(body)


def kind_of(request: Request) -> str:
    """The type of a body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def said_in_json(request: Request, body: bytes, known: tuple[str, ...]) -> dict[str, str]:
    """The members of a JSON object of texts. Raises Refused for anything else.

    A page of a browser cannot send this type to another site by itself, so nobody is made to say something unawares.
    """
    if kind_of(request) != _JSON:
        raise Refused(415, f"Content-Type is {_JSON}.")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "The body is not JSON.") from None
    if not isinstance(value, dict):
        raise Refused(400, "The body is a JSON object.")
    for name, one in value.items():
        if name not in known:
            raise Refused(400, f"{name}: there is no such member; known: {', '.join(known)}")
        if one is not None and not isinstance(one, str):
            raise Refused(400, f"{name}: this is a text")
    return {name: one for name, one in value.items() if one is not None}


def acknowledge_by_token(view: Sight, title: str, plan: Plan, said: dict[str, str]) -> dict[str, Any]:
    """Acknowledges the episode of a message, or the latest ones of a rule. Raises Refused and StoreError."""
    author, note = _author(said), _note(said.get("note"), "note")
    notice, cause = said.get("notice"), said.get("cause")
    if (notice is None) == (cause is None):
        raise Refused(400, "Name the message as `notice`, or the rule or goal as `cause`.")
    with view.noting() as store:
        if notice is not None:
            meant = episode_of_message(store, notice)
            episodes = [meant] if meant is not None and meant.agreement == title else []
        else:
            episodes = latest_episodes(store, title, cause or "")
        if not episodes:
            raise Refused(404, "There is no such message, and no episode of that name that is not over.")
        found = acknowledge(store, episodes, at=view.now(), author=author, note=note)
    return {
        "acknowledged": [
            {**_acknowledged(plan, episode, noted), "before": before} for episode, noted, before in found
        ]
    }


def silences_value(view: Sight, title: str, plan: Plan) -> dict[str, Any]:
    """The silences of an agreement that hold now. Raises StoreError."""
    with view.store() as store:
        found = silences(store, title, view.now())
    return {"silences": [_silence(plan, one) for one in found]}


def silence_by_token(view: Sight, title: str, plan: Plan, said: dict[str, str]) -> dict[str, Any]:
    """Begins a silence. Raises Refused and StoreError."""
    reason = _note(said.get("reason"), "reason")
    if reason is None:
        raise Refused(400, "reason: it is needed, for whoever misses a message will ask for it")
    if ("until" in said) == ("for" in said):
        raise Refused(400, "Say when it ends: `until` a time, or `for` a length.")
    at = view.now()
    try:
        until = silence_end(said.get("until"), said.get("for"), at, plan.zone)
    except ValueError as problem:
        raise Refused(400, f"{'until' if 'until' in said else 'for'}: {problem}") from None
    return _silenced(view, title, plan, said, at=at, until=until, note=reason)


def end_silence_by_token(view: Sight, title: str, plan: Plan, said: dict[str, str]) -> dict[str, Any]:
    """Ends a silence. Raises Refused, also where there is none, and StoreError."""
    at = view.now()
    with view.store() as store:
        holding = {one.subject for one in silences(store, title, at)}
    if said.get("cause", "") not in holding:
        raise Refused(404, "There is no such silence.")
    note = _note(said.get("reason"), "reason")
    return _silenced(view, title, plan, said, at=at, until=at, note=note or "")


def _silenced(
    view: Sight, title: str, plan: Plan, said: dict[str, str], *, at: int, until: int, note: str
) -> dict[str, Any]:
    cause = said.get("cause", "")
    names = [*(goal.name for goal in plan.goals), *(rule.name for rule in plan.rules)]
    names += [one.name for one in plan.recurring]
    if cause and cause not in names:
        raise Refused(404, f"The agreement has no goal or rule “{cause}”.")
    made = Intervention(
        kind="silence",
        agreement=title,
        subject=cause,
        at=at,
        until=until,
        author=_author(said),
        note=note,
    )
    with view.noting() as store:
        store.intervene([made])
    return _silence(plan, made)


def opened(view: Sight, links: Links | None, token: str) -> Episode:
    """The episode that a signed address acknowledges. Raises Refused and StoreError."""
    if links is None:
        raise Refused(404, "This address acknowledges nothing here.")
    try:
        identity, _ = links.opened(token, view.now())
    except BadLink as problem:
        raise Refused(404, str(problem)) from None
    with view.store() as store:
        found = episode_of_message(store, identity)
    if found is None:
        raise Refused(404, "The store holds no such message any more.")
    return found


def noted_of(view: Sight, episode: Episode) -> Intervention | None:
    """Who has acknowledged an episode already."""
    with view.store() as store:
        return next(
            (one for one in store.interventions("acknowledge") if one.subject == episode.identity), None
        )


def acknowledge_by_link(view: Sight, episode: Episode, author: str, note: str | None) -> Intervention:
    """Acknowledges an episode; whoever did so before stays the author. Raises StoreError."""
    with view.noting() as store:
        ((_, noted, _),) = acknowledge(store, [episode], at=view.now(), author=author, note=note)
    return noted


def said_by_link(request: Request, body: bytes) -> tuple[str, str | None]:
    """Who acknowledges, from the address, a form or JSON, and what else they say. Raises Refused."""
    if kind_of(request) == _JSON:
        said = said_in_json(request, body, ("by", "note"))
    elif kind_of(request) in (_FORM, ""):
        found = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
        said = {name: values[-1] for name, values in found.items()}
    else:
        raise Refused(415, f"Content-Type is {_FORM} or {_JSON}.")
    if not said.get("by", "").strip():
        said["by"] = request.query_params.get("by", "")
    return _author(said), _note(said.get("note"), "note")


def link_value(noted: Intervention, episode: Episode) -> dict[str, Any]:
    """What a program is answered."""
    return {
        "episode": episode.identity,
        "subject": episode.intent.subject,
        "by": noted.author,
        "at": format_instant(noted.at),
    }


def _acknowledged(plan: Plan, episode: Episode, noted: Intervention) -> dict[str, Any]:
    return {
        "episode": episode.identity,
        "notice": episode.intent.id,
        "subject": episode.intent.subject,
        "by": noted.author,
        "at": format_instant(noted.at, find_zone(plan.zone)),
        "note": noted.note,
    }


def _silence(plan: Plan, one: Intervention) -> dict[str, Any]:
    zone = find_zone(plan.zone)
    return {
        "cause": one.subject or None,
        "from": format_instant(one.at, zone),
        "until": format_instant(one.until or 0, zone),
        "by": one.author,
        "reason": one.note,
    }


def _author(said: dict[str, str]) -> str:
    author = " ".join(said.get("by", "").split())
    if not author or len(author) > _LONGEST_NAME or not author.isprintable():
        raise Refused(400, "by: say who you are, in a line")
    return author


def _note(text: str | None, name: str) -> str | None:
    if text is not None and len(text) > _LONGEST_NOTE:
        raise Refused(400, f"{name}: this is more than {_LONGEST_NOTE} characters")
    return (text or "").strip() or None
