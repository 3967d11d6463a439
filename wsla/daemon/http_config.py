"""The table `[http]` of `wsla.toml`: where the daemon answers, and who may ask it what."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final

from attrs import evolve, field, frozen

from wsla.daemon.links import GOOD_FOR, SHORTEST_SECRET, Links
from wsla.daemon.tables import SecretMissing, Table
from wsla.values.instants import DAY, HOUR

SCOPES: Final = ("read", "operate", "push")
"""``read`` agreements and what became of them; ``operate`` sees the daemon itself, its metrics among them; ``push``
sends observations."""
SHORTEST_TOKEN: Final = 16
_PUBLIC: Final = re.compile(
    r"https?://[A-Za-z0-9.\-]+(?::\d{1,5})?(?:/[A-Za-z0-9._~/\-]*)?|https?://\[[0-9A-Fa-f:.]+\](?::\d{1,5})?/?"
)
MOST_CONNECTIONS: Final = 500
"""Connections at once, from whatever addresses."""
_PLACE: Final = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9.\-]+)):(?P<port>\d{1,5})")


@frozen(kw_only=True)
class Token:
    """Who holds ``secret`` may do what ``scopes`` say; with ``party`` only in agreements that have such a party, by
    name or title, and with ``agreements`` only in these, by title."""

    name: str
    secret: str = field(repr=False)
    scopes: frozenset[str] = frozenset({"read"})
    party: str | None = None
    agreements: tuple[str, ...] | None = None


@frozen(kw_only=True)
class Http:
    """Where the daemon answers. ``requests_per_minute`` and ``connections_per_address`` are for each address that asks,
    ``largest_push`` the bytes of what is sent at once. ``links`` are the addresses that messages carry."""

    host: str
    port: int
    tokens: tuple[Token, ...] = ()
    requests_per_minute: int = 600
    connections_per_address: int = 100
    largest_push: int = 4 * 1024 * 1024
    links: Links | None = None

    @property
    def loopback(self) -> bool:
        """True where only this machine can ask."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """True for an address that only the machine itself reaches."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_http(table: Table | None, environ: Mapping[str, str]) -> Http | None:
    """The table's settings; None where there is none."""
    if table is None:
        return None
    address = table.text("address")
    host, port = _address(table, address)
    default = Http(host=host, port=port)
    tokens = []
    named = table.table("tokens")
    for name, one in named.tables() if named is not None else ():
        token = _token(name, one, environ)
        if token is not None:
            tokens.append(token)
    if named is not None and not tokens and not named.values:
        table.problem("tokens", "there is no token in it; leave the table out to do without tokens")
    found = Http(
        host=host,
        port=port,
        tokens=tuple(tokens),
        requests_per_minute=table.integer("requests_per_minute", default.requests_per_minute, 1, 1_000_000),
        connections_per_address=table.integer(
            "connections_per_address", default.connections_per_address, 1, MOST_CONNECTIONS
        ),
        largest_push=table.integer("largest_push", default.largest_push, 1024, 256 * 1024 * 1024),
    )
    found = evolve(found, links=_links(table, environ))
    if address is not None and not found.loopback and named is None:
        table.problem(
            "address",
            "whoever reaches this address could read everything: add [http.tokens.NAME], or use 127.0.0.1",
        )
    secrets = [token.secret for token in tokens]
    if len(set(secrets)) < len(secrets):
        table.problem("tokens", "two tokens have the same secret")
    table.finish()
    return found


def _links(table: Table, environ: Mapping[str, str]) -> Links | None:
    public = table.text("public_url")
    hidden = _secret(table, "link_secret", environ, SHORTEST_SECRET, "what signs addresses")
    good_for = table.optional_length("links_good_for", HOUR, 90 * DAY)
    targets = table.texts("links_for")
    if public is None:
        for key in ("link_secret", "links_good_for", "links_for"):
            if key in table.values:
                table.problem(key, "this takes a public_url: where others reach this daemon")
        return None
    if _PUBLIC.fullmatch(public) is None:
        table.problem("public_url", 'this is an address such as "https://sla.example.com", without ? and #')
        return None
    return Links(public_url=public.rstrip("/"), secret=hidden, good_for=good_for or GOOD_FOR, targets=targets)


def _secret(table: Table, key: str, environ: Mapping[str, str], shortest: int, what: str) -> str | None:
    """A secret of printable ASCII characters, and enough of them."""
    reference = table.reference(key)
    if reference is None:
        return None
    try:
        secret = reference.resolve(environ)
    except SecretMissing as error:
        table.problem(key, str(error))
        return None
    if len(secret) < shortest or not secret.isascii() or not secret.isprintable():
        table.problem(key, f"{what} is at least {shortest} printable ASCII characters")
        return None
    return secret


def _address(table: Table, text: str | None) -> tuple[str, int]:
    if text is None:
        if "address" not in table.values:
            table.problem("address", 'this is needed, such as address = "127.0.0.1:8321"')
        return "127.0.0.1", 0
    match = _PLACE.fullmatch(text)
    if match is None or int(match["port"]) > 65_535:
        table.problem("address", 'this is a host and a port, such as "127.0.0.1:8321" or "[::1]:8321"')
        return "127.0.0.1", 0
    return match["six"] or match["name"], int(match["port"])


def _token(name: str, table: Table, environ: Mapping[str, str]) -> Token | None:
    secret = _secret(table, "secret", environ, SHORTEST_TOKEN, "a token")
    if "secret" not in table.values:
        table.problem("secret", 'a token needs a secret: { env = "NAME" } or { file = "path" }')
    scopes = table.texts("scopes", SCOPES)
    party = table.text("party")
    agreements = table.texts("agreements")
    if party is not None and scopes is not None and "operate" in scopes:
        table.problem("scopes", "a token of a party does not operate the daemon")
    table.finish()
    if secret is None:
        return None
    return Token(
        name=name,
        secret=secret,
        scopes=frozenset(scopes or ("read",)),
        party=party,
        agreements=agreements,
    )
