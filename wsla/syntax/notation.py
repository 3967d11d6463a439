"""Habits from elsewhere: other signs, other notations for numbers and units, misspelt words; each with its remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen
from lark import Token

from wsla.diagnostics.diagnostic import Suggestion
from wsla.diagnostics.source import Span
from wsla.syntax.vocabulary import SYNONYMS, nearest_word, words_of
from wsla.values.quantities import UNITS, nearest_unit


@frozen(kw_only=True)
class Finding:
    """What a diagnostic will say, without the source text."""

    code: str
    message: str
    span: Span
    label: str = ""
    notes: tuple[str, ...] = ()
    suggestion: Suggestion | None = None


_QUOTES: Final = "“”„‟«»‘’‚‹›'`´"
_CLOSING_QUOTE: Final = re.compile(f'[{_QUOTES}"]')
_SIGNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "&&": "and",
        "&": "and",
        "||": "or",
        "|": "or",
        "!": "not",
        "∧": "and",
        "∨": "or",
        "¬": "not",
        "≥": ">=",
        "⩾": ">=",
        "≤": "<=",
        "⩽": "<=",
        "≠": "!=",
        "×": "*",
        "·": "*",
        "÷": "/",
        "−": "-",
        "–": "-",
        "—": "-",
        "：": ":",
        "，": ",",
        "；": ";",
        "（": "(",
        "）": ")",
        "＝": "=",
    }
)
_COMPARED: Final = frozenset({"==", "<", ">"})
_CURRENCIES: Final = "€$£¥"
_SPACES: Final = "\u00a0\u2007\u202f\u2009\u200a\u2002\u2003\u3000\u200b"
_THOUSANDS: Final = re.compile(r"(?:['’´`]\d{3})+(?!\d)")
_DIGITS_BEFORE: Final = re.compile(r"\d+$")
_VARIABLE: Final = re.compile(r"\$\{?([^\W\d]\w*)\}?")
_AMOUNT: Final = re.compile(r"[ \t]*(\d+(?:\.\d+)?)")


def foreign_sign(text: str, at: int) -> Finding:
    """What to say of a character with which nothing of the language begins."""
    character = text[at]
    if character == '"':
        return _unclosed_text(text, at)
    if character in _QUOTES:
        thousands = _THOUSANDS.match(text, at)
        if thousands and text[at - 1 : at].isdigit():
            start = at - len(_DIGITS_BEFORE.search(text[max(0, at - 20) : at])[0])  # type: ignore[index]
            number = re.sub(r"\D", "", text[start : thousands.end()])
            message = "a number has no sign between its thousands"
            return _replace(text, Span(start, thousands.end()), number, message, code="E0114")
        return _other_quotes(text, at)
    if character in _SPACES:
        return _replace(
            text,
            Span(at, at + 1),
            " ",
            f"a space of another kind (U+{ord(character):04X}) stands here",
            safe=True,
        )
    variable = _VARIABLE.match(text, at)
    if variable:
        mended = f"env {variable[1]}"
        message = "a value that the deployment supplies is written `env NAME`"
        return _replace(text, Span(at, variable.end()), mended, message)
    if character in _CURRENCIES:
        code = nearest_unit(character) or "EUR"
        amount = _AMOUNT.match(text, at + 1)
        end = amount.end() if amount else at + 1
        mended = f"{amount.group(1)} {code}" if amount else code
        return _replace(
            text,
            Span(at, end),
            mended,
            "an amount of money is written with the currency's code after it",
            code="E0114",
        )
    if character == "@":
        start = at
        while start > 0 and (text[start - 1].isalnum() or text[start - 1] in "._+-"):
            start -= 1
        return _unquoted(text, start)
    if character == ";":
        return _replace(text, Span(at, at + 1), "", "no `;` is needed at the end of a line")
    sign = text[at : at + 2] if text[at : at + 2] in _SIGNS else character
    if sign in _SIGNS:
        word = _SIGNS[sign]
        span = Span(at, at + len(sign))
        following = text[span.end : span.end + 1]
        gap = " " if word.isalpha() and (following.isalnum() or following in '(_"') else ""
        if word.isalpha():
            gap_before = " " if at and (text[at - 1].isalnum() or text[at - 1] in ')_"') else ""
            return _replace(
                text, span, f"{gap_before}{word}{gap}", f"`{sign}` is written `{word}`", shown=word, safe=True
            )
        return _replace(text, span, word, f"`{sign}` is written `{word}`", safe=True)
    return Finding(
        code="E0117",
        message=f"`{character}` is not a sign of the language",
        span=Span(at, at + 1),
        label="not expected here",
    )


def _unclosed_text(text: str, at: int) -> Finding:
    end_of_line = text.find("\n", at)
    end_of_line = len(text) if end_of_line == -1 else end_of_line
    line = text[at:end_of_line].rstrip()
    kept = re.sub(r"(?<=[^\s])[\s]*[{}][\s{}]*$", "", line)
    end = at + len(kept)
    return Finding(
        code="E0111",
        message="a quoted text is not closed before the end of its line",
        span=Span(at, at + len(line)),
        label='this `"` has no partner',
        notes=("an earlier quote on this line may be the one whose partner is missing",)
        if '"' in text[text.rfind("\n", 0, at) + 1 : at]
        else (),
        suggestion=Suggestion(text='close it with `"`', span=Span(end, end), replacement='"'),
    )


def _other_quotes(text: str, at: int) -> Finding:
    end_of_line = text.find("\n", at)
    end_of_line = len(text) if end_of_line == -1 else end_of_line
    closing = _CLOSING_QUOTE.search(text, at + 1, end_of_line)
    if closing is None:
        return _replace(
            text, Span(at, at + 1), '"', f'`{text[at]}` is not a quote of the language: write `"`'
        )
    inner = text[at + 1 : closing.start()].replace("\\", "\\\\")
    return _replace(
        text,
        Span(at, closing.end()),
        f'"{inner}"',
        f'a text stands in straight quotes `"`, not in `{text[at]}`',
        safe=True,
    )


def _replace(
    text: str,
    span: Span,
    replacement: str,
    message: str,
    *,
    shown: str = "",
    code: str = "E0117",
    safe: bool = False,
) -> Finding:
    shown = shown or replacement
    advice = f"write `{shown}`" if shown.strip() else ("write an ordinary space" if shown else "remove it")
    written = text[span.start : span.end]
    label = "" if not shown.strip() else f"`{written}` should be `{shown}`" if len(written) < 30 else advice
    return Finding(
        code=code,
        message=message,
        span=span,
        label=label,
        suggestion=Suggestion(text=advice, span=span, replacement=replacement, safe=safe),
    )


# --- numbers and units


def other_notation(
    text: str, read: tuple[Token, ...], stopped: Token, following: tuple[Token, ...]
) -> Finding | None:
    """A decimal comma, a separator of thousands, a unit as a separate word, a number without its zero."""
    window = [*read[-2:], stopped, *following[:2]]
    at = len(read[-2:])
    for index in range(max(0, at - 2), min(at + 1, len(window) - 1)):
        finding = _in_window(text, window[index : index + 3])
        if finding is not None and finding.span.end > (stopped.start_pos or 0):
            return finding
    return None


_NUMERIC: Final = frozenset({"NUMBER", "QUANTITY"})


def _in_window(text: str, tokens: list[Token]) -> Finding | None:
    first, second = tokens[0], tokens[1]
    if len(tokens) == 3 and first.type == "NUMBER" and second.type == "COMMA":
        third = tokens[2]
        if third.type in _NUMERIC and _touch(first, second) and _touch(second, third):
            return _comma(text, first, third)
    if first.type == "NUMBER" and second.type == "NAME":
        if _touch(first, second) and re.fullmatch(r"_[\d_]+", second):
            span = _across(first, second)
            return _replace(
                text,
                span,
                text[span.start : span.end].replace("_", ""),
                "a number has no sign between its digits",
                code="E0114",
                safe=True,
            )
        return _separate_unit(text, first, second)
    if first.type == "DATE" and second.type == "CLOCK":
        mended = f"{first}T{second}"
        message = "a date and its time are joined by `T`"
        return _replace(text, _across(first, second), mended, message, code="E0114", safe=True)
    alone = first.type == "DOT" and not text[: first.start_pos or 0][-1:].isalnum()
    if alone and second.type in _NUMERIC and _touch(first, second):
        return _replace(
            text,
            _across(first, second),
            f"0.{second}",
            "a number begins with a digit",
            code="E0114",
            safe=True,
        )
    return None


def _comma(text: str, first: Token, third: Token) -> Finding:
    span = _across(first, third)
    thousands = re.match(r"\d{3}(?!\d)", third) is not None and not third.endswith("%") and len(first) <= 3
    if thousands:
        return _replace(
            text,
            span,
            f"{first}{third}",
            "a number has no comma between its thousands",
            code="E0114",
        )
    mended = f"{first}.{third}"
    if re.fullmatch(r"\d{1,3}\.\d{3}", first):
        mended = mended.replace(".", "", 1)
    return _replace(text, span, mended, "a decimal point is written `.`, not `,`", code="E0114")


def _separate_unit(text: str, number: Token, word: Token) -> Finding | None:
    unit = nearest_unit(word)
    if unit is None or word in ("at", "in"):
        return None
    mended = f"{number}{unit}" if unit in UNITS else f"{number} {unit}"
    kind = "a unit stands directly after its number" if unit in UNITS else "a currency is written by its code"
    return _replace(text, _across(number, word), mended, kind, code="E0114", safe=True)


_HOUR: Final = re.compile(r"(\d{1,2})(?:\.([0-5]\d)|(am|pm))?")


def clock(stopped: Token, following: tuple[Token, ...], accepts: frozenset[str]) -> Finding | None:
    """``8-17`` or ``9am`` where a time such as ``08:00`` is expected."""
    if "CLOCK" not in accepts or stopped.type not in _NUMERIC:
        return None
    first = _hour(stopped)
    last = _hour(following[1]) if len(following) > 1 and following[0] == "-" else None
    if first is None:
        return None
    span = _token_span(stopped) if last is None else _across(stopped, following[1])
    mended = first if last is None else f"{first}-{last}"
    return Finding(
        code="E0114",
        message="a time has hours and minutes",
        span=span,
        label=f"expected `{mended}`",
        suggestion=Suggestion(text=f"write `{mended}`", span=span, replacement=mended, safe=True),
    )


def _hour(token: Token) -> str | None:
    match = _HOUR.fullmatch(token)
    if match is None or int(match.group(1)) > 24:
        return None
    hour = int(match.group(1))
    if match.group(3) is not None:
        hour = hour % 12 + (12 if match.group(3) == "pm" else 0)
    return f"{hour:02d}:{match.group(2) or '00'}"


def _touch(first: Token, second: Token) -> bool:
    return first.end_pos == second.start_pos


def _across(first: Token, last: Token) -> Span:
    return Span(first.start_pos or 0, last.end_pos or 0)


# --- signs of the language in a wrong place


def wrong_sign(
    text: str,
    read: tuple[Token, ...],
    stopped: Token,
    following: tuple[Token, ...],
    accepts: frozenset[str],
) -> Finding | None:
    """``=`` for ``==``, ``=>`` for ``>=``, ``:`` for ``=`` and the other way round, comments of other languages."""
    following_one = following[0] if following else None
    match stopped.type:
        case "EQUAL" if "COMPARISON" in accepts:
            if following_one is not None and following_one in ("<", ">") and _touch(stopped, following_one):
                return _sign(_across(stopped, following_one), f"={following_one}", f"{following_one}=")
            return _sign(_token_span(stopped), "=", "==", "equality is written `==`")
        case "COMPARISON" if stopped == "==" and "EQUAL" in accepts:
            return _sign(_token_span(stopped), "==", "=", "a definition is written with one `=`")
        case "COMPARISON" if stopped == ">" and read and read[-1] == "<" and _touch(read[-1], stopped):
            return _sign(_across(read[-1], stopped), "<>", "!=")
        case "COLON" if read and text.startswith("://", stopped.start_pos) and _touch(read[-1], stopped):
            return _unquoted(text, read[-1].start_pos or 0)
        case "COLON" if "EQUAL" in accepts:
            if following_one is not None and following_one == "=" and _touch(stopped, following_one):
                return _sign(_across(stopped, following_one), ":=", "=")
            return _sign(_token_span(stopped), ":", "=")
        case "EQUAL" if "COLON" in accepts:
            return _sign(_token_span(stopped), "=", ":")
        case "COLON" | "EQUAL" if read and following_one is not None and following_one.type in accepts:
            return _replace(
                text,
                _token_span(stopped),
                "",
                f"no `{stopped}` is needed after `{read[-1]}`",
            )
        case "SLASH" if following_one is not None and following_one.type in ("SLASH", "STAR"):
            return _comment(stopped)
        case "SLASH" | "STAR" if read and read[-1].type == "SLASH" and _touch(read[-1], stopped):
            return _comment(read[-1])
        case _:
            return None


_BARE: Final = re.compile(r"[^\s{}\"#,]+")


def _unquoted(text: str, start: int) -> Finding:
    match = _BARE.match(text, start)
    end = match.end() if match else start + 1
    return _replace(text, Span(start, end), f'"{text[start:end]}"', "a text stands in quotes", code="E0110")


def _comment(slash: Token) -> Finding:
    start = slash.start_pos or 0
    return Finding(
        code="E0117",
        message="a comment begins with `#`",
        span=Span(start, start + 2),
        suggestion=Suggestion(text="write `#`", span=Span(start, start + 2), replacement="#"),
    )


def _sign(span: Span, written: str, mended: str, message: str = "") -> Finding:
    return Finding(
        code="E0117",
        message=message or f"`{mended}` belongs here, not `{written}`",
        span=span,
        label=f"`{written}` should be `{mended}`",
        suggestion=Suggestion(text=f"write `{mended}`", span=span, replacement=mended, safe=True),
    )


def wrong_word(
    text: str, stopped: Token, following: tuple[Token, ...], accepts: frozenset[str]
) -> Finding | None:
    """A misspelt word of the language, or one that another language uses for it."""
    if not (stopped[:1].isalpha() or stopped[:1] == "_"):
        return None
    arm = following[0] == ":" if following else False
    if "STRING" in accepts and stopped.type == "NAME" and (accepts == {"STRING"} or arm):
        return _unquoted(text, stopped.start_pos or 0) if not arm else _quoted_word(text, stopped)
    return _mended(stopped, words_of(accepts), accepts)


def _quoted_word(text: str, word: Token) -> Finding:
    return _replace(text, _token_span(word), f'"{word}"', "a text stands in quotes", code="E0110")


def _mended(token: Token, words: list[str], accepts: frozenset[str]) -> Finding | None:
    lowered = token.casefold()
    meant = ""
    for candidate in SYNONYMS.get(lowered, ()):
        if candidate.split(" ", maxsplit=1)[0] in words or (
            candidate in _COMPARED and "COMPARISON" in accepts
        ):
            meant = candidate
            break
    else:
        if token.type == "NAME":
            meant = nearest_word(lowered, words)
    if not meant or meant == token:
        return None
    return Finding(
        code="E0116",
        message=f"`{token}` is not a word that can stand here: did you mean `{meant}`?",
        span=_token_span(token),
        label=f"did you mean `{meant}`?",
        suggestion=Suggestion(text=f"write `{meant}`", span=_token_span(token), replacement=meant),
    )


def _token_span(token: Token) -> Span:
    start = token.start_pos or 0
    return Span(start, start + len(token))
