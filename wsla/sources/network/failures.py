"""Why a probe failed: a closed set of words, split into the service's faults and the observer's own."""

from __future__ import annotations

import errno
import socket
import ssl
from enum import StrEnum
from typing import Final


class Failure(StrEnum):
    """Stable words for machines. Those that start with ``observer-`` say nothing about the service."""

    TIMEOUT = "timeout"
    RESOLVE_NOT_FOUND = "resolve-not-found"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    RESET = "reset"
    TLS_EXPIRED = "tls-expired"
    TLS_HOSTNAME = "tls-hostname"
    TLS_UNTRUSTED = "tls-untrusted"
    TLS_NOT_YET_VALID = "tls-not-yet-valid"
    TLS_SELF_SIGNED = "tls-self-signed"
    TLS_CHAIN = "tls-chain"
    TLS_VERSION = "tls-version"
    TLS_HANDSHAKE = "tls-handshake"
    PROTOCOL = "protocol"
    FRAMING = "framing"
    INCOMPLETE = "incomplete"
    HEADERS_TOO_LARGE = "headers-too-large"
    BODY_TOO_LARGE = "body-too-large"
    DECODING = "decoding"
    REDIRECT_LOOP = "redirect-loop"
    REDIRECT_REFUSED = "redirect-refused"
    STATUS = "status"
    TEXT = "text"
    DNS_NXDOMAIN = "dns-nxdomain"
    DNS_SERVFAIL = "dns-servfail"
    DNS_REFUSED = "dns-refused"
    DNS_ERROR = "dns-error"
    DNS_NO_ANSWER = "dns-no-answer"
    DNS_ANSWER = "dns-answer"
    EXIT = "exit"
    SIGNAL = "signal"
    OUTPUT_TOO_LARGE = "output-too-large"
    OBSERVER_RESOURCES = "observer-resources"
    OBSERVER_NETWORK = "observer-network"
    OBSERVER_RESOLVER = "observer-resolver"
    OBSERVER_POLICY = "observer-policy"
    OBSERVER_PROXY = "observer-proxy"
    OBSERVER_COMMAND = "observer-command"
    OBSERVER_TLS = "observer-tls"
    OBSERVER_QUERY = "observer-query"
    OBSERVER_FILE = "observer-file"
    OBSERVER_DATABASE = "observer-database"
    OBSERVER_AGREEMENT = "observer-agreement"
    OBSERVER_LATE = "observer-late"
    OBSERVER_SHUTDOWN = "observer-shutdown"
    OBSERVER_INTERNAL = "observer-internal"

    @property
    def of_observer(self) -> bool:
        """True where the fault is the observer's own, so the service's state is unknown."""
        return self.value.startswith("observer-")


class Stage(StrEnum):
    """What a probe was doing, in words that end the sentence "no answer within 5s, while …"."""

    RESOLVE = "looking up the name"
    CONNECT = "connecting"
    HANDSHAKE = "agreeing on TLS"
    WAIT = "waiting for the first byte"
    HEAD = "reading the headers"
    BODY = "reading the body"
    ANSWER = "waiting for an answer"
    TEXT = "waiting for the expected text"
    RUN = "running the program"


class ProbeFailed(Exception):
    """Ends a probe with a word and a sentence, which never holds a path, a query, a header or a body."""

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure
        self.reason = reason


_NO_RESOURCES: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN}
_NO_NETWORK: Final = {errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_FORBIDDEN: Final = {errno.EACCES, errno.EPERM}
_NOT_REACHED: Final = {errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.EINVAL}
_NO_SUCH_NAME: Final = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}

_NO_CHAIN: Final = (
    "leads to no authority that is trusted here: the authority is unknown, "
    "or a certificate in between was not sent"
)

# The numbers of OpenSSL's X509_V_ERR_*, which the ssl module does not name, and what to say of a certificate.
_CERTIFICATES: Final = {
    9: (Failure.TLS_NOT_YET_VALID, "is not valid yet"),
    10: (Failure.TLS_EXPIRED, "has expired"),
    18: (Failure.TLS_SELF_SIGNED, "is signed by itself alone"),
    # An authority that nobody knows and a certificate in between that was not sent look the same from outside.
    20: (Failure.TLS_CHAIN, _NO_CHAIN),
    21: (Failure.TLS_CHAIN, _NO_CHAIN),
    62: (Failure.TLS_HOSTNAME, "is for another name"),
    63: (Failure.TLS_HOSTNAME, "is for another name"),
    64: (Failure.TLS_HOSTNAME, "is for another name"),
}
_OLD_PROTOCOL: Final = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "VERSION_TOO_LOW"}


def from_lookup_error(error: OSError, host: str) -> ProbeFailed:
    """What a failed look-up says: an unknown name is the service's fault, everything else the observer's."""
    if isinstance(error, socket.gaierror):
        if error.errno in _NO_SUCH_NAME:
            return ProbeFailed(Failure.RESOLVE_NOT_FOUND, f"the name {host} does not exist")
        return ProbeFailed(Failure.OBSERVER_RESOLVER, f"the resolver could not answer for {host}")
    if error.errno in _NO_RESOURCES:
        return ProbeFailed(Failure.OBSERVER_RESOURCES, "this machine has no file descriptor or memory left")
    return ProbeFailed(Failure.OBSERVER_RESOLVER, f"the resolver could not answer for {host}")


def from_os_error(error: OSError, stage: Stage, where: str) -> ProbeFailed:
    """What an error of the socket says about ``where`` (host and port), reached in ``stage``."""
    if isinstance(error, ssl.SSLError):
        return _from_tls_error(error, stage, where)
    number = error.errno
    if number in _NO_RESOURCES:
        return ProbeFailed(
            Failure.OBSERVER_RESOURCES, "this machine has no file descriptor, port or memory left"
        )
    if number in _NO_NETWORK:
        return ProbeFailed(Failure.OBSERVER_NETWORK, f"this machine has no route to {where}")
    if number in _FORBIDDEN:
        return ProbeFailed(Failure.OBSERVER_NETWORK, f"this machine may not connect to {where}")
    if number == errno.ECONNREFUSED:
        return ProbeFailed(Failure.REFUSED, f"{where} refused the connection")
    if number in _NOT_REACHED:
        return ProbeFailed(Failure.UNREACHABLE, f"{where} cannot be reached")
    if number == errno.ETIMEDOUT:
        return ProbeFailed(Failure.TIMEOUT, f"{where} did not answer, while {stage}")
    if stage is Stage.HANDSHAKE:
        return ProbeFailed(Failure.TLS_HANDSHAKE, f"{where} ended the connection, while {stage}")
    if isinstance(error, ConnectionError):
        return ProbeFailed(Failure.RESET, f"{where} reset the connection, while {stage}")
    return ProbeFailed(Failure.UNREACHABLE, f"the connection to {where} failed, while {stage}")


def _from_tls_error(error: ssl.SSLError, stage: Stage, where: str) -> ProbeFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        known = _CERTIFICATES.get(error.verify_code)
        if known is not None:
            failure, what = known
            return ProbeFailed(failure, f"the certificate of {where} {what}")
        detail = error.verify_message
        return ProbeFailed(Failure.TLS_UNTRUSTED, f"the certificate of {where} is not trusted: {detail}")
    if stage is not Stage.HANDSHAKE:
        return ProbeFailed(Failure.RESET, f"{where} broke the TLS connection, while {stage}")
    if error.reason in _OLD_PROTOCOL:
        return ProbeFailed(Failure.TLS_VERSION, f"{where} and this machine have no version of TLS in common")
    detail = (error.reason or "it ended early").replace("_", " ").lower()
    return ProbeFailed(Failure.TLS_HANDSHAKE, f"no TLS connection with {where}: {detail}")
