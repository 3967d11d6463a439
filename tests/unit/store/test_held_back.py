"""A message that is held back (rule M103) is in the record, as such, and on its way to nobody."""

from __future__ import annotations

from pathlib import Path

from attrs import evolve

from wsla.plan.model import Target
from wsla.remedies.decisions import Intent, Words
from wsla.store.codecs import dump_intent, load_intent
from wsla.store.records import Batch, Decided
from wsla.store.sqlite import Store

SENT = Intent(
    id="Quick|v1|rule when 1|fired 1|2026-03-04T00:00:00Z||0",
    verb="notify",
    targets=(Target(party="acme", channel="oncall"),),
    at=5,
    cause="when 1",
    labels=(),
    window=None,
    words=Words.of("subject", "text"),
)
HELD = evolve(SENT, id=SENT.id.replace("fired 1", "fired 1 held back"), held=True)


def test_it_is_recorded_and_not_sent(tmp_path: Path) -> None:
    """A8."""
    with Store.open(str(tmp_path / "wsla.db"), writer=True) as store:
        store.register_agreement("Quick", title="Quick", version=1, text="", sha256="0", at=0)
        for _ in range(2):
            assert (
                store.write(Batch(decisions=(Decided("Quick", SENT), Decided("Quick", HELD)))).contradictions
                == ()
            )
        assert [one for _, one in store.intents("Quick", 0, 10)] == [SENT, HELD]
        assert store.delivery(HELD.id) == []
        assert [item.intent for item in store.due_deliveries(10, 10)] == [SENT]
        assert store.outbox_counts().pending == 1


def test_what_earlier_releases_wrote_reads_the_same() -> None:
    assert "held" not in dump_intent(SENT)
    assert load_intent(dump_intent(SENT)) == SENT
    assert load_intent(dump_intent(HELD)) == HELD
    assert (HELD.sent_to, SENT.sent_to) == ((), SENT.targets)
