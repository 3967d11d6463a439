"""Content lines with their places in the file, and the components that they stand in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from attrs import define, field, frozen

from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText, Span
from wsla.values.records import Record

MOST_LINES: Final = 200_000
"""How many lines a file may have."""
DEEPEST: Final = 20
"""How deeply its components may stand in one another."""

_HEAD: Final = re.compile(r'([\w.-]{1,200})((?:;[\w.-]+=(?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)*):')
_PARAMETER: Final = re.compile(r';([\w.-]+)=((?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)')
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ESCAPED: Final = re.compile(r"\\(.)")
_BEGIN: Final = "BEGIN:VCALENDAR"
_LONGEST_SHOWN: Final = 60
_MOST_BROKEN: Final = 20
"""With so many lines that cannot be read it is no calendar."""


@frozen(kw_only=True, eq=False, repr=False)
class Line(Record):
    """A property: its name in capitals, parameters by name in capitals, the value as it is written.

    ``span`` is the whole line in the file, ``value_span`` its value.
    """

    name: str
    parameters: dict[str, str]
    value: str
    span: Span
    value_span: Span

    @property
    def text(self) -> str:
        """The value of a property that is a text."""
        return plain_text(self.value)


@define(kw_only=True, eq=False)
class Component:
    """What stands between BEGIN and END; ``span`` is the line of BEGIN."""

    name: str
    span: Span
    lines: list[Line] = field(factory=list)
    parts: list[Component] = field(factory=list)

    def get(self, name: str) -> Line | None:
        """The first property of a name."""
        return next((one for one in self.lines if one.name == name), None)

    def all(self, name: str) -> Iterator[Line]:
        """The properties of a name."""
        return (one for one in self.lines if one.name == name)

    def text(self, name: str) -> str:
        """The text of a property, empty where there is none."""
        found = self.get(name)
        return "" if found is None else found.text


def plain_text(value: str) -> str:
    """A text without the backslashes of iCalendar."""
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)


def several(value: str) -> list[str]:
    """The texts of a list, which commas part that no backslash escapes."""
    return [plain_text(one).strip() for one in re.split(r"(?<!\\),", value)]


def shown(value: str) -> str:
    """As much of a value as a message shows."""
    return value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}…"


def components(source: SourceText, found: list[Diagnostic]) -> tuple[Component, ...]:
    """The calendars of a file; what is wrong is added to ``found``. A line that cannot be read is left out."""
    made: list[Component] = []
    try:
        made.extend(_components(source, found))
    except _Stopped as stopped:
        found.append(stopped.diagnostic)
    return tuple(made)


class _Stopped(Exception):
    """Reading ends here."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def _broken(source: SourceText, span: Span, reason: str, code: str = "E1003") -> _Stopped:
    head = "the file is not well-formed: " if code == "E1003" else ""
    return _Stopped(Diagnostic(code=code, message=f"{head}{reason}", source=source, span=span))


def _components(source: SourceText, problems: list[Diagnostic]) -> Iterator[Component]:
    opened: list[Component] = []
    found = False
    _check_beginning(source)
    for line in _lines(source, problems):
        if line.name == "BEGIN":
            if len(opened) >= DEEPEST:
                reason = f"parts stand more than {DEEPEST} deep in one another"
                raise _broken(source, line.span, reason, "E1004")
            opened.append(Component(name=line.value.strip().upper(), span=line.span))
        elif not opened:
            raise _broken(source, line.span, "a calendar begins with BEGIN:VCALENDAR")
        elif line.name != "END":
            opened[-1].lines.append(line)
        else:
            done = opened.pop()
            if line.value.strip().upper() != done.name:
                reason = f"END:{done.name} is missing before END:{shown(line.value)}"
                raise _broken(source, line.span, reason)
            if opened:
                opened[-1].parts.append(done)
            elif done.name == "VCALENDAR":
                found = True
                yield done
            else:
                raise _broken(source, done.span, "a calendar begins with BEGIN:VCALENDAR")
    if opened:
        raise _broken(source, opened[-1].span, f"END:{shown(opened[-1].name)} is missing")
    if not found:
        raise _broken(source, Span(0, min(1, len(source.text))), "there is no calendar in it")


def _check_beginning(source: SourceText) -> None:
    text = source.text
    start = len(text) - len(text.lstrip("\ufeff\n"))
    if text[start : start + len(_BEGIN)].upper() != _BEGIN and _UNSEEN.search(text) is None:
        end = text.find("\n", start)
        span = Span(start, max(start, end if end >= 0 else len(text)))
        raise _broken(source, span, "a calendar begins with BEGIN:VCALENDAR")


def _lines(source: SourceText, problems: list[Diagnostic]) -> Iterator[Line]:
    """The properties of a file; what is folded is one."""
    broken = 0
    for pieces in _unfolded(source):
        line = _line(pieces)
        if line is not None:
            yield line
            continue
        first, written = pieces[0]
        stopped = _broken(source, Span(first, first + len(written)), "a line is a name, a colon and a value")
        broken += 1
        if broken >= _MOST_BROKEN:
            raise stopped
        problems.append(stopped.diagnostic)


def _unfolded(source: SourceText) -> Iterator[list[tuple[int, str]]]:
    """The pieces of each property with their places."""
    text = source.text
    unseen = _UNSEEN.search(text)
    if unseen is not None:
        sign = f"the sign U+{ord(unseen[0]):04X} may not stand in it"
        raise _broken(source, Span(unseen.start(), unseen.end()), sign)
    pieces: list[tuple[int, str]] = []
    offset = 0
    for number, written in enumerate(text.split("\n")):
        if number >= MOST_LINES:
            message = f"the calendar has more than {MOST_LINES:,} lines"
            raise _broken(source, Span(offset, offset + 1), message, "E1004")
        if written[:1] in (" ", "\t"):
            if not pieces:
                raise _broken(
                    source, Span(offset, offset + len(written)), "there is no line that this goes on with"
                )
            pieces.append((offset + 1, written[1:]))
        else:
            if pieces:
                yield pieces
            pieces = [(offset, written)] if written.strip() else []
        offset += len(written) + 1
    if pieces:
        yield pieces


def _line(pieces: list[tuple[int, str]]) -> Line | None:
    whole = "".join(written for _, written in pieces)
    last, rest = pieces[-1]
    span = Span(pieces[0][0], last + len(rest))
    match = _HEAD.match(whole)
    if match is None:
        return None
    parameters = {
        one[1].upper(): one[2].replace('"', "") if one[2].count('"') == 2 else one[2]
        for one in _PARAMETER.finditer(match[2])
    }
    value_start = _place(pieces, match.end())
    value_span = Span(value_start, max(value_start, span.end))
    return Line(
        name=match[1].upper(),
        parameters=parameters,
        value=whole[match.end() :],
        span=span,
        value_span=value_span,
    )


def _place(pieces: list[tuple[int, str]], position: int) -> int:
    """Where in the file the sign at a position of an unfolded line stands."""
    for offset, written in pieces:
        if position < len(written):
            return offset + position
        position -= len(written)
    offset, written = pieces[-1]
    return offset + len(written)
