"""Redirects are followed as far as a user would be led, and never further in."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from wsla.sources.http import Resolver
from wsla.sources.network.addresses import Address, Reach, may_redirect, reach

SECRETS = (
    ("Authorization", "Bearer secret"),
    ("X-Api-Key", "secret"),
    ("Cookie", "secret"),
    ("Accept", "text/x"),
)


def to(kit: Any, location: str, status: str = "302 Found") -> bytes:
    return kit.answer(status=status, Location=location)


def test_a_redirect_is_followed_and_its_phases_are_summed(kit: Any) -> None:
    answers = {"/": to(kit, "/a/b"), "/a/b": to(kit, "../c?x=1"), "/c?x=1": kit.answer(b"there")}
    seen = kit.look(answers, expected_text="there", clock=kit.machine_clock())
    assert (seen.failure, seen.fields["status"]) == (None, 200_000_000)
    assert seen.fields["connect"] + seen.fields["first_byte"] <= seen.fields["elapsed"]


def test_a_redirect_can_be_the_answer(kit: Any) -> None:
    seen = kit.look(to(kit, "/elsewhere"), follow_redirects=False, expected_status=(302,))
    assert (seen.failure, seen.fields["status"]) == (None, 302_000_000)


def test_a_redirect_to_nowhere_is_the_answer(kit: Any) -> None:
    assert kit.look(kit.answer(b"x", status="302 Found")).fields["status"] == 302_000_000


def test_the_number_of_redirects_is_bounded(kit: Any) -> None:
    """N5."""
    answers = {f"/{number}": to(kit, f"/{number + 1}") for number in range(5)} | {"/5": kit.answer()}
    assert kit.look(answers, "/0", max_redirects=5).failure is None
    seen = kit.look(answers, "/0", max_redirects=4)
    assert (seen.failure, seen.fields["ok"]) == ("redirect-loop", False)
    assert "more than 4 times" in seen.reason
    assert "loop" not in seen.reason
    assert kit.look(answers, "/0", max_redirects=0).failure == "redirect-loop"


@pytest.mark.parametrize("answers", [{"/": "/"}, {"/": "/pong", "/pong": "/"}])
def test_a_loop_is_named(kit: Any, answers: dict[str, str]) -> None:
    """N5."""
    seen = kit.look({path: to(kit, target) for path, target in answers.items()})
    assert seen.failure == "redirect-loop"
    assert seen.reason.endswith("more than 10 times, in a loop")


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "javascript:alert(1)",
        "http://127.0.0.1:99999/",
        "http://a b/",
    ],
)
def test_only_the_web_is_a_place_to_go(kit: Any, location: str) -> None:
    """N5."""
    seen = kit.look(to(kit, location))
    assert (seen.failure, seen.fields["ok"]) == ("redirect-refused", False)
    assert seen.fields["status"] == 302_000_000


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:169.254.169.254]/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://[fd00::1]/",
        "http://[fe80::1]/",
    ],
)
def test_a_redirect_does_not_lead_into_another_network(kit: Any, location: str) -> None:
    """N5, W3."""
    seen = kit.look(to(kit, location))
    assert seen.failure == "redirect-refused"
    assert "meta-data" not in seen.reason


def test_the_address_decides_and_not_the_name(kit: Any) -> None:
    names = {"outside.example": "127.0.0.1", "inside.example": "169.254.169.254"}
    resolver = Resolver(lambda host: [Address(socket.AF_INET, (names[host], 0))])

    async def main() -> Any:
        async with kit.service(to(kit, "http://inside.example/")) as service:
            return await kit.prober(f"http://outside.example:{service.port}/", resolver=resolver).probe(0)

    assert asyncio.run(main()).failure == "redirect-refused"


def test_a_name_that_changes_its_address_on_the_way_is_caught(kit: Any) -> None:
    """N5, N8."""
    given = iter(["127.0.0.1", "10.0.0.1"])
    resolver = Resolver(lambda host: [Address(socket.AF_INET, (next(given), 0))])

    async def main() -> Any:
        async with kit.service(to(kit, "/again")) as service:
            return await kit.prober(f"http://shifty.example:{service.port}/", resolver=resolver).probe(0)

    assert asyncio.run(main()).failure == "redirect-refused"


def _across_hosts(kit: Any, status: str, **options: Any) -> tuple[Any, list[Any]]:
    async def main() -> tuple[Any, list[Any]]:
        async with kit.service(kit.answer(b"ok"), host="127.0.0.2") as second, kit.service({}) as first:
            first.answers = to(kit, second.url("/next"), status)
            url = first.url().replace("//", "//user:pass%40word@")
            seen = await kit.prober(url, **options).probe(0)
            return seen, first.received + second.received

    return asyncio.run(main())


def test_credentials_stay_with_their_host(kit: Any) -> None:
    """N5."""
    seen, (first, second) = _across_hosts(kit, "302 Found", headers=SECRETS[1:])
    assert seen.failure is None
    assert first.headers["authorization"] == "Basic dXNlcjpwYXNzQHdvcmQ="
    assert (first.headers["x-api-key"], first.headers["cookie"]) == ("secret", "secret")
    assert not {"authorization", "x-api-key", "cookie"} & set(second.headers)
    assert second.headers["accept"] == "text/x"
    assert b"secret" not in second.head
    assert second.headers["host"].startswith("127.0.0.2:")


def test_credentials_are_not_given_back_after_a_detour(kit: Any) -> None:
    async def main() -> list[Any]:
        async with kit.service({}, host="127.0.0.2") as second, kit.service({}) as first:
            first.answers = {"/": to(kit, second.url("/")), "/back": kit.answer()}
            second.answers = {"/": to(kit, first.url("/back"))}
            seen = await kit.prober(first.url(), headers=SECRETS).probe(0)
            assert seen.failure is None
            return first.received

    first, last = asyncio.run(main())
    assert first.headers["authorization"] == "Bearer secret"
    assert b"secret" not in last.head


def test_credentials_are_kept_on_the_same_host(kit: Any) -> None:
    async def main() -> list[Any]:
        async with kit.service({"/": to(kit, "/next"), "/next": kit.answer()}) as service:
            await kit.prober(service.url(), headers=SECRETS).probe(0)
            return service.received

    assert [client.headers["x-api-key"] for client in asyncio.run(main())] == ["secret", "secret"]


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        ("301 Moved", "POST", "GET"),
        ("302 Found", "POST", "GET"),
        ("302 Found", "PUT", "PUT"),
        ("303 See", "PUT", "GET"),
        ("303 See", "HEAD", "HEAD"),
        ("307 Again", "POST", "POST"),
        ("308 Again", "PUT", "PUT"),
    ],
)
def test_the_method_changes_as_in_a_browser(kit: Any, status: str, method: str, then: str) -> None:
    async def main() -> Any:
        async with kit.service({"/": to(kit, "/next", status), "/next": kit.answer()}) as service:
            body = None if method == "HEAD" else b"data"
            await kit.prober(service.url(), method=method, body=body).probe(0)
            return service.received[1]

    client = asyncio.run(main())
    assert client.method == then
    assert client.body == (b"" if then in ("GET", "HEAD") else b"data")


def test_a_body_is_not_sent_on_to_another_host(kit: Any) -> None:
    seen, received = _across_hosts(kit, "307 Again", method="POST", body=b"secret")
    assert (seen.failure, len(received)) == ("redirect-refused", 1)
    seen, received = _across_hosts(kit, "303 See", method="POST", body=b"secret")
    assert (seen.failure, len(received), received[1].body) == (None, 2, b"")


def test_a_redirect_to_a_refused_port_has_no_status(kit: Any) -> None:
    async def main() -> Any:
        async with kit.service(b"") as gone:
            pass
        async with kit.service(to(kit, gone.url())) as service:
            return await kit.prober(service.url()).probe(0)

    seen = asyncio.run(main())
    assert (seen.failure, seen.fields["status"]) == ("refused", None)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", Reach.PUBLIC),
        ("2606:4700::1111", Reach.PUBLIC),
        ("64:ff9b::808:808", Reach.PUBLIC),
        ("10.1.2.3", Reach.PRIVATE),
        ("172.31.255.255", Reach.PRIVATE),
        ("100.64.0.1", Reach.PRIVATE),
        ("fd00::1", Reach.PRIVATE),
        ("224.0.0.1", Reach.PRIVATE),
        ("255.255.255.255", Reach.PRIVATE),
        ("::ffff:10.0.0.1", Reach.PRIVATE),
        ("64:ff9b::a00:1", Reach.PRIVATE),
        ("2002:a00:1::", Reach.PRIVATE),
        ("127.255.0.1", Reach.LOOPBACK),
        ("0.0.0.0", Reach.LOOPBACK),
        ("0.1.2.3", Reach.LOOPBACK),
        ("::", Reach.LOOPBACK),
        ("::1", Reach.LOOPBACK),
        ("::ffff:127.0.0.1", Reach.LOOPBACK),
        ("169.254.169.254", Reach.LINK_LOCAL),
        ("fe80::1%eth0", Reach.LINK_LOCAL),
        ("::ffff:169.254.169.254", Reach.LINK_LOCAL),
    ],
)
def test_the_reach_of_addresses(address: str, expected: Reach) -> None:
    assert reach(address) is expected


def test_redirects_stay_level_or_lead_out() -> None:
    allowed = {(origin, to) for origin in Reach for to in Reach if may_redirect(origin, to)}
    assert allowed == {(one, one) for one in Reach} | {(one, Reach.PUBLIC) for one in Reach}


@pytest.mark.parametrize(("allowed", "failure", "visits"), [(False, "redirect-refused", 0), (True, None, 1)])
def test_private_redirects_can_be_allowed(
    kit: Any, monkeypatch: pytest.MonkeyPatch, allowed: bool, failure: str | None, visits: int
) -> None:
    reaches = {"127.0.0.1": Reach.PUBLIC, "127.0.0.2": Reach.PRIVATE}
    monkeypatch.setattr("wsla.sources.http.prober.reach", reaches.__getitem__)

    async def main() -> tuple[Any, int]:
        async with kit.service(kit.answer(b"ok"), host="127.0.0.2") as inner, kit.service({}) as outer:
            outer.answers = to(kit, inner.url())
            seen = await kit.prober(outer.url(), allow_private_redirects=allowed).probe(0)
            return seen, len(inner.received)

    seen, visited = asyncio.run(main())
    assert (seen.failure, visited) == (failure, visits)


def test_the_deployment_says_where_sources_may_lie(kit: Any) -> None:
    usual = frozenset(Reach) - {Reach.LINK_LOCAL}
    seen = kit.look(kit.answer(b"ok"), reach=frozenset({Reach.PUBLIC}))
    assert (seen.failure, seen.fields["ok"]) == ("observer-policy", None)
    assert kit.look(kit.answer(b"ok"), reach=usual).failure is None
    # Allowing redirects further in does not open what is closed.
    seen = kit.look(to(kit, "http://169.254.169.254/"), reach=usual, allow_private_redirects=True)
    assert seen.failure == "redirect-refused"
