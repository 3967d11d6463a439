"""A proxy that a source names: used for everything, never blamed on the service, and no way into this machine."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from wsla.sources.http.proxy import Proxy, ProxyError, parse_proxy, seen_from_here
from wsla.sources.network.addresses import Reach
from wsla.values.instants import MILLISECOND


class Tunnel:
    """A proxy that opens tunnels to one service, whatever name it is asked for."""

    def __init__(self, port: int, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> None:
        self.port = port
        self.answer = answer
        self.asked: list[bytes] = []

    async def __call__(self, client: Any) -> None:
        self.asked.append(client.head)
        await client.send(self.answer)
        if not self.answer.startswith(b"HTTP/1.1 2"):
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)

        async def carry(source: Any, destination: Any) -> None:
            while data := await source.read(65_536):
                destination.write(data)
            destination.close()

        await asyncio.gather(
            carry(client.reader, writer), carry(reader, client.writer), return_exceptions=True
        )


def through(service: Any, **options: Any) -> Proxy:
    return Proxy(host="127.0.0.1", port=service.port, **options)


def test_plain_http_goes_to_the_proxy_whole(kit: Any) -> None:
    async def main() -> Any:
        async with kit.service(kit.answer(b"ok")) as proxy:
            prober = kit.prober(
                "http://shop.example:8080/a?b=c", proxy=through(proxy, authorization=b"Basic eDp5")
            )
            return await prober.probe(0), proxy.received

    seen, (request,) = asyncio.run(main())
    assert seen.failure is None
    assert request.head.startswith(b"GET http://shop.example:8080/a?b=c HTTP/1.1\r\n")
    assert request.headers["host"] == "shop.example:8080"
    assert request.headers["proxy-authorization"] == "Basic eDp5"


def tls_service(kit: Any, names: tuple[str, ...]) -> tuple[ssl.SSLContext, trustme.CA]:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(tls)
    return tls, authority


def test_https_goes_through_a_tunnel_and_the_proxy_reads_nothing(kit: Any, tmp_path: Path) -> None:
    tls, authority = tls_service(kit, ("shop.example",))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    async def main() -> Any:
        async with kit.service(kit.answer(b"secure"), tls=tls) as service:
            tunnel = Tunnel(service.port)
            async with kit.service(tunnel) as proxy:
                seen = await kit.prober(
                    "https://shop.example/secret",
                    clock=kit.machine_clock(),
                    proxy=through(proxy, authorization=b"Basic eDp5"),
                    headers=(("X-Key", "secret"),),
                    ca_file=str(tmp_path / "ca.pem"),
                    expected_text="secure",
                ).probe(0)
                return seen, tunnel.asked, service.received

    seen, (asked,), (request,) = asyncio.run(main())
    assert seen.failure is None, seen.reason
    assert seen.fields["handshake"] > 0
    assert seen.fields["certificate_left"] > 0
    assert asked.startswith(b"CONNECT shop.example:443 HTTP/1.1\r\n")
    assert b"Basic eDp5" in asked
    assert b"secret" not in asked
    assert request.head.startswith(b"GET /secret HTTP/1.1\r\n")
    assert "proxy-authorization" not in request.headers


def test_the_certificate_is_still_the_services(kit: Any, tmp_path: Path) -> None:
    tls, authority = tls_service(kit, ("other.example",))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    async def main() -> Any:
        async with (
            kit.service(kit.answer(b"secure"), tls=tls) as service,
            kit.service(Tunnel(service.port)) as proxy,
        ):
            return await kit.prober(
                "https://shop.example/", proxy=through(proxy), ca_file=str(tmp_path / "ca.pem")
            ).probe(0)

    assert asyncio.run(main()).failure == "tls-hostname"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "unreachable"),
        (b"HTTP/1.1 504 Gateway Timeout\r\n\r\n", "unreachable"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "observer-proxy"),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "observer-proxy"),
        (b"SSH-2.0\r\n\r\n", "observer-proxy"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", "observer-proxy"),
        (b"", "observer-proxy"),
    ],
)
def test_a_tunnel_that_does_not_come_about(kit: Any, answer: bytes, failure: str) -> None:
    async def main() -> Any:
        async with kit.service(answer) as proxy:
            return await kit.prober("https://shop.example/", proxy=through(proxy), verify_tls=False).probe(0)

    seen = asyncio.run(main())
    assert seen.failure == failure
    assert seen.fields["ok"] is (None if failure.startswith("observer-") else False)


@pytest.mark.parametrize("url", ["http://shop.example/", "https://shop.example/"])
def test_a_proxy_that_is_down_says_nothing_of_the_service(kit: Any, url: str) -> None:
    async def main() -> Any:
        async with kit.service(b"") as proxy:
            pass
        return await kit.prober(url, proxy=through(proxy), verify_tls=False).probe(0)

    seen = asyncio.run(main())
    assert (seen.failure, seen.fields["ok"]) == ("observer-proxy", None)


def test_a_proxy_that_does_not_answer_says_nothing_of_the_service(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*arguments: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr("wsla.sources.network.opening.connect", hang)
    proxy = Proxy(host="127.0.0.1", port=1)
    seen = asyncio.run(kit.prober("http://shop.example/", proxy=proxy, timeout=100 * MILLISECOND).probe(0))
    assert (seen.failure, seen.reason) == ("observer-proxy", "the proxy 127.0.0.1:1 did not answer")


def test_a_service_that_hangs_behind_a_proxy_is_to_blame(kit: Any) -> None:
    async def hang(client: Any) -> None:
        await client.hang()

    async def main() -> Any:
        async with kit.service(hang) as proxy:
            return await kit.prober(
                "http://shop.example/", proxy=through(proxy), timeout=200 * MILLISECOND
            ).probe(0)

    assert asyncio.run(main()).failure == "timeout"


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/", "http://localhost/", "http://a.localhost./", "http://169.254.169.254/latest",
        "http://[::1]/", "http://10.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://127.1/",
    ],
)  # fmt: skip
def test_a_redirect_does_not_lead_into_the_proxys_network(kit: Any, location: str) -> None:
    async def main() -> Any:
        async with kit.service(kit.answer(status="302 Found", Location=location)) as proxy:
            return await kit.prober("http://shop.example/", proxy=through(proxy)).probe(0), proxy.received

    seen, received = asyncio.run(main())
    assert seen.failure == "redirect-refused"
    assert len(received) == 1


def test_a_redirect_to_another_name_goes_to_the_proxy_again(kit: Any) -> None:
    async def main() -> Any:
        async def serve(client: Any) -> None:
            away = b"shop.example" in client.head.split(b"\r\n")[0]
            await client.send(
                kit.answer(status="302 Found", Location="http://other.example/")
                if away
                else kit.answer(b"ok")
            )

        async with kit.service(serve) as proxy:
            return await kit.prober("http://shop.example/", proxy=through(proxy)).probe(0), proxy.received

    seen, received = asyncio.run(main())
    assert (seen.failure, len(received)) == (None, 2)


def test_a_service_may_not_lie_where_the_deployment_does_not_look(kit: Any) -> None:
    async def main(url: str, **options: Any) -> Any:
        async with kit.service(kit.answer(b"ok")) as proxy:
            return await kit.prober(url, proxy=through(proxy), **options).probe(0)

    usual = frozenset(Reach) - {Reach.LINK_LOCAL}
    assert asyncio.run(main("http://169.254.169.254/", reach=usual)).failure == "observer-policy"
    assert (
        asyncio.run(main("http://shop.example/", reach=frozenset({Reach.PUBLIC}))).failure
        == "observer-policy"
    )


def test_addresses_of_proxies() -> None:
    proxy = parse_proxy("http://me:s3cret@proxy.example:3128")
    assert (proxy.where, proxy.authorization) == ("proxy.example:3128", b"Basic bWU6czNjcmV0")
    assert "Basic" not in repr(proxy)
    assert parse_proxy("http://[::1]:3128/").where == "[::1]:3128"
    for text in (
        "https://proxy.example:3128",
        "http://proxy.example/path",
        "proxy.example:3128",
        "socks5://p:1",
    ):
        with pytest.raises(ProxyError, match="proxy"):
            parse_proxy(text)


@pytest.mark.parametrize(
    ("host", "number"), [("127.1", "127.0.0.1"), ("LOCALHOST.", "127.0.0.1"), ("shop.example", None)]
)
def test_what_is_known_of_a_host_without_asking(host: str, number: str | None) -> None:
    assert [one.host for one in seen_from_here(host, 80)] == ([] if number is None else [number])
