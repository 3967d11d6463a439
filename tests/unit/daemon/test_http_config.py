"""`[http]` in `wsla.toml`: what it may say, and every problem with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsla.daemon.config import ConfigError, load_config
from wsla.daemon.http_config import Http, Token
from wsla.daemon.links import Links
from wsla.values.instants import DAY

SECRET = "0123456789abcdef"
LONG = 2 * SECRET


def load(folder: Path, text: str) -> Http | None:
    path = folder / "wsla.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(
        path,
        {"T": SECRET, "LONG": LONG, "SHORT": SECRET[1:], "ODD": SECRET + "\x7f", "U": "fedcba9876543210"},
    ).http


def test_nothing_listens_unless_it_is_said(tmp_path: Path) -> None:
    assert load(tmp_path, "") is None


def test_everything_that_it_may_say(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """
        [http]
        address = "[::]:8321"
        requests_per_minute = 60
        [http.tokens.globex]
        secret = { env = "T" }
        party = "Globex"
        agreements = ["Search"]
        [http.tokens.watch]
        secret = { env = "U" }
        scopes = ["operate"]
        """,
    )
    globex = Token(name="globex", secret=SECRET, party="Globex", agreements=("Search",))
    watch = Token(name="watch", secret="fedcba9876543210", scopes=frozenset({"operate"}))
    assert found == Http(host="::", port=8321, requests_per_minute=60, tokens=(globex, watch))
    assert SECRET not in repr(found)


def test_what_messages_carry(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """
        [http]
        address = "127.0.0.1:1"
        public_url = "https://sla.example:8443/wsla/"
        link_secret = { env = "LONG" }
        links_good_for = "2d"
        links_for = ["acme.oncall"]
        """,
    )
    assert found is not None
    assert found.links == Links(
        public_url="https://sla.example:8443/wsla", secret=LONG, good_for=2 * DAY, targets=("acme.oncall",)
    )
    assert LONG not in repr(found)
    bare = load(tmp_path, '[http]\naddress = "127.0.0.1:1"\npublic_url = "http://[::1]:8321"\n')
    assert bare is not None
    assert bare.links == Links(public_url="http://[::1]:8321")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('address = "[::1]:80"\nlink_secret = { env = "LONG" }', "http.link_secret: this takes a public_url"),
        ('address = "[::1]:80"\nlinks_for = ["acme"]', "http.links_for: this takes a public_url"),
        ('address = "[::1]:80"\npublic_url = "sla.example"', "http.public_url: this is an address"),
        (
            'address = "[::1]:80"\npublic_url = "https://sla.example/?a"',
            "http.public_url: this is an address",
        ),
        ('address = "[::1]:80"\npublic_url = "javascript:alert(1)"', "http.public_url: this is an address"),
        (
            'address = "[::1]:80"\npublic_url = "https://sla.example"\nlink_secret = { env = "T" }',
            "http.link_secret: what signs addresses is at least 32 printable ASCII characters",
        ),
        (
            'address = "[::1]:80"\npublic_url = "https://sla.example"\nlinks_good_for = "91d"',
            "http.links_good_for: this lies between",
        ),
        ("", "http.address: this is needed"),
        ('address = "8321"', "http.address: this is a host and a port"),
        ('address = "127.0.0.1:65536"', "http.address: this is a host and a port"),
        ('address = "0.0.0.0:80"', "http.address: whoever reaches this address could read everything"),
        ('address = "127.0.0.1.example.com:80"', "http.address: whoever reaches"),
        (
            'address = "[::1]:80"\nadress = 1',
            'http.adress: there is no such setting; did you mean "address"?',
        ),
        (
            'address = "[::1]:80"\nrequests_per_minute = 0',
            "http.requests_per_minute: this is a whole number",
        ),
        ('address = "0.0.0.0:80"\n[http.tokens]', "http.tokens: there is no token in it"),
        ('address = "0.0.0.0:80"\n[http.tokens.a]', "http.tokens.a.secret: a token needs a secret"),
        (
            'address = "[::1]:80"\n[http.tokens.a]\nsecret = "x"',
            "http.tokens.a.secret: a secret is not written here",
        ),
        (
            'address = "[::1]:80"\n[http.tokens.a]\nsecret = { env = "SHORT" }',
            "http.tokens.a.secret: a token is at",
        ),
        (
            'address = "[::1]:80"\n[http.tokens.a]\nsecret = { env = "ODD" }',
            "http.tokens.a.secret: a token is at",
        ),
        (
            'address = "[::1]:80"\n[http.tokens.a]\nsecret = { env = "NONE" }',
            "http.tokens.a.secret: the environment",
        ),
        (
            'address = "[::1]:80"\n[http.tokens.a]\nsecret = { env = "T" }\n[http.tokens.b]\nsecret = { env = "T" }',
            "http.tokens: two tokens have the same secret",
        ),
        (
            'address = "[::1]:80"\n[http.tokens.a]\nsecret = { env = "T" }\nscopes = ["reed"]',
            'http.tokens.a.scopes: there is no "reed"; did you mean "read"?',
        ),
        (
            'address = "[::1]:80"\n[http.tokens.a]\nsecret = { env = "T" }\nparty = "acme"\nscopes = ["operate"]',
            "http.tokens.a.scopes: a token of a party does not operate the daemon",
        ),
    ],
)
def test_problems_have_their_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, f"[http]\n{text}")
    [found] = raised.value.problems
    assert found.removeprefix(f"{tmp_path / 'wsla.toml'}: ").startswith(problem)
