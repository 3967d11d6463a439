"""Options are checked before anything is probed, and nothing that could be a secret is shown."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from wsla.sources.http import FIELDS, Failure, HttpTarget, HttpTargetError
from wsla.sources.http.location import LocationError, locate
from wsla.values.instants import HOUR


def target(url: str = "https://service.example/", **options: Any) -> HttpTarget:
    return HttpTarget(source="probe", url=url, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "service.example/health"}, "does not start with http"),
        ({"url": "file:///etc/passwd"}, "does not start with http"),
        ({"url": "http:///path"}, "no usable host"),
        ({"url": "http://a b/"}, "no usable host"),
        ({"url": "http://a..b/"}, "no usable host"),
        ({"url": "http://" + "a" * 64 + ".example/"}, "no usable host"),
        ({"url": "http://" + ".".join(["a" * 63] * 4) + "/"}, "no usable host"),
        ({"url": "http://[fe80::1%25eth0]/"}, "no usable host"),
        ({"url": "http://host:0/"}, "no usable port"),
        ({"url": "http://host:65536/"}, "no usable port"),
        ({"url": "http://host:port/"}, "cannot be read"),
        ({"url": "http://host/\n"}, "cannot be read"),
        ({"method": "CONNECT"}, "the method"),
        ({"method": "get"}, "the method"),
        ({"headers": (("Bad Name", "x"),)}, "not the name of a header"),
        ({"headers": (("X", "a\r\nInjected: b"),)}, "not allowed"),
        ({"headers": (("X", "ü"),)}, "not allowed"),
        ({"headers": (("Content-Length", "0"),)}, "set by the probe"),
        ({"headers": (("transfer-encoding", "chunked"),)}, "set by the probe"),
        ({"body": b"x"}, "GET request has no body"),
        ({"expected_status": ()}, "no status is expected"),
        ({"expected_status": (99,)}, "between 100 and 599"),
        ({"expected_status": (600,)}, "between 100 and 599"),
        ({"expected_status": ((300, 200),)}, "between 100 and 599"),
        ({"expected_text": ""}, "is empty"),
        ({"expected_text": "x", "method": "HEAD"}, "no body in which to look"),
        ({"timeout": 0}, "the timeout"),
        ({"timeout": HOUR + 1}, "the timeout"),
        ({"max_redirects": -1}, "max_redirects"),
        ({"max_redirects": 51}, "max_redirects"),
        ({"max_body": -1}, "max_body"),
        ({"max_body": 256 * 1024 * 1024 + 1}, "max_body"),
        ({"max_headers": 0}, "max_headers"),
        ({"max_headers": 1024 * 1024 + 1}, "max_headers"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HttpTargetError, match=message) as caught:
        target(**options)
    assert str(caught.value).startswith("source probe: ")


def test_a_status_is_a_number() -> None:
    with pytest.raises(HttpTargetError, match="'200' is no status"):
        target(expected_status=("200",))


def test_the_limits_themselves_can_be_used() -> None:
    target(timeout=HOUR, max_redirects=50, max_body=256 * 1024 * 1024, max_headers=1024 * 1024)
    target(timeout=1, max_redirects=0, max_body=0, max_headers=1, expected_status=(100, 599))


@pytest.mark.parametrize(
    ("expected", "good", "bad"),
    [
        (None, (200, 204, 399), (199, 400, 500)),
        ((204,), (204,), (200, 205)),
        (((200, 299),), (200, 299), (199, 300)),
        ((range(200, 300), 404), (200, 299, 404), (300, 403)),
    ],
)
def test_expected_statuses(expected: Any, good: tuple[int, ...], bad: tuple[int, ...]) -> None:
    made = target() if expected is None else target(expected_status=expected)
    assert all(made.expects(status) for status in good)
    assert not any(made.expects(status) for status in bad)


@pytest.mark.parametrize(
    ("url", "where", "authority", "path"),
    [
        ("http://Service.Example", "service.example:80", b"service.example", b"/"),
        ("https://service.example:443/a", "service.example:443", b"service.example", b"/a"),
        ("https://service.example:80/a?b#c", "service.example:80", b"service.example:80", b"/a?b"),
        ("http://[::1]:8080/", "[::1]:8080", b"[::1]:8080", b"/"),
        ("https://bücher.example/ß", "xn--bcher-kva.example:443", b"xn--bcher-kva.example", b"/%C3%9F"),
        ("http://under_score.example./", "under_score.example.:80", b"under_score.example.", b"/"),
    ],
)
def test_addresses_are_taken_apart(url: str, where: str, authority: bytes, path: bytes) -> None:
    location, _ = locate(url)
    assert (location.where, location.authority, location.path) == (where, authority, path)


def test_user_and_password_become_a_header_and_do_not_follow_a_redirect() -> None:
    location, _ = locate("https://user:p%40ss@service.example/")
    assert location.authorization == b"Basic dXNlcjpwQHNz"
    assert locate("/next", base="https://user:p%40ss@service.example/")[0].authorization is None


def test_the_text_of_an_address_is_not_in_its_error() -> None:
    for url in ("gopher://user:secret@host/", "http://user:secret@/", "http://user:secret@host:x/"):
        with pytest.raises(LocationError) as caught:
            locate(url)
        assert "secret" not in str(caught.value)
        with pytest.raises(HttpTargetError) as refused:
            target(url)
        assert "secret" not in str(refused.value)


def test_secrets_are_not_in_the_representation() -> None:
    shown = repr(
        target(
            "https://user:secret@service.example/secret?token=secret",
            method="POST",
            headers=(("X-Key", "secret"),),
            body=b"secret",
            expected_text="secret",
        )
    )
    assert "service.example" in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    "answers",
    [
        b"secret garbage",
        b"HTTP/1.1 500 secret\r\nsecret: secret\r\nContent-Length: 6\r\n\r\nsecret",
        b"HTTP/1.1 302 Found\r\nLocation: file:///secret\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /secret\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://user:secret@10.0.0.1/secret\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsecret",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: secret\r\nContent-Length: 1\r\n\r\nx",
    ],
)
def test_no_reason_repeats_what_was_asked_or_answered(kit: Any, answers: bytes) -> None:
    async def main() -> Any:
        async with kit.service(answers) as service:
            url = f"http://user:secret@127.0.0.1:{service.port}/secret?token=secret"
            return await kit.prober(url, headers=(("X-Key", "secret"),)).probe(0)

    seen = asyncio.run(main())
    assert seen.fields["ok"] is False
    assert "secret" not in repr(seen)


OF_OTHER_KINDS = (
    *("dns-", "exit", "signal", "output-"),
    *("observer-agreement", "observer-command", "observer-database", "observer-file", "observer-query"),
)


def test_the_reference_page_names_every_field_and_word() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "reference" / "source-http.md").read_text("utf-8")
    words = [word for word in Failure if not word.startswith(OF_OTHER_KINDS)]
    assert [name for name in (*FIELDS, *words) if f"`{name}`" not in page] == []
