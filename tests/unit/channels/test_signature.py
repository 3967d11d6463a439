"""Signatures: what verifies, and that nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.channels.signature import TOLERANCE_SECONDS, sign, verify_signature

secrets = st.text(st.characters(codec="utf-8"), min_size=1)
seconds = st.integers(0, 10**11)


def test_the_value_is_the_documented_one():
    # printf '1772618400.{"id":"a"}' | openssl dgst -sha256 -hmac secret
    assert sign("secret", b'{"id":"a"}', 1772618400) == (
        "t=1772618400,v1=6001500e4b8ba323b5d8852239ee4c85c0f993df9e6542ff03408ffc8c48e988"
    )


@given(secrets, st.binary(), seconds)
def test_what_was_signed_verifies(secret, body, now):
    assert verify_signature(secret, sign(secret, body, now), body, now)


@given(secrets, st.binary(), seconds, st.data())
def test_one_changed_byte_does_not(secret, body, now, data):
    header = sign(secret, body, now)
    place = data.draw(st.integers(0, len(body)))
    assert not verify_signature(secret, header, body[:place] + b"x" + body[place:], now)
    assert not verify_signature(secret + "x", header, body, now)
    assert not verify_signature(secret, header.replace("t=", "t=1"), body, now, tolerance_s=10**13)


@pytest.mark.parametrize("sign_", [1, -1])
def test_the_tolerance_has_an_edge_on_both_sides(sign_):
    header = sign("secret", b"", 10_000)
    assert verify_signature("secret", header, b"", 10_000 + sign_ * TOLERANCE_SECONDS)
    assert not verify_signature("secret", header, b"", 10_000 + sign_ * (TOLERANCE_SECONDS + 1))


def test_one_of_several_signatures_is_enough():
    old, new = sign("old", b"x", 5), sign("new", b"x", 5)
    both = f"{old},{new.partition(',')[2]}, v0=ignored"
    assert verify_signature("old", both, b"x", 5)
    assert verify_signature("new", both, b"x", 5)
    assert not verify_signature("none", both, b"x", 5)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: "",
        lambda header: header.partition(",")[0],
        lambda header: header.partition(",")[2],
        lambda header: header + ",t=5",
        lambda header: header.replace("v1", "v2"),
        lambda header: header.upper(),
        lambda header: header[:-1],
        lambda header: header.replace("t=5", "t= 5"),
        lambda header: header.replace("t=5", "t=٥"),
        lambda header: header.replace("v1=", "v1=é"),
    ],
)
def test_headers_of_another_form_do_not_verify(change):
    header = sign("secret", b"x", 5)
    assert verify_signature("secret", header, b"x", 5)
    assert not verify_signature("secret", change(header), b"x", 5)


@given(st.text(), st.binary())
def test_no_header_breaks_it(header, body):
    assert not verify_signature("secret", header, body, 0)


def test_an_empty_secret_is_a_mistake():
    with pytest.raises(ValueError, match="secret"):
        sign("", b"", 0)
    with pytest.raises(ValueError, match="secret"):
        verify_signature("", "t=1,v1=00", b"", 0)
