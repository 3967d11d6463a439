"""What can be said of a probe's address and options from their text alone, before anybody looks."""

from __future__ import annotations

DNS_RECORDS = (
    "A", "AAAA", "CAA", "CNAME", "DNSKEY", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "SVCB", "TLSA",
    "TXT",
)  # fmt: skip
"""The types of record that a dns source can ask for."""

TLS_VERSIONS = ("1.2", "1.3")
"""The versions of TLS that a tls source can ask for."""

MOST_PACKETS = 100
"""So many packets an icmp source may send at each look."""

_HIGHEST_PORT = 65_535


def unusable(kind: str, option: str, value: str) -> str | None:
    """Why the text after a kind, or one of its options, cannot work; None where it can, or only a look will tell."""
    match kind, option:
        case (("tcp" | "tls"), "address"):
            return _unusable_address(value, needs_port=kind == "tcp")
        case "icmp", "count":
            usable = (
                value.isascii() and value.isdigit() and len(value) <= 3 and 1 <= int(value) <= MOST_PACKETS
            )
            return None if usable else f"the count of packets is a whole number between 1 and {MOST_PACKETS}"
        case "tls", "protocol":
            usable = value in TLS_VERSIONS
            return None if usable else f"the version of TLS is one of {', '.join(TLS_VERSIONS)}"
        case "dns", "record":
            usable = value.upper() in DNS_RECORDS
            return None if usable else f"the record is not one of {', '.join(DNS_RECORDS)}"
        case "push", "only":
            name, equals, text = (part.strip() for part in value.partition("="))
            usable = bool(name and equals and text)
            return None if usable else 'which attribute has which value is written only "attribute=value"'
        case "sql", "parameter":
            name, equals, _ = value.partition("=")
            usable = bool(equals) and name.isascii() and name.isidentifier()
            return (
                None if usable else 'what stands for `:name` in the query is written parameter "name=value"'
            )
        case "command", "path":
            usable = value.startswith("/") or value[1:3] == ":\\"
            return None if usable else "a program is named by its whole path, such as `/usr/bin/true`"
    return None


def _unusable_address(text: str, *, needs_port: bool) -> str | None:
    if "://" in text:
        return f"`{text}` is a web address; here stands a host with a port, such as `mail.example.com:25`"
    # The colons within the brackets of an IPv6 address begin no port.
    _, colon, digits = text.rpartition("]")[2].rpartition(":")
    if not colon:
        return f"`{text}` has no port, such as `mail.example.com:25`" if needs_port else None
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits[:6]) <= _HIGHEST_PORT):
        return f"the port of `{text}` is not between 1 and {_HIGHEST_PORT}"
    return None
