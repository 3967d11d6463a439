"""Tests: from the parser's tree to the surface tree."""

from __future__ import annotations

from typing import Any

from wsla.syntax import surface
from wsla.syntax.build.words import Meta, Token, first, items, maybe_text, span_of, to_text, to_word


class TestBuilder:
    """Tests and their steps."""

    given_options = label_filter = items

    def test(self, meta: Meta, title: Token, *steps: Any) -> surface.Test:
        return surface.Test(title=to_text(title), steps=steps, span=span_of(meta))

    def given(self, meta: Meta, *parts: Any) -> surface.Given:
        options: dict[str, surface.Word] = dict(parts[-1])
        return surface.Given(
            assignments=parts[:-1],
            every=options.get("every"),
            at=options.get("at"),
            start=options.get("from"),
            until=options.get("until"),
            length=options.get("for"),
            span=span_of(meta),
        )

    def given_every(self, _: Meta, token: Token) -> tuple[str, surface.Word]:
        return "every", to_word(token)

    def given_at(self, _: Meta, word: surface.Word) -> tuple[str, surface.Word]:
        return "at", word

    def given_from(self, _: Meta, word: surface.Word) -> tuple[str, surface.Word]:
        return "from", word

    def given_until(self, _: Meta, word: surface.Word) -> tuple[str, surface.Word]:
        return "until", word

    def given_for(self, _: Meta, token: Token) -> tuple[str, surface.Word]:
        return "for", to_word(token)

    def assignment(self, meta: Meta, source: Token, field: surface.Word, value: Any) -> surface.Assignment:
        return surface.Assignment(source=to_word(source), field=field, value=value, span=span_of(meta))

    given_value = first

    def unknown_value(self, _: Meta, __: Token) -> None:
        return None

    def period(self, _: Meta, token: Token) -> Token:
        return token

    def moment(self, meta: Meta, occasion: Token | surface.Word | None = None) -> surface.Occasion | None:
        if occasion is None:
            return None
        at = isinstance(occasion, surface.Word)
        text = occasion.text if isinstance(occasion, surface.Word) else str(occasion)
        return surface.Occasion(preposition="at" if at else "in", text=text, span=span_of(meta))

    def label_value(
        self, meta: Meta, label: surface.Word, operator: Token, value: Token
    ) -> tuple[str, surface.LabelValue]:
        return str(operator), surface.LabelValue(label=label, value=to_text(value), span=span_of(meta))

    def expect_verdict(self, meta: Meta, goal: Any, verdict: Token, occasion: Any, labels: Any) -> Any:
        return surface.ExpectVerdict(
            goal=goal, verdict=str(verdict), occasion=occasion, labels=_labels(labels), span=span_of(meta)
        )

    def expect_value(
        self, meta: Meta, left: Any, operator: Token, right: Any, occasion: Any, labels: Any
    ) -> Any:
        return surface.ExpectValue(
            operator=str(operator),
            left=left,
            right=right,
            occasion=occasion,
            labels=_labels(labels),
            span=span_of(meta),
        )

    def expect_credit(
        self, meta: Meta, negated: Token | None, target: Any, amount: Any, claimed: Any, occasion: Any
    ) -> Any:
        return surface.ExpectCredit(
            negated=negated is not None,
            target=target,
            amount=amount,
            claimed=claimed,
            occasion=occasion,
            span=span_of(meta),
        )

    def expect_refund(
        self, meta: Meta, negated: Token | None, target: Any, amount: Any, occasion: Any
    ) -> Any:
        return surface.ExpectCredit(
            negated=negated is not None,
            refund=True,
            target=target,
            amount=amount,
            occasion=occasion,
            span=span_of(meta),
        )

    def expect_tell(
        self, meta: Meta, negated: Token | None, verb: Token, target: Any, text: Token | None, occasion: Any
    ) -> Any:
        return surface.ExpectAction(
            negated=negated is not None,
            verb=str(verb),
            target=target,
            text=maybe_text(text),
            occasion=occasion,
            span=span_of(meta),
        )

    def expect_grant(
        self, meta: Meta, negated: Token | None, target: Any, text: Token | None, occasion: Any
    ) -> Any:
        return surface.ExpectAction(
            negated=negated is not None,
            verb="grant",
            target=target,
            text=maybe_text(text),
            occasion=occasion,
            span=span_of(meta),
        )


def _labels(pairs: tuple[tuple[str, surface.LabelValue], ...]) -> tuple[surface.LabelValue, ...]:
    return tuple(label for _, label in pairs)
