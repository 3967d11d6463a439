"""The words for what went wrong, found through the wrappings of libraries."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from wsla.channels.failures import network_reason


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "SECRET"), "the name of x:1 could not be resolved"),
        (ConnectionRefusedError(), "x:1 refused the connection"),
        (ConnectionResetError(), "x:1 cut the connection"),
        (BrokenPipeError(), "x:1 cut the connection"),
        (TimeoutError(), "x:1 did not answer in time"),
        (OSError(errno.EHOSTUNREACH, "SECRET"), "x:1 cannot be reached from here"),
        (OSError(errno.ENETUNREACH, "SECRET"), "x:1 cannot be reached from here"),
        (OSError(errno.EMFILE, "SECRET"), "this machine has no free file handles"),
        (ssl.SSLError(1, "SECRET"), "no secure connection with x:1"),
        (ssl.SSLCertVerificationError(1, "SECRET"), "the certificate of x:1 was refused"),
        (ValueError("SECRET"), "the attempt to reach x:1 failed (ValueError)"),
    ],
)
def test_each_error_has_its_words(error, words):
    assert network_reason(error, "x:1") == words


def test_the_cause_is_found_behind_what_hides_it():
    group = ExceptionGroup("one an address", [OSError(errno.EHOSTUNREACH, ""), ConnectionRefusedError()])
    outer = RuntimeError("All connection attempts failed")
    outer.__cause__ = OSError("wrapped")
    outer.__cause__.__context__ = group
    assert network_reason(outer, "x:1") == "x:1 cannot be reached from here"


def test_errors_that_cause_each_other_come_to_an_end():
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one
    assert network_reason(one, "x:1") == "the attempt to reach x:1 failed (ValueError)"
