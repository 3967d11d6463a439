"""Diagnostics as people read them, in full and on one line, and as JSON."""

from __future__ import annotations

from typing import Any, Final

from wsla.diagnostics.diagnostic import Diagnostic, Severity, Suggestion
from wsla.diagnostics.source import SourceText, Span
from wsla.diagnostics.width import display_width, visible

WIDTH: Final = 120
"""The most columns of a source line that are shown; a longer one is cut around the caret."""

_TAB: Final = "    "
_RESET: Final = "\x1b[0m"
_BOLD: Final = "\x1b[1m"
_BLUE: Final = "\x1b[1;34m"
_GREEN: Final = "\x1b[1;32m"
_SEVERITY_COLOURS: Final = {
    Severity.ERROR: "\x1b[1;31m",
    Severity.WARNING: "\x1b[1;33m",
    Severity.NOTE: "\x1b[1;36m",
}


def render_concise(diagnostic: Diagnostic) -> str:
    """``path:line:column: error[E0302]: message``."""
    line, column = diagnostic.position
    path = visible(diagnostic.source.name)
    severity = diagnostic.severity.value
    return f"{path}:{line}:{column}: {severity}[{diagnostic.code}]: {_on_one_line(diagnostic.message)}"


def render_full(diagnostic: Diagnostic, colour: bool = False) -> str:
    """The diagnostic with its lines of source, a caret below the place, notes and help; no newline at its end."""
    paint = _Paint(colour)
    source = diagnostic.source
    spans = [(source, diagnostic.span)]
    spans += [(related.source or source, related.span) for related in diagnostic.related]
    gutter = len(str(max(text.position(max(span.start, span.end - 1))[0] for text, span in spans)))
    tone = _SEVERITY_COLOURS[diagnostic.severity]
    line, column = diagnostic.position
    lines = [
        paint(f"{diagnostic.severity.value}[{diagnostic.code}]", tone)
        + paint(f": {_on_one_line(diagnostic.message)}", _BOLD),
        " " * gutter + paint("-->", _BLUE) + f" {visible(source.name)}:{line}:{column}",
        " " * (gutter + 1) + paint("|", _BLUE),
        *_excerpt(source, diagnostic.span, "^", diagnostic.label, tone, gutter, paint),
    ]
    for related in diagnostic.related:
        other = related.source or source
        here, there = other.position(related.span.start)
        lines.append(" " * gutter + paint(":::", _BLUE) + f" {visible(other.name)}:{here}:{there}")
        lines += _excerpt(other, related.span, "-", related.text, _BLUE, gutter, paint)
    margin = " " * (gutter + 1)
    if diagnostic.notes or diagnostic.suggestion:
        lines.append(margin + paint("|", _BLUE))
    lines += [
        f"{margin}{paint('=', _BLUE)} {paint('note', _BOLD)}: {_on_one_line(note)}"
        for note in diagnostic.notes
    ]
    if diagnostic.suggestion is not None:
        advice = _advice(source, diagnostic.suggestion)
        lines.append(f"{margin}{paint('=', _BLUE)} {paint('help', _GREEN)}: {advice}")
    return "\n".join(lines)


def to_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """The diagnostic as JSON-ready values; lines and columns count from 1, the end is behind the last character."""
    suggestion = diagnostic.suggestion
    shown: dict[str, Any] | None = None
    if suggestion is not None:
        shown = {
            "text": _encodable(suggestion.text),
            "replacement": None if suggestion.replacement is None else _encodable(suggestion.replacement),
            "safe": suggestion.safe,
            "span": None if suggestion.span is None else _place(diagnostic.source, suggestion.span),
        }
    return {
        "path": _encodable(diagnostic.source.name),
        **_place(diagnostic.source, diagnostic.span),
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": _encodable(diagnostic.message),
        "label": _encodable(diagnostic.label),
        "notes": [_encodable(note) for note in diagnostic.notes],
        "related": [
            {
                **({} if related.source is None else {"path": _encodable(related.source.name)}),
                **_place(related.source or diagnostic.source, related.span),
                "text": _encodable(related.text),
            }
            for related in diagnostic.related
        ],
        "suggestion": shown,
    }


def _place(source: SourceText, span: Span) -> dict[str, int]:
    line, column = source.position(span.start)
    end_line, end_column = source.position(max(span.start, span.end))
    return {"line": line, "column": column, "end_line": end_line, "end_column": end_column}


def _encodable(text: str) -> str:
    """Lone surrogates cannot be encoded as UTF-8: U+FFFD stands for them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Paint:
    """Colours a text, or leaves it as it is."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, tone: str) -> str:
        return f"{tone}{text}{_RESET}" if self._colour and text else text


def _on_one_line(text: str) -> str:
    return visible(text.replace("\n", " "))


def _advice(source: SourceText, suggestion: Suggestion) -> str:
    text = _on_one_line(suggestion.text)
    if suggestion.span is None or suggestion.replacement is None:
        return text
    replacement = suggestion.replacement.strip()
    if not replacement or replacement in suggestion.text:
        return text
    return f"{text}: `{visible(replacement.replace(chr(10), ' '))}`"


def _excerpt(
    source: SourceText, span: Span, sign: str, label: str, tone: str, gutter: int, paint: _Paint
) -> list[str]:
    """The source lines of a span with signs below it; of a span over several lines the first and the last."""
    first, first_column = source.position(span.start)
    last, last_column = source.position(max(span.start, span.end - 1))
    if first == last:
        length = max(1, span.end - span.start)
        return _marked(source, first, first_column - 1, length, sign, label, tone, gutter, paint)
    text = source.line(first)
    lines = _marked(
        source, first, first_column - 1, len(text) - first_column + 1, sign, "", tone, gutter, paint
    )
    if last > first + 1:
        lines.append(paint("...", _BLUE))
    text = source.line(last)
    indent = len(text) - len(text.lstrip())
    start = min(indent, last_column - 1)
    return lines + _marked(source, last, start, last_column - start, sign, label, tone, gutter, paint)


def _marked(
    source: SourceText,
    number: int,
    start: int,
    length: int,
    sign: str,
    label: str,
    tone: str,
    gutter: int,
    paint: _Paint,
) -> list[str]:
    text = source.line(number)
    start = min(start, len(text))
    end = max(start, min(start + length, len(text)))
    left, right = _window(text, start, end)
    before = ("…" if left else "") + visible(text[left:start], _TAB)
    within = visible(text[start : min(end, right)], _TAB)
    after = visible(text[min(end, right) : right], _TAB) + ("…" if right < len(text) else "")
    signs = sign * max(1, display_width(within))
    marked = " " * display_width(before) + paint(f"{signs} {_on_one_line(label)}".rstrip(), tone)
    bar = paint("|", _BLUE)
    shown = f"{paint(str(number).rjust(gutter), _BLUE)} {bar} {before}{within}{after}"
    return [shown.rstrip(), f"{' ' * gutter} {bar} {marked}"]


def _window(text: str, start: int, end: int) -> tuple[int, int]:
    """(first, behind the last) character of a long line that are shown: the place with some of what surrounds it."""
    if len(text) <= WIDTH:
        return 0, len(text)
    spare = max(20, WIDTH - (end - start))
    left = max(0, min(start - spare // 2, len(text) - WIDTH))
    return left, min(len(text), left + WIDTH)
