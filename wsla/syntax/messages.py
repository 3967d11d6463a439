"""Says in plain words why a piece of text cannot be read: what was read, what was expected, one suggestion.

lark's own message is never shown. What was accepted at the place of the mistake is found by trying it.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen
from lark import Lark, Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput
from lark.utils import TextSlice

from wsla.diagnostics.diagnostic import Diagnostic, Suggestion
from wsla.diagnostics.source import SourceText, Span
from wsla.syntax.expectations import expectation, found, noun_of, plain, previous_words
from wsla.syntax.habits import other_amount, other_date, other_range
from wsla.syntax.notation import Finding, clock, foreign_sign, other_notation, wrong_sign, wrong_word
from wsla.syntax.parameters import tokens
from wsla.syntax.recovery import Piece

_LOOK_AHEAD: Final = 3


@frozen(kw_only=True)
class _Failure:
    """Where reading stopped: the tokens read, the token that did not fit (None at the end), some that follow."""

    read: tuple[Token, ...]
    stopped_at: Token | None
    following: tuple[Token, ...]
    state: Any
    accepts: frozenset[str]


def explain(lark: Lark, source: SourceText, piece: Piece) -> Diagnostic:
    """The diagnostic of a piece that cannot be read."""
    start = "document" if piece.start == "stray" else piece.start
    area = TextSlice(source.text, piece.span.start, piece.span.end)
    try:
        failure = _find_failure(lark, area, start, piece)
    except UnexpectedCharacters as error:
        return _diagnostic(source, foreign_sign(source.text, error.pos_in_stream or 0))
    return _diagnostic(source, _explain_failure(source.text, failure, piece))


def _find_failure(lark: Lark, area: TextSlice[str], start: str, piece: Piece) -> _Failure:
    """Read until something does not fit. Raises UnexpectedCharacters where no token can be made first."""
    # Any: lark leaves the methods of its interactive parser without types.
    reading: Any = lark.parse_interactive(area, start=start)
    lexed = tokens(reading, area.text, piece.parameters)
    read: list[Token] = []
    for token in lexed:
        try:
            reading.feed_token(token)
        except UnexpectedInput:
            # The parser has reduced on the strength of this token: read again up to it for the state before.
            before: Any = lark.parse_interactive(area, start=start)
            for earlier in read:
                before.feed_token(earlier)
            following: list[Token] = []
            try:
                for further in lexed:
                    following.append(further)
                    if len(following) == _LOOK_AHEAD:
                        break
            except UnexpectedInput:
                pass
            return _Failure(
                read=tuple(read),
                stopped_at=token,
                following=tuple(following),
                state=before,
                accepts=frozenset(before.accepts()),
            )
        read.append(token)
    for _ in range(piece.missing):
        before = reading.copy(deepcopy_values=False)
        try:
            reading.feed_token(Token("RBRACE", "}"))
        except UnexpectedInput:
            reading = before
            break
    return _Failure(
        read=tuple(read), stopped_at=None, following=(), state=reading, accepts=frozenset(reading.accepts())
    )


def _explain_failure(text: str, failure: _Failure, piece: Piece) -> Finding:
    read, stopped, accepts = failure.read, failure.stopped_at, failure.accepts
    if stopped is not None:
        for finding in (
            other_date(text, stopped, accepts),
            other_amount(text, read, stopped),
            other_range(read, stopped, failure.following),
            other_notation(text, read, stopped, failure.following),
            clock(stopped, failure.following, accepts),
            wrong_sign(text, read, stopped, failure.following, accepts),
            wrong_word(text, stopped, failure.following, accepts),
        ):
            if finding is not None:
                return finding
        if piece.start in ("stray", "document") and not read:
            return Finding(
                code="E0110",
                message=f"{found(stopped)} cannot stand at the top of a text: only `agreement`, `test`, `template`"
                " and `import` can",
                span=_span(stopped),
                label="expected `agreement` or `test`",
            )
    return _missing_or_misplaced(failure, piece)


def _missing_or_misplaced(failure: _Failure, piece: Piece) -> Finding:
    read, stopped, accepts = failure.read, failure.stopped_at, failure.accepts
    noun = noun_of(read, piece.start)
    insertable = frozenset() if stopped is None or not read else _insertable(failure.state, stopped, accepts)
    if insertable == {"WHEN"} and stopped is not None and stopped.type == "STRING":
        # A text before a rule is a party's title at a wrong place, not a rule's condition.
        insertable = frozenset()
    needed = expectation(read, insertable or accepts, piece.start)
    if needed is None and insertable:
        needed = expectation(read, accepts, piece.start)
    before = previous_words(read)
    if stopped is None:
        end = _end_of(read, piece)
        message = f"{noun} needs {needed}{before}" if needed else f"{noun} is not complete{before}"
        return Finding(
            code="E0110",
            message=message,
            span=Span(end, end),
            label=f"expected {plain(needed)}" if needed else "more is expected here",
            suggestion=_insertion(needed or "", read),
        )
    if stopped == ")" and "RPAR" not in accepts and "LPAR" in insertable:
        return Finding(
            code="E0110",
            message="this `)` closes nothing",
            span=_span(stopped),
            suggestion=Suggestion(text="remove it", span=_span(stopped), replacement=""),
        )
    reserved = _is_reserved_name(failure, insertable)
    if reserved:
        return Finding(
            code="E0115",
            message=f"`{stopped}` is a word of the language and cannot be {needed or 'a name'}",
            span=_span(stopped),
            label="choose another name",
            suggestion=Suggestion(
                text=f"for example `{stopped}_{_kind(noun)}`",
                span=_span(stopped),
                replacement=f"{stopped}_{_kind(noun)}",
            ),
        )
    if needed is None:
        return Finding(
            code="E0110",
            message=f"{found(stopped)} cannot stand{before} in {noun}"
            if read
            else f"{found(stopped)} cannot begin {noun}",
            span=_span(stopped),
            label="not expected here",
        )
    if insertable:
        message = f"{noun} needs {needed} before {found(stopped)}"
    elif not read:
        message = f"{found(stopped)} cannot stand here"
    else:
        message = f"{noun} needs {needed}{before}, not {found(stopped)}"
    return Finding(
        code="E0110",
        message=message,
        span=_span(stopped),
        label=f"expected {plain(needed)}",
        notes=_example(read, stopped),
        suggestion=_insertion(needed, read) if insertable else None,
    )


def _example(read: tuple[Token, ...], stopped: Token) -> tuple[str, ...]:
    """The form of a declaration, for those who think in keys and values."""
    if len(read) == 1 and stopped in (":", "="):
        return _FORMS.get(read[0].type, ())
    return ()


_FORMS: Final = {
    "GOAL": ("a goal is written `goal NAME: PARTY guarantees CONDITION`",),
    "METRIC": ("a metric is written `metric NAME = EXPRESSION`",),
    "PARTY": ('a party is written `party NAME "Title" ROLE`',),
    "SCHEDULE": ("a schedule is written `schedule NAME { Monday-Friday 08:00-18:00 }`",),
    "SERVICE": ('a service is written `service NAME "Title" { fee 100 EUR per month }`',),
    "TEMPLATE": ("a template is written `template NAME(PARAMETER: KIND) { … }`",),
    "SOURCE": ('a source is written `source NAME = KIND "address" every 30s`',),
}


def _kind(noun: str) -> str:
    word = noun.rsplit(" ", 1)[-1].strip("`")
    return word if word.isidentifier() else "1"


_NEVER_PROPOSED: Final = frozenset({"$END", "DOT", "FOR", "SETTING"})


def _insertable(state: Any, stopped: Token, accepts: frozenset[str]) -> frozenset[str]:
    """The kinds of token after which the one that did not fit would fit."""
    proposed = accepts - _NEVER_PROPOSED
    if "LBRACE" in accepts:
        # Where a block may begin, `at most 3 each 1h` may come before it, and any word would fit behind its first one.
        proposed -= {"AT"}
    return frozenset(kind for kind in proposed if _reads(state, kind, stopped.type))


def _reads(state: Any, *kinds: str) -> bool:
    """True where these kinds of token may follow each other here."""
    trial: Any = state.copy(deepcopy_values=False)
    try:
        for kind in kinds:
            trial.feed_token(Token(kind, ""))
    except UnexpectedInput:
        return False
    return True


def _is_reserved_name(failure: _Failure, insertable: frozenset[str]) -> bool:
    stopped = failure.stopped_at
    if stopped is None or "NAME" not in failure.accepts or stopped.type == "NAME":
        return False
    if not stopped[:1].isalpha() or "NAME" in insertable:
        return False
    return _reads(failure.state, "NAME", *(token.type for token in failure.following[:1]))


_INSERTED: Final = {"`:`": ":", "`=`": " =", "`,`": ",", "`)`": ")", "`{`": " {", "`}`": " }"}


def _insertion(needed: str, read: tuple[Token, ...]) -> Suggestion | None:
    if needed not in _INSERTED or not read:
        return None
    at = read[-1].end_pos or 0
    return Suggestion(text=f"insert {needed}", span=Span(at, at), replacement=_INSERTED[needed])


def _span(token: Token) -> Span:
    start = token.start_pos or 0
    return Span(start, start + len(token))


def _end_of(read: tuple[Token, ...], piece: Piece) -> int:
    return (read[-1].end_pos or 0) if read else piece.span.start


def _diagnostic(source: SourceText, finding: Finding) -> Diagnostic:
    return Diagnostic(
        code=finding.code,
        message=finding.message,
        source=source,
        span=finding.span,
        label=finding.label,
        notes=finding.notes,
        suggestion=finding.suggestion,
    )
