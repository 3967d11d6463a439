"""Values to text and back, exactly: JSON for records, ``a/b`` for fractions, decimal digits for money."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from wsla.analysis.operations import Value
from wsla.evaluation.verdicts import Judgement, Labels, Verdict
from wsla.plan.model import Target
from wsla.remedies.decisions import Intent, LedgerEntry, Words
from wsla.values.instants import Interval
from wsla.values.observations import Raw

SMALLEST: Final = -(2**63)
LARGEST: Final = 2**63 - 1
# Python refuses to write or read longer integers in decimal digits.
_DECIMAL_BITS: Final = 10_000

_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_ascii = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode


def dump_json(value: object) -> str:
    """JSON text that any encoding can carry; lone surrogates are escaped."""
    text = _compact(value)
    return text if _is_sound(text) else _ascii(value)


def load_json(text: str) -> Any:
    """The value of a JSON text."""
    return json.loads(text)


def sound_text(text: str) -> str:
    """The same text, lone surrogates and NUL (which not every database takes) written as ``\\udc80`` and ``\\x00``."""
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    return text if _is_sound(text) else text.encode("utf-8", "backslashreplace").decode("utf-8")


def fits(number: int) -> bool:
    """True where a column of 64 bits holds the number."""
    return SMALLEST <= number <= LARGEST


def bounded(number: int) -> int:
    """The nearest number that a column of 64 bits holds: such columns only order and find."""
    return max(SMALLEST, min(LARGEST, number))


def dump_fraction(value: Fraction) -> str:
    """``a/b``, in lowest terms."""
    return f"{_digits(value.numerator)}/{_digits(value.denominator)}"


def load_fraction(text: str) -> Fraction:
    """The fraction of ``a/b``. Raises ValueError for another text."""
    numerator, _, denominator = text.partition("/")
    return Fraction(int(numerator, 0), int(denominator, 0))


def dump_fields(fields: Mapping[str, Raw]) -> str:
    """The fields of an observation as a JSON object."""
    return dump_json(dict(fields))


def load_fields(text: str) -> dict[str, Raw]:
    """The fields that ``dump_fields`` wrote."""
    fields: dict[str, Raw] = load_json(text)
    return fields


def dump_labels(labels: Labels) -> str:
    """Labels as a JSON list of pairs."""
    return dump_json(labels)


def dump_judgement(judgement: Judgement, *, exists: bool = True) -> str:
    """A judgement as a JSON object; what no longer ``exists`` says so in it."""
    return dump_json(
        ({} if exists else {"exists": False})
        | {
            "goal": judgement.goal,
            "labels": judgement.labels,
            "window": _dump_window(judgement.window),
            "verdict": judgement.verdict.value,
            "value": _dump_value(judgement.value),
            "lower": _dump_value(judgement.lower),
            "upper": _dump_value(judgement.upper),
            "coverage": dump_fraction(judgement.coverage),
            "budget": _dump_optional(judgement.budget),
            "budget_left": _dump_optional(judgement.budget_left),
            "final": judgement.final,
            "amounts": [(operation, _dump_optional(amount)) for operation, amount in judgement.amounts],
        }
    )


def load_judgement(text: str) -> Judgement:
    """The judgement that ``dump_judgement`` wrote."""
    form = load_json(text)
    return Judgement(
        goal=form["goal"],
        labels=_load_labels(form["labels"]),
        window=Interval(*form["window"]),
        verdict=Verdict(form["verdict"]),
        value=_load_value(form["value"]),
        lower=_load_value(form["lower"]),
        upper=_load_value(form["upper"]),
        coverage=load_fraction(form["coverage"]),
        budget=_load_optional(form["budget"]),
        budget_left=_load_optional(form["budget_left"]),
        final=form["final"],
        amounts=tuple((operation, _load_optional(amount)) for operation, amount in form["amounts"]),
    )


def exists(text: str) -> bool:
    """False where ``dump_judgement`` wrote of a window that does not exist any more."""
    return bool(load_json(text).get("exists", True))


def dump_intent(intent: Intent) -> str:
    """An intent as a JSON object."""
    return dump_json(
        {
            "id": intent.id,
            "verb": intent.verb,
            "targets": [(target.party, target.channel) for target in intent.targets],
            "at": intent.at,
            "cause": intent.cause,
            "labels": intent.labels,
            "window": None if intent.window is None else _dump_window(intent.window),
            "subject": intent.subject,
            "text": intent.text,
            **({"held": True} if intent.held else {}),
        }
    )


def load_intent(text: str) -> Intent:
    """The intent that ``dump_intent`` wrote."""
    form = load_json(text)
    return Intent(
        id=form["id"],
        verb=form["verb"],
        targets=tuple(Target(party=party, channel=channel) for party, channel in form["targets"]),
        at=form["at"],
        cause=form["cause"],
        labels=_load_labels(form["labels"]),
        window=None if form["window"] is None else Interval(*form["window"]),
        words=Words.of(form["subject"], form["text"]),
        held=form.get("held", False),
    )


def dump_entry(entry: LedgerEntry) -> str:
    """A ledger entry as a JSON object."""
    return dump_json(
        {
            "id": entry.id,
            "kind": entry.kind,
            "debtor": entry.debtor,
            "creditor": entry.creditor,
            "amount": str(entry.amount),
            "currency": entry.currency,
            "at": entry.at,
            "cause": entry.cause,
            "labels": entry.labels,
            "window": _dump_window(entry.window),
            "memo": entry.memo,
            "state": entry.state,
            "claim_until": entry.claim_until,
        }
    )


def load_entry(text: str) -> LedgerEntry:
    """The entry that ``dump_entry`` wrote."""
    form = load_json(text)
    return LedgerEntry(
        id=form["id"],
        kind=form["kind"],
        debtor=form["debtor"],
        creditor=form["creditor"],
        amount=Decimal(form["amount"]),
        currency=form["currency"],
        at=form["at"],
        cause=form["cause"],
        labels=_load_labels(form["labels"]),
        window=Interval(*form["window"]),
        memo=form["memo"],
        # Entries of earlier versions know of no claims.
        state=form.get("state", "due"),
        claim_until=form.get("claim_until"),
    )


def _is_sound(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _digits(number: int) -> str:
    return str(number) if number.bit_length() <= _DECIMAL_BITS else hex(number)


def _dump_optional(value: Fraction | None) -> str | None:
    return None if value is None else dump_fraction(value)


def _load_optional(text: str | None) -> Fraction | None:
    return None if text is None else load_fraction(text)


def _dump_window(window: Interval) -> tuple[int, int]:
    return (window.start, window.end)


def _load_labels(pairs: list[list[str]]) -> Labels:
    return tuple((name, value) for name, value in pairs)


def _dump_value(value: Value) -> object:
    return {"fraction": dump_fraction(value)} if isinstance(value, Fraction) else value


def _load_value(form: Any) -> Value:
    if isinstance(form, dict):
        return load_fraction(form["fraction"])
    value: Value = form
    return value
