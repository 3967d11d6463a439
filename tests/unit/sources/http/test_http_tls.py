"""TLS as a user meets it: each kind of bad certificate has its word, and the good one its time left."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from wsla.sources.http import Resolver
from wsla.sources.network.addresses import Address
from wsla.values.instants import DAY, MILLISECOND, from_datetime

EXPIRES = datetime.datetime(2040, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def context(authority: trustme.CA, *names: str, expires: datetime.datetime = EXPIRES) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    begins = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    authority.issue_cert(*names or ("127.0.0.1",), not_before=begins, not_after=expires).configure_cert(made)
    return made


def look(kit: Any, tls: ssl.SSLContext, **options: Any) -> Any:
    async def main() -> Any:
        async with kit.service(kit.answer(b"secure"), tls=tls) as service:
            return await kit.prober(service.url(), kit.machine_clock(), **options).probe(0)

    return asyncio.run(main())


def test_a_good_certificate_and_its_time_left(kit: Any, authority: trustme.CA, ca_file: str) -> None:
    """N10."""
    seen = look(kit, context(authority), ca_file=ca_file, expected_text="secure")
    assert seen.failure is None
    left = from_datetime(EXPIRES) - kit.machine_clock().now()
    assert abs(seen.fields["certificate_left"] - left) < DAY
    assert seen.fields["handshake"] > 0
    assert seen.fields["elapsed"] >= seen.fields["handshake"] + seen.fields["connect"]


def test_the_time_left_is_exact(kit: Any, authority: trustme.CA, ca_file: str) -> None:
    async def main() -> Any:
        async with kit.service(kit.answer(), tls=context(authority)) as service:
            return await kit.prober(service.url(), kit.standing_clock(), ca_file=ca_file).probe(0)

    assert asyncio.run(main()).fields["certificate_left"] == from_datetime(EXPIRES) - kit.at


def test_an_expired_certificate(kit: Any, authority: trustme.CA, ca_file: str) -> None:
    expired = context(authority, expires=datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC))
    seen = look(kit, expired, ca_file=ca_file)
    assert (seen.failure, seen.fields["ok"], seen.fields["status"]) == ("tls-expired", False, None)


@pytest.mark.parametrize("name", ["127.0.0.2", "other.example"])
def test_a_certificate_of_another_name(kit: Any, authority: trustme.CA, ca_file: str, name: str) -> None:
    assert look(kit, context(authority, name), ca_file=ca_file).failure == "tls-hostname"


def test_the_name_is_sent_and_compared_and_not_the_address(
    kit: Any, authority: trustme.CA, ca_file: str
) -> None:
    """N10."""
    asked: list[str | None] = []
    tls = context(authority, "service.example")
    tls.sni_callback = lambda connection, name, made: asked.append(name)
    resolver = Resolver(lambda host: [Address(2, ("127.0.0.1", 0))])  # type: ignore[arg-type]

    async def main(host: str) -> Any:
        async with kit.service(kit.answer(), tls=tls) as service:
            return await kit.prober(
                f"https://{host}:{service.port}/", resolver=resolver, ca_file=ca_file
            ).probe(0)

    assert asyncio.run(main("Service.Example.")).failure is None
    assert asked == ["service.example"]
    assert asyncio.run(main("wrong.example")).failure == "tls-hostname"


def test_an_authority_that_nobody_knows(kit: Any, ca_file: str) -> None:
    seen = look(kit, context(trustme.CA()), ca_file=ca_file)
    assert seen.failure == "tls-chain"
    assert "certificate" in seen.reason


def test_verification_can_be_switched_off(kit: Any) -> None:
    seen = look(kit, context(trustme.CA(), "other.example"), verify_tls=False)
    assert (seen.failure, seen.fields["certificate_left"]) == (None, None)


def test_a_store_that_is_missing_or_broken_is_the_observers_fault(
    kit: Any, authority: trustme.CA, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("not a certificate")
    for path in (broken, tmp_path / "missing.pem"):
        seen = look(kit, context(authority), ca_file=str(path))
        assert (seen.failure, seen.fields["ok"]) == ("observer-tls", None)


def test_a_replaced_store_is_read_anew(kit: Any, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    first, second = trustme.CA(), trustme.CA(organization_name="another, of another length")
    first.cert_pem.write_to_path(str(path))
    assert look(kit, context(second), ca_file=str(path)).failure == "tls-chain"
    second.cert_pem.write_to_path(str(path))
    assert look(kit, context(second), ca_file=str(path)).failure is None


def _raw(kit: Any, behaviour: Any, **options: Any) -> Any:
    async def main() -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            await behaviour(writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await kit.prober(f"https://127.0.0.1:{port}/", **options).probe(0)

    return asyncio.run(main())


def test_a_service_without_tls(kit: Any, ca_file: str) -> None:
    async def plain(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        writer.close()

    seen = _raw(kit, plain, ca_file=ca_file)
    assert (seen.failure, seen.fields["ok"]) == ("tls-handshake", False)


def test_a_service_that_leaves_during_the_handshake(kit: Any, ca_file: str) -> None:
    async def leave(writer: asyncio.StreamWriter) -> None:
        writer.close()

    assert _raw(kit, leave, ca_file=ca_file).failure == "tls-handshake"


def test_a_handshake_that_hangs(kit: Any, ca_file: str) -> None:
    """N10."""
    ended: list[asyncio.StreamWriter] = []

    async def hang(writer: asyncio.StreamWriter) -> None:
        ended.append(writer)

    seen = _raw(kit, hang, ca_file=ca_file, timeout=200 * MILLISECOND)
    assert (seen.failure, seen.fields["elapsed"]) == ("timeout", 200 * MILLISECOND)
    assert seen.reason.endswith("while agreeing on TLS")
    assert len(ended) == 1


def test_plain_redirects_to_tls(kit: Any, authority: trustme.CA, ca_file: str) -> None:
    async def main() -> Any:
        tls = context(authority)
        async with kit.service(kit.answer(b"secure"), tls=tls) as secure, kit.service({}) as plain:
            plain.answers = kit.answer(status="301 Moved", Location=secure.url())
            return await kit.prober(plain.url(), ca_file=ca_file, expected_text="secure").probe(0)

    seen = asyncio.run(main())
    assert seen.failure is None
    assert seen.fields["certificate_left"] is not None


def test_a_tls_body_that_stops_short(kit: Any, authority: trustme.CA, ca_file: str) -> None:
    async def main() -> Any:
        short = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this"
        async with kit.service(short, tls=context(authority)) as service:
            return await kit.prober(service.url(), ca_file=ca_file).probe(0)

    assert asyncio.run(main()).failure == "incomplete"
