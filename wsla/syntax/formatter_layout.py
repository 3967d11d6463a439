"""Rows, blocks, comments and blank lines: where things stand, whatever they say."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from wsla.diagnostics.source import Span
from wsla.diagnostics.width import display_width
from wsla.syntax import surface
from wsla.syntax.comments import scan
from wsla.values.records import Record

WIDTH: Final = 100
"""Columns of a line."""
INDENT: Final = 2
"""Columns of one level of indentation."""

_BLANK_LINE: Final = re.compile(r"\n[ \t\r\f\ufeff]*\n")
_READS_AS_MONEY: Final = re.compile(r"(?:^|[^\w.])\d+(?:\.\d+)?$")
_LIKE_A_CURRENCY: Final = re.compile(r"[A-Z]{3}\b")


@frozen(kw_only=True, eq=False, repr=False)
class Row(Record):
    """One item of a block: cells to align with those of its neighbours of the same kind; "" is aligned with nothing."""

    cells: tuple[str, ...]
    span: Span
    kind: str = ""

    @property
    def text(self) -> str:
        """The row without alignment."""
        return " ".join(cell for cell in self.cells if cell)


@frozen(kw_only=True, eq=False, repr=False)
class _Line(Record):
    """A row with the comment behind it, a comment of its own (``row`` is None), or a blank line."""

    row: Row | None = None
    comment: str = ""


class Layout:
    """Lays out rows as they stood in a text: comments, blank lines and short blocks are taken from there."""

    def __init__(
        self, text: str, comments: Sequence[surface.Comment], closing: Mapping[int, int] | None = None
    ) -> None:
        self._text = text
        self._closing = scan(text).closing if closing is None else closing
        self._within = _by_block(self._closing, comments)

    def block_of(self, span: Span, after: Span) -> Span | None:
        """The braces at the end of a node, if they open behind ``after``, the last part of its head."""
        close = span.end - 1
        opened = self._closing.get(close)
        return Span(opened, close) if opened is not None and opened >= after.end else None

    def has_comments(self, braces: Span | None) -> bool:
        """True where comments stand directly inside these braces."""
        return braces is not None and bool(self._within.get(braces.start))

    def block(self, rows: Sequence[Row], braces: Span | None, *, column: int, indent: int) -> str:
        """``{ rows }``, on the line if it was on one line and fits behind ``column``, else on lines of its own."""
        if not rows and not self.has_comments(braces):
            return "{}"
        if self._was_on_one_line(braces):
            joined = _join_on_one_line([row.text for row in rows])
            if joined is not None and column + display_width(joined) <= WIDTH:
                return joined
        behind, lines = self._lines(rows, braces, indent + INDENT)
        return "\n".join([f"{{{behind}", *lines, " " * indent + "}"])

    def long_block(self, rows: Sequence[Row], braces: Span | None) -> str:
        """``{ rows }`` on lines of its own, always."""
        behind, lines = self._lines(rows, braces, INDENT)
        return "\n".join([f"{{{behind}", *lines, "}"])

    def document(self, rows: Sequence[Row]) -> str:
        """The rows of a whole text, a blank line between them."""
        _, lines = self._lines(rows, None, 0, apart=True)
        return "".join(f"{line}\n" for line in lines)

    def _was_on_one_line(self, braces: Span | None) -> bool:
        return braces is None or "\n" not in self._text[braces.start : braces.end]

    def _lines(
        self, rows: Sequence[Row], braces: Span | None, indent: int, *, apart: bool = False
    ) -> tuple[str, list[str]]:
        """(the comment behind the opening brace, the lines of a block)."""
        comments = self._within.get(-1 if braces is None else braces.start, []) if braces or apart else []
        end = len(self._text) if braces is None else braces.end
        placed, behind = self._place(rows, comments, 0 if braces is None else braces.start + 1, end, apart)
        return behind, _aligned(placed, indent)

    def _place(
        self, rows: Sequence[Row], comments: Sequence[surface.Comment], start: int, end: int, apart: bool
    ) -> tuple[list[_Line], str]:
        lines: list[_Line] = []
        behind = ""
        position, taken = start, 0

        def take_comments(limit: int) -> None:
            nonlocal position, taken, behind
            while taken < len(comments) and comments[taken].span.start < limit:
                comment = comments[taken]
                taken += 1
                between = self._text[position : comment.span.start]
                if not comment.alone and "\n" not in between and start and not lines:
                    behind = f"  {comment.text}"
                elif not comment.alone and "\n" not in between and lines and lines[-1].row is not None:
                    lines[-1] = _Line(row=lines[-1].row, comment=comment.text)
                else:
                    self._separate(lines, position, comment.span.start, apart and _ends_with_row(lines))
                    lines.append(_Line(comment=comment.text))
                position = comment.span.end

        for row in rows:
            take_comments(row.span.start)
            always = apart and _ends_with_row(lines) and not _both_imports(lines[-1].row, row)
            self._separate(lines, position, row.span.start, always)
            while taken < len(comments) and comments[taken].span.start < row.span.end:
                lines.append(_Line(comment=comments[taken].text))
                taken += 1
            lines.append(_Line(row=row))
            position = max(position, row.span.end)
        take_comments(end + 1)
        return lines, behind

    def _separate(self, lines: list[_Line], start: int, end: int, always: bool) -> None:
        if lines and (always or _BLANK_LINE.search(self._text, start, max(start, end))):
            lines.append(_Line())


def fill(chunks: Sequence[str], *, column: int, indent: int, reserve: int = 0) -> str:
    """Chunks with blanks between them, in lines of at most WIDTH columns where that can be done.

    The first line begins at ``column``, further ones at ``indent``; ``reserve`` columns stay free on the last.
    """
    joined = " ".join(chunks)
    if column + display_width(joined.partition("\n")[0]) + reserve <= WIDTH:
        return joined
    lines = [chunks[0]]
    used = column + display_width(chunks[0])
    for index, chunk in enumerate(chunks[1:], start=2):
        first, _, _ = chunk.partition("\n")
        spare = reserve if index == len(chunks) else 0
        if used + 1 + display_width(first) + spare <= WIDTH:
            lines[-1] += f" {chunk}"
            used += 1 + display_width(chunk)
        else:
            lines.append(" " * indent + chunk)
            used = indent + display_width(chunk)
        if "\n" in chunk:
            used = display_width(chunk.rpartition("\n")[2])
    return "\n".join(lines)


def last_width(text: str, column: int) -> int:
    """The column behind a text that began at ``column``."""
    before, newline, last = text.rpartition("\n")
    return display_width(last) + (0 if newline or before else column)


def _ends_with_row(lines: Sequence[_Line]) -> bool:
    return bool(lines) and lines[-1].row is not None


def _both_imports(first: Row | None, second: Row) -> bool:
    return first is not None and first.kind == second.kind == "import"


def _join_on_one_line(texts: Sequence[str]) -> str | None:
    joined = ""
    for text in texts:
        if "\n" in text or (_READS_AS_MONEY.search(joined) and _LIKE_A_CURRENCY.match(text)):
            return None
        joined = f"{joined} {text}" if joined else text
    return f"{{ {joined} }}"


def _aligned(lines: Sequence[_Line], indent: int) -> list[str]:
    """The lines as text; runs of single-line rows of one kind have their cells below each other."""
    shown: list[str] = []
    start = 0
    while start < len(lines):
        row = lines[start].row
        end = start + 1
        if row is None:
            comment = lines[start].comment
            shown.append(" " * indent + comment if comment else "")
        else:
            while end < len(lines) and _belong_together(row, lines[end].row):
                end += 1
            texts = _aligned_run([line.row for line in lines[start:end] if line.row is not None], indent)
            for line, text in zip(lines[start:end], texts, strict=True):
                shown.append(" " * indent + text + (f"  {line.comment}" if line.comment else ""))
        start = end
    return shown


def _belong_together(first: Row, other: Row | None) -> bool:
    return (
        other is not None
        and first.kind != ""
        and other.kind == first.kind
        and len(other.cells) == len(first.cells)
        and not any("\n" in cell for cell in first.cells + other.cells)
    )


def _aligned_run(rows: Sequence[Row], indent: int) -> list[str]:
    if len(rows) == 1:
        return [rows[0].text]
    texts = [""] * len(rows)
    for column in range(len(rows[0].cells)):
        widest = max(display_width(row.cells[column]) for row in rows)
        if widest == 0:
            continue
        for index, row in enumerate(rows):
            cell = row.cells[column]
            texts[index] += cell + " " * (widest - display_width(cell) + 1)
    texts = [text.rstrip() for text in texts]
    if any(indent + display_width(text) > WIDTH for text in texts):
        return [row.text for row in rows]
    return texts


def _by_block(
    closing: Mapping[int, int], comments: Sequence[surface.Comment]
) -> dict[int, list[surface.Comment]]:
    """Comments by the opening brace that they stand directly within; -1 is the text itself."""
    if not comments:
        return {}
    braces = sorted([(opened, True) for opened in closing.values()] + [(close, False) for close in closing])
    offsets = [offset for offset, _ in braces]
    innermost: list[int] = []
    stack = [-1]
    for offset, opens in braces:
        if opens:
            stack.append(offset)
        else:
            stack.pop()
        innermost.append(stack[-1])
    within: dict[int, list[surface.Comment]] = {}
    for comment in comments:
        index = bisect_left(offsets, comment.span.start) - 1
        within.setdefault(innermost[index] if index >= 0 else -1, []).append(comment)
    return within
