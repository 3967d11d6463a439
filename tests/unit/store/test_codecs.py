"""Whatever goes through the codecs comes back equal, and of the same type."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.evaluation.verdicts import Judgement, Verdict
from wsla.plan.model import Target
from wsla.remedies.decisions import Intent, LedgerEntry, Words
from wsla.store import codecs
from wsla.values.instants import Interval

instants = st.integers(-(2**70), 2**70)
# Half of a surrogate pair is a text of Python, too: it comes from bytes that were no UTF-8.
texts = st.text(st.characters())
labels = st.lists(st.tuples(texts, texts), max_size=3).map(tuple)
windows = st.tuples(instants, instants).map(lambda pair: Interval(min(pair), max(pair)))
values = st.none() | st.booleans() | st.integers() | st.fractions() | texts
optional = st.none() | st.fractions()

judgements = st.builds(
    Judgement,
    goal=texts,
    labels=labels,
    window=windows,
    verdict=st.sampled_from(Verdict),
    value=values,
    lower=values,
    upper=values,
    coverage=st.fractions(0, 1),
    budget=optional,
    budget_left=optional,
    final=st.booleans(),
    amounts=st.lists(st.tuples(st.integers(0), optional), max_size=3).map(tuple),
)
intents = st.builds(
    Intent,
    id=texts,
    verb=st.sampled_from(["notify", "escalate", "call", "grant"]),
    targets=st.lists(st.builds(Target, party=texts, channel=st.none() | texts), max_size=3).map(tuple),
    at=instants,
    cause=texts,
    labels=labels,
    window=st.none() | windows,
    words=st.builds(Words.of, texts, texts),
)
entries = st.builds(
    LedgerEntry,
    id=texts,
    kind=st.sampled_from(["credit", "reward", "cap"]),
    debtor=texts,
    creditor=texts,
    amount=st.decimals(allow_nan=False, allow_infinity=False),
    currency=texts,
    at=instants,
    cause=texts,
    labels=labels,
    window=windows,
    memo=texts,
    state=st.sampled_from(["due", "accrued"]),
    claim_until=st.none() | instants,
)


@given(st.dictionaries(texts, st.none() | st.booleans() | st.integers() | texts))
def test_fields_survive(fields: dict[str, bool | int | str | None]) -> None:
    back = codecs.load_fields(codecs.dump_fields(fields))
    assert back == fields
    assert [type(value) for value in back.values()] == [type(value) for value in fields.values()]


@given(judgements)
def test_judgements_survive(judgement: Judgement) -> None:
    back = codecs.load_judgement(codecs.dump_judgement(judgement))
    assert back == judgement
    assert [type(x) for x in (back.value, back.lower, back.upper)] == [
        type(x) for x in (judgement.value, judgement.lower, judgement.upper)
    ]


@given(intents)
def test_intents_survive(intent: Intent) -> None:
    assert codecs.load_intent(codecs.dump_intent(intent)) == intent


@given(entries)
def test_entries_survive_to_the_last_digit(entry: LedgerEntry) -> None:
    back = codecs.load_entry(codecs.dump_entry(entry))
    assert back == entry
    # 1.5 equals 1.50, but only one of them is what was booked.
    assert back.amount.as_tuple() == entry.amount.as_tuple()


@given(st.fractions() | st.builds(Fraction, st.integers(10**5000, 10**5001), st.integers(1)))
def test_fractions_survive_however_long(value: Fraction) -> None:
    assert codecs.load_fraction(codecs.dump_fraction(value)) == value


def test_the_forms_that_other_programs_read() -> None:
    assert codecs.dump_fraction(Fraction(-6, 4)) == "-3/2"
    assert codecs.dump_fraction(Fraction(2)) == "2/1"
    assert codecs.dump_labels((("region", "Zürich"),)) == '[["region","Zürich"]]'
    assert '"amount":"1.50"' in codecs.dump_entry(
        LedgerEntry(
            id="e",
            kind="credit",
            debtor="a",
            creditor="b",
            amount=Decimal("1.50"),
            currency="EUR",
            at=0,
            cause="g",
            labels=(),
            window=Interval(0, 0),
            memo="",
        )
    )


@given(texts)
def test_every_text_can_be_stored(text: str) -> None:
    codecs.sound_text(text).encode("utf-8")
    codecs.dump_json(text).encode("utf-8")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_ordinary_text_is_stored_as_it_is(text: str) -> None:
    assert codecs.sound_text(text) == text


@pytest.mark.parametrize(
    ("number", "kept"),
    [(2**63 - 1, 2**63 - 1), (2**63, 2**63 - 1), (-(2**63), -(2**63)), (-(2**63) - 1, -(2**63))],
)
def test_columns_hold_64_bits(number: int, kept: int) -> None:
    assert codecs.bounded(number) == kept
    assert codecs.fits(number) == (number == kept)


def test_an_entry_that_was_written_before_there_were_claims_is_due() -> None:
    entry = LedgerEntry(
        id="a",
        kind="credit",
        debtor="b",
        creditor="c",
        amount=Decimal(1),
        currency="EUR",
        at=1,
        cause="goal",
        labels=(),
        window=Interval(0, 1),
        memo="",
    )
    old = codecs.dump_entry(entry).replace(',"state":"due"', "").replace(',"claim_until":null', "")
    old = old.replace('"claim_until":null,', "").replace('"state":"due",', "")
    assert "claim" not in old
    assert codecs.load_entry(old) == entry


def test_nul_which_not_every_database_takes_is_written_out() -> None:
    assert codecs.sound_text("a\0b") == "a\\x00b"
