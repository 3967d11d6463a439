"""Money: the currencies of ISO 4217, rounding to the minor unit, and how an amount is written."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Final

_TWO_PLACES: Final = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
    CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL
    HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU
    MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR
    SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED
    VES WST XAD XCD XCG YER ZAR ZMW ZWG
"""
_NO_PLACES: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_PLACES: Final = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_PLACES: Final = "CLF UYW"
# Withdrawn since 2021. Agreements in them must still give the same bytes to whoever recomputes them.
_WITHDRAWN_TWO_PLACES: Final = "ANG BGN CUC HRK SLL ZWL"

MINOR_UNIT_PLACES: Final[Mapping[str, int]] = MappingProxyType(
    {
        code: places
        for codes, places in (
            (_NO_PLACES, 0),
            (_TWO_PLACES, 2),
            (_WITHDRAWN_TWO_PLACES, 2),
            (_THREE_PLACES, 3),
            (_FOUR_PLACES, 4),
        )
        for code in codes.split()
    }
)
"""Decimal places of the minor unit of every currency of ISO 4217 that has one (gold has none)."""


UNIT_PLACES: Final = 2
"""Decimal places of amounts in a unit that an agreement names itself."""


class UnknownCurrency(ValueError):
    """A code that is no currency of ISO 4217 with a minor unit."""


def minor_unit_places(code: str) -> int:
    """Decimal places of a currency's minor unit. Raises UnknownCurrency."""
    try:
        return MINOR_UNIT_PLACES[code]
    except KeyError:
        raise UnknownCurrency(f"{code!r} is not a currency such as EUR or USD") from None


def is_own_unit(code: str) -> bool:
    """True for the name of a unit of an agreement's own, such as ``point``: it begins with a small letter."""
    return code[:1].islower()


def round_to_minor(amount: Fraction, code: str) -> Decimal:
    """An amount in currency units rounded half-even to its minor unit, however large; in hundredths for a unit of an
    agreement's own. Raises UnknownCurrency.
    """
    places = UNIT_PLACES if is_own_unit(code) else minor_unit_places(code)
    # Built from digits: quantize and scaleb would fail or round by the precision of the decimal context.
    sign, digits, _ = Decimal(round(amount * 10**places)).as_tuple()
    return Decimal((sign, digits, -places))


def format_money(amount: Decimal, code: str) -> str:
    """``200.00 EUR``: at least the places of the minor unit, and every further place that the amount has.

    ``4 point`` in a unit of an agreement's own. Raises UnknownCurrency.
    """
    places = 0 if is_own_unit(code) else minor_unit_places(code)
    whole, _, fraction = format(amount, "f").partition(".")
    fraction = fraction.rstrip("0").ljust(places, "0")
    return f"{whole}.{fraction} {code}" if fraction else f"{whole} {code}"
