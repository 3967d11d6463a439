"""A source text with positions: offsets are code points, lines and columns start at 1."""

from __future__ import annotations

from bisect import bisect_right

from attrs import field, frozen

from wsla.values.records import Record


@frozen(eq=False, repr=False)
class Span(Record):
    """A half-open stretch ``[start, end)`` of code points in one source text."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of another."""
        return Span(min(self.start, other.start), max(self.end, other.end))


NOWHERE = Span(0, 0)


@frozen(kw_only=True, eq=False, repr=False)
class Imported(Record):
    """What one ``import`` leads to: the text of the file, or None and (code, reason) why there is none.

    ``importer`` is the name of the text that imports, ``path`` is as written there.
    """

    importer: str
    path: str
    found: SourceText | None
    problem: tuple[str, str] = ("", "")


@frozen(kw_only=True, eq=False, repr=False)
class SourceText(Record):
    """A named text. ``name`` is the path as the user wrote it, or a label such as ``<text>``.

    ``imports`` is everything that it imports, directly or not, read beforehand.
    """

    name: str
    text: str
    imports: tuple[Imported, ...] = field(default=(), repr=False)
    _line_starts: tuple[int, ...] = field(init=False, repr=False, eq=False)

    @_line_starts.default
    def _find_line_starts(self) -> tuple[int, ...]:
        starts = [0]
        position = self.text.find("\n")
        while position != -1:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        return tuple(starts)

    def position(self, offset: int) -> tuple[int, int]:
        """(line, column) of a code point, both counted from 1."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def place(self, span: Span) -> tuple[SourceText, Span]:
        """The text that was written and the span in it; here always this text itself."""
        return self, span

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its end."""
        start = self._line_starts[number - 1]
        end = self._line_starts[number] - 1 if number < len(self._line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    @property
    def line_count(self) -> int:
        """How many lines the text has; an empty text has one."""
        return len(self._line_starts)
