"""Tokens, scopes and how often an address may ask."""

from __future__ import annotations

import base64

import pytest

from wsla.api import loads
from wsla.daemon.http_config import Http, Token, is_loopback
from wsla.values.instants import MINUTE, SECOND
from wsla.web import access
from wsla.web.access import LOCAL, Allowance, find_token, may_see, origin

ONE = Token(name="one", secret="a" * 16)
TWO = Token(name="two", secret="ü".encode().hex() * 8)
SETTINGS = Http(host="127.0.0.1", port=0, tokens=(ONE, TWO))


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (f"Bearer {ONE.secret}", ONE),
        (f"bearer  {TWO.secret} ", TWO),
        (basic(f"anybody:{ONE.secret}"), ONE),
        (basic(f":{TWO.secret}"), TWO),
        (basic(ONE.secret), None),
        (f"Bearer {ONE.secret}x", None),
        ("Bearer ", None),
        ("Bearer \udcff", None),
        ("Basic !!!", None),
        ("Basic " + "A" * 100_001, None),
        (f"Digest {ONE.secret}", None),
        ("", None),
        (None, None),
    ],
)
def test_the_token_of_a_header(header: str | None, found: Token | None) -> None:
    assert find_token(SETTINGS, header) is found


def test_without_tokens_everybody_on_the_machine_may_everything() -> None:
    assert find_token(Http(host="127.0.0.1", port=0), None) is LOCAL


def test_what_only_the_machine_reaches() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.9.1", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.0.2.1", "example.com", "127.0.0.1.example.com")))


def test_a_party_sees_its_own_agreements() -> None:
    plan = loads(
        'agreement "T" version 1 { effective 2026-01-01 in "UTC"\n'
        'party acme "Acme Ltd" provider\nparty globex "Globex" consumer\n'
        "source p = push { holds 1m }\nmetric up = availability(p.ok) each day\n"
        "goal g: acme guarantees up >= 99% }"
    ).plan
    token = lambda **what: Token(name="t", secret="s" * 16, **what)  # noqa: E731
    assert may_see(token(), "T", plan)
    assert may_see(token(party="globex"), "T", plan)
    assert may_see(token(party="Acme Ltd"), "T", plan)
    assert not may_see(token(party="Acme"), "T", plan)
    assert may_see(token(party="acme", agreements=("T",)), "T", plan)
    assert not may_see(token(party="acme", agreements=("U",)), "T", plan)


def test_an_allowance_is_used_up_and_grows_again() -> None:
    now = 0
    allowance = Allowance(3, lambda: now)
    assert [allowance.take("a") for _ in range(4)] == [0, 0, 0, 20 * SECOND]
    assert allowance.take("b") == 0
    now = 20 * SECOND - 1
    assert allowance.take("a") == 1
    now += 1
    assert allowance.wait("a") == 0
    assert allowance.take("a") == 0
    assert allowance.take("a") == 20 * SECOND
    now += 10 * MINUTE
    assert [allowance.take("a") for _ in range(4)] == [0, 0, 0, 20 * SECOND]


def test_addresses_are_forgotten_before_they_fill_the_memory() -> None:
    allowance = Allowance(1, lambda: 0)
    for number in range(10_001):
        allowance.take(str(number))
    assert len(allowance._left) == 10_000
    assert allowance.take("10000") > 0
    assert allowance.take("0") == 0


def test_every_secret_is_compared_whatever_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(access.hmac, "compare_digest", compare)
    for guess in (ONE.secret, TWO.secret, ONE.secret[:-1], "", "x"):
        compared.clear()
        find_token(SETTINGS, f"Bearer {guess}")
        assert [one for one, _ in compared] == [ONE.secret.encode(), TWO.secret.encode()]


def test_a_network_of_ipv6_counts_as_one_address() -> None:
    assert origin("2001:db8::1") == origin("2001:db8::ffff:ffff:ffff:ffff") == "2001:db8::"
    assert origin("2001:db8:0:1::1") != origin("2001:db8::1")
    assert origin("::ffff:192.0.2.1") == origin("192.0.2.1") == "192.0.2.1"
    assert origin("192.0.2.1") != origin("192.0.2.2")
    assert origin("fe80::1%eth0") == origin("fe80::2%eth1")
    assert (origin(""), origin("unix")) == ("", "unix")
