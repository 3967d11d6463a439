"""The lines of an http source in an agreement, as its target takes them."""

from __future__ import annotations

import re
from typing import Final

from wsla.sources.http.json_values import wanted_values
from wsla.sources.http.proxy import ProxyError, parse_proxy
from wsla.sources.http.target import HttpTarget
from wsla.sources.targets import Deployed

_STATUS: Final = re.compile(r"(\d{3})(?:\s*(?:-|\.\.|to)\s*(\d{3}))?")
_OFF: Final = frozenset({"no", "none", "never", "off", "refused", "ignored", "unchecked"})
_ON: Final = frozenset({"yes", "follow", "followed", "on", "checked"})


def from_options(deployed: Deployed) -> HttpTarget:
    """The target of an http source. Raises SourceError where an option cannot be used."""
    given: dict[str, object] = {
        "source": deployed.name,
        "url": deployed.text("url") or "",
        "timeout": deployed.timeout,
        "reach": deployed.reach,
        "allow_private_redirects": deployed.private_redirects,
        "values": wanted_values(deployed),
    }
    if (method := deployed.text("method")) is not None:
        given["method"] = method.upper()
    if headers := deployed.texts("header"):
        given["headers"] = tuple(_header(deployed, line) for line in headers)
    if (body := deployed.text("body")) is not None:
        given["body"] = body.encode()
    if (expected := deployed.text("expected")) is not None:
        given["expected_status"] = _statuses(deployed, expected)
    if (contains := deployed.text("contains")) is not None:
        given["expected_text"] = contains
    if (redirects := deployed.text("redirects")) is not None:
        given.update(_redirects(deployed, redirects.lower()))
    if (certificate := deployed.text("certificate")) is not None:
        given.update(_certificate(certificate))
    if (proxy := deployed.text("proxy")) is not None:
        try:
            given["proxy"] = parse_proxy(proxy)
        except ProxyError as error:
            raise deployed.wrong(str(error)) from None
    if deployed.verify_tls is not None:
        given["verify_tls"] = deployed.verify_tls
    if deployed.ca_file is not None:
        given["ca_file"] = deployed.ca_file
    return HttpTarget(**given)  # type: ignore[arg-type]


def _header(deployed: Deployed, line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise deployed.wrong('a header is written "Name: value"')
    return name.strip(), value.strip()


def _statuses(deployed: Deployed, text: str) -> tuple[tuple[int, int], ...]:
    found = []
    for part in text.split(","):
        match = _STATUS.fullmatch(part.strip())
        if match is None:
            raise deployed.wrong('expected statuses are written "200", "200-299" or "200, 404"')
        found.append((int(match[1]), int(match[2] or match[1])))
    return tuple(found)


def _redirects(deployed: Deployed, text: str) -> dict[str, object]:
    if text in _ON:
        return {"follow_redirects": True}
    if text in _OFF or text == "0":
        return {"follow_redirects": False}
    if text.isdigit():
        return {"max_redirects": int(text)}
    raise deployed.wrong("redirects are followed, never followed, or at most a number of them")


def _certificate(text: str) -> dict[str, object]:
    if text.lower() in _ON:
        return {"verify_tls": True}
    return {"verify_tls": False} if text.lower() in _OFF else {"ca_file": text}
