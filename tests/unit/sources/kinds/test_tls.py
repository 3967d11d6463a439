"""The tls source: what is wrong with a certificate has a name, and what is right its time left."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wsla.sources.targets import SourceError
from wsla.sources.tls import FIELDS
from wsla.values.instants import DAY, MILLISECOND, from_datetime

BEGINS = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
EXPIRES = datetime.datetime(2040, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def context(
    authority: trustme.CA,
    *names: str,
    begins: datetime.datetime = BEGINS,
    expires: datetime.datetime = EXPIRES,
) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names or ("127.0.0.1",), not_before=begins, not_after=expires).configure_cert(made)
    return made


def look(kit: Any, tls: ssl.SSLContext, **options: Any) -> Any:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    return kit.look_at(serve, "tls", tls=tls, **options)


def test_a_good_certificate(kit: Any, authority: trustme.CA, ca_file: str) -> None:
    seen = look(kit, context(authority), ca_file=ca_file)
    assert (seen.failure, tuple(seen.fields)) == (None, FIELDS)
    assert seen.fields["protocol"] == 1_300_000
    left = from_datetime(EXPIRES) - from_datetime(datetime.datetime.now(datetime.UTC))
    assert abs(seen.fields["certificate_left"] - left) < DAY
    assert seen.fields["elapsed"] >= seen.fields["handshake"] + seen.fields["connect"] > 0


def test_an_expired_certificate(kit: Any, authority: trustme.CA, ca_file: str) -> None:
    """N10."""
    past = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)
    seen = look(kit, context(authority, expires=past), ca_file=ca_file)
    assert (seen.failure, seen.fields["ok"], seen.fields["certificate_left"]) == ("tls-expired", False, None)


def test_a_certificate_of_tomorrow(kit: Any, authority: trustme.CA, ca_file: str) -> None:
    future = datetime.datetime(2039, 1, 1, tzinfo=datetime.UTC)
    assert look(kit, context(authority, begins=future), ca_file=ca_file).failure == "tls-not-yet-valid"


def test_a_certificate_of_another_name(kit: Any, authority: trustme.CA, ca_file: str) -> None:
    """N10."""
    other = context(authority, "other.example")
    assert look(kit, other, ca_file=ca_file).failure == "tls-hostname"
    assert look(kit, other, ca_file=ca_file, name="other.example").failure is None


def test_a_certificate_signed_by_itself(kit: Any, ca_file: str, tmp_path: Path) -> None:
    """N10."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(BEGINS)
        .not_valid_after(EXPIRES)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "self.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(path)
    seen = look(kit, tls, ca_file=ca_file)
    assert seen.failure == "tls-self-signed"
    assert seen.reason.endswith("is signed by itself alone")


def test_a_chain_with_a_certificate_missing(
    kit: Any, authority: trustme.CA, ca_file: str, tmp_path: Path
) -> None:
    """N10."""
    between = authority.create_child_ca()
    certificate = between.issue_cert("127.0.0.1")
    path = tmp_path / "chain.pem"
    leaf, *others = certificate.cert_chain_pems
    assert others
    for chain, failure in (([leaf], "tls-chain"), ([leaf, *others], None)):
        path.write_bytes(certificate.private_key_pem.bytes() + b"".join(one.bytes() for one in chain))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(path)
        assert look(kit, tls, ca_file=ca_file).failure == failure


def test_an_authority_that_nobody_knows(kit: Any, ca_file: str) -> None:
    assert look(kit, context(trustme.CA()), ca_file=ca_file).failure == "tls-chain"


def test_an_old_protocol(kit: Any, authority: trustme.CA, ca_file: str) -> None:
    tls = context(authority)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    seen = look(kit, tls, ca_file=ca_file)
    assert (seen.failure, seen.fields["protocol"]) == (None, 1_200_000)
    seen = look(kit, tls, ca_file=ca_file, protocol="1.3")
    assert (seen.failure, seen.fields["ok"], seen.fields["protocol"]) == ("tls-version", False, 1_200_000)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_protocol_that_is_too_old(kit: Any, authority: trustme.CA, ca_file: str) -> None:
    """N10."""
    tls = context(authority)
    tls.minimum_version = ssl.TLSVersion.TLSv1
    tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")

    def serve(listening: socket.socket) -> None:
        connected, _ = listening.accept()
        with connected, suppress(ssl.SSLError):
            tls.wrap_socket(connected, server_side=True)

    # A server of asyncio says nothing when it refuses; others say why.
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve, args=(listening,))
        serving.start()
        seen = kit.look("tls", address=f"127.0.0.1:{listening.getsockname()[1]}", ca_file=ca_file)
        serving.join()
    assert seen.failure == "tls-version", seen.reason


def test_unchecked(kit: Any) -> None:
    tls = context(trustme.CA(), "other.example")
    seen = look(kit, tls, certificate="unchecked")
    assert (seen.failure, seen.fields["certificate_left"]) == (None, None)
    assert look(kit, tls, verify_tls=False).failure is None
    assert look(kit, tls, certificate="unchecked", verify_tls=True).fields["ok"] is not True


def test_a_store_that_cannot_be_read_is_the_observers_fault(
    kit: Any, authority: trustme.CA, tmp_path: Path
) -> None:
    seen = look(kit, context(authority), certificate=str(tmp_path / "missing.pem"))
    assert (seen.failure, seen.fields["ok"]) == ("observer-tls", None)


def test_a_service_without_tls(kit: Any, ca_file: str) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        writer.close()

    assert kit.look_at(plain, "tls", ca_file=ca_file).failure == "tls-handshake"


def test_a_handshake_that_hangs(kit: Any, ca_file: str) -> None:
    """N10."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    seen = kit.look_at(hang, "tls", ca_file=ca_file, timeout=200 * MILLISECOND)
    assert (seen.failure, seen.fields["elapsed"]) == ("timeout", 200 * MILLISECOND)
    assert seen.reason.endswith("while agreeing on TLS")


def test_the_usual_port_and_name(kit: Any) -> None:
    target = kit.target("tls", address="Shop.Example.")
    assert (target.shown, target.name) == ("shop.example.:443", "shop.example")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"address": "h:0"}, "port"),
        ({"address": "h", "protocol": "1.1"}, "one of 1.2, 1.3"),
        ({"address": "h", "name": "other:443"}, "without a port"),
    ],
)
def test_options_that_cannot_work(kit: Any, options: dict[str, str], what: str) -> None:
    with pytest.raises(SourceError, match=what):
        kit.target("tls", **options)
