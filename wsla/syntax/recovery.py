"""Cuts a broken text at its declarations, so that each mistake costs one declaration and gives one message.

Works on signs and words alone: braces are counted, quoted texts and comments skipped. A declaration that cannot stand
inside a block ends a block that was never closed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Final

from attrs import Factory, define, frozen

from wsla.diagnostics.diagnostic import Diagnostic, Related, Suggestion
from wsla.diagnostics.source import SourceText, Span
from wsla.syntax.parse import NAMELESS, reserved_words
from wsla.syntax.vocabulary import SYNONYMS

DECLARATIONS: Final = (
    "cap",
    "effective",
    "goal",
    "metric",
    "party",
    "schedule",
    "service",
    "source",
    "unit",
    "use",
    "when",
    "kind",
    "currency",
    "grace",
)
_RECURRING: Final = ("publish", "call")
_TOP: Final = ("agreement", "test", "template", "import")
_HOLDERS: Final = ("agreement", "template")
_STARTS: Final = {"agreement": "header", "template": "template_header", "import": "import_file"}
_PARTS: Final = re.compile(
    r'"(?:[^"\\\n]|\\.)*"?|#[^\n]*|\n|[{}]|[^\W\d]\w*|\d[\w.]*|[^\s\w"#{}]|[^\S\n]+', re.DOTALL
)
_WORD: Final = r"[^\W\d]\w*"
_TEXT: Final = r'"(?:[^"\\\n]|\\.)*"'
_CLOSED_TEXT: Final = re.compile(_TEXT)
_ROLE: Final = "(?:provider|consumer|measurer|evaluator|manager|auditor)"
_SHAPED: Final = re.compile(
    rf"metric\s+{_WORD}\s*[=:]|source\s+{_WORD}\s*[=:]|goal\s+{_WORD}(?:\s+for\s+{_WORD})?\s*[:=]|schedule\s+{_WORD}\s*\{{"
    rf"|party[ \t]+{_WORD}[ \t]+(?:{_TEXT}[ \t]*)?(?:{_ROLE}\b|\{{)|"
    rf"service[ \t]+{_WORD}[ \t]*(?:{_TEXT}[ \t]*)?(?:\{{|from\b)"
    r"|effective\s+\d{4}-\d\d-\d\d|cap\s+(?:credits|rewards)\s+to\b|when\b(?!\s+idle\b)[^\n{]{0,400}\{"
    rf"|use\s+{_WORD}\s*\(|publish\s+report[ \t]+{_WORD}|call\s+review[ \t]+{_WORD}"
)
_TOP_SHAPED: Final = re.compile(
    rf"agreement\s+{_TEXT}\s*version\b|test\s+{_TEXT}[ \t]*\{{|template\s+{_WORD}\s*\(\s*{_WORD}\s*:|import\s+{_TEXT}"
)
_WEAK: Final = re.compile(
    rf"{_WORD}[ \t]+{_WORD}[ \t]*(?:[:{{]|=(?!=)|{_TEXT})|{_WORD}[ \t]+(?:{_TEXT}|\d{{4}}-)|{_WORD}[ \t]*(?:=(?!=)|:)"
)
_TOP_LIKE: Final = re.compile(rf"({_WORD})[ \t]+{_TEXT}")
_CONTINUES: Final = frozenset(
    {
        "and",
        "by",
        "during",
        "each",
        "else",
        "every",
        "except",
        "excluding",
        "expect",
        "for",
        "from",
        "given",
        "guarantees",
        "implies",
        "in",
        "not",
        "of",
        "or",
        "otherwise",
        "over",
        "pausing",
        "provided",
        "rewarding",
        "starting",
        "timeout",
        "until",
        "where",
    }
)
_NAMED: Final = re.compile(rf"({_WORD})\s+({_WORD})")


@frozen(kw_only=True)
class Piece:
    """A stretch of text for one start symbol of the grammar; ``missing`` is how many ``}`` it lacks at its end.

    ``start`` is ``agreement`` for a header (a new agreement begins), else a start symbol; ``weak`` are offsets at which
    a misspelt declaration may begin; ``parameters`` are those of the template that it belongs to, with their kinds.
    """

    start: str
    span: Span
    missing: int = 0
    weak: tuple[int, ...] = ()
    parameters: Mapping[str, str] = Factory(dict)


@frozen(kw_only=True)
class Cut:
    """The pieces in order, and what is wrong with the braces between them."""

    pieces: tuple[Piece, ...]
    problems: tuple[Diagnostic, ...]


def name_of(text: str, start: int) -> tuple[str, str] | None:
    """(keyword, name) of the declaration that begins at an offset, its keyword corrected; None for other texts.

    The name is ``NAMELESS`` where it cannot be read, and that of ``effective`` is the word itself.
    """
    first = re.compile(_WORD).match(text, start)
    if first is None:
        return None
    named = ("effective", "goal", "metric", "party", "schedule", "service", "source", "template")
    near = difflib.get_close_matches(first.group().casefold(), named, n=1, cutoff=0.7)
    if not near:
        return None
    if near[0] == "effective":
        return near[0], near[0]
    match = _NAMED.match(text, start)
    return near[0], NAMELESS if match is None or match.group(2) in reserved_words() else match.group(2)


def cut(source: SourceText) -> Cut:
    """Cut a text into pieces that can be read one by one."""
    cutter = _Cutter(source=source)
    cutter.run()
    return Cut(pieces=tuple(cutter.pieces), problems=tuple(cutter.problems))


def _top_of(word: str) -> str | None:
    """The word of the top level that was probably meant."""
    meant = SYNONYMS.get(word.casefold(), ())
    if meant and meant[0] in _TOP:
        return meant[0]
    near = difflib.get_close_matches(word.casefold(), _TOP, n=1, cutoff=0.6)
    return near[0] if near else None


@frozen
class _Brace:
    offset: int
    indent: int


@define
class _Cutter:
    """Walks over the text once; ``stack`` holds the open braces, the outermost first."""

    source: SourceText
    pieces: list[Piece] = Factory(list)
    problems: list[Diagnostic] = Factory(list)
    stack: list[_Brace] = Factory(list)
    region: str = ""
    start: str = ""
    begin: int = 0
    weak: list[int] = Factory(list)
    suspect: _Brace | None = None
    last_close: int | None = None
    reopened: bool = False
    cut_short: int | None = None
    indent: int = 0
    parentheses: int = 0

    def run(self) -> None:
        text = self.source.text
        at_line_start = follows_brace = True
        previous = ""
        for match in _PARTS.finditer(text):
            part = match.group()
            first = part[0]
            if first == "\n":
                at_line_start = True
                continue
            if part.isspace() or first in "#\ufeff":
                continue
            if at_line_start:
                self.indent = match.start() - text.rfind("\n", 0, match.start()) - 1
            if first == '"':
                if not _CLOSED_TEXT.fullmatch(part):
                    self._unclosed_text(part, match.start())
                if self.region == "import":
                    self._end_piece(match.end())
                    self.region = ""
                    continue
            elif first == "{":
                self._open(match.start())
            elif first == "}":
                self._close(match.start(), at_line_start)
            elif (first.isalpha() or first == "_") and previous != ".":
                self._word(part, match.start(), at_line_start, at_line_start or follows_brace)
            if not self.region and not self.start and first not in "{}":
                self._begin_stray(match.start())
            self.parentheses = (
                max(0, self.parentheses + part.count("(") - part.count(")"))
                if first != '"'
                else self.parentheses
            )
            follows_brace = first in "{}"
            at_line_start = False
            previous = part
        self._end_region(len(text))

    def _unclosed_text(self, part: str, start: int) -> None:
        """A quoted text without its end hides the rest of the line: braces that fit to the line count all the same."""
        line_start = self.source.text.rfind("\n", 0, start) + 1
        for offset, character in enumerate(part):
            if character == "{":
                self._open(start + offset)
            elif character == "}" and self.stack and self.stack[-1].offset >= line_start:
                self._close(start + offset, False)

    def _open(self, offset: int) -> None:
        self.stack.append(_Brace(offset, self.indent))
        if self.start in ("header", "template_header"):
            self._end_piece(offset + 1)
            self._begin("declarations", offset + 1)

    def _close(self, offset: int, at_line_start: bool) -> None:
        if not self.stack:
            self._end_piece(offset)
            self.region = ""
            if self.cut_short is not None:
                self._report_inner_test(self.cut_short)
                return
            self.problems.append(
                Diagnostic(
                    code="E0113",
                    message="this `}` closes nothing",
                    source=self.source,
                    span=Span(offset, offset + 1),
                    label="no block is open here",
                    suggestion=Suggestion(
                        text="remove it", span=Span(offset, offset + 1), replacement="", safe=False
                    ),
                )
            )
            return
        brace = self.stack.pop()
        if at_line_start and self.indent < brace.indent and self.suspect is None:
            self.suspect = brace
        if self.stack:
            return
        if self.region in _HOLDERS:
            self._end_piece(offset)
            self.last_close = offset if self.region == "agreement" else None
            self.region, self.reopened = "", False
        else:
            self._end_piece(offset + 1)
            self.region = ""
        self.suspect = None

    def _word(self, word: str, start: int, at_line_start: bool, may_begin: bool) -> None:
        if not may_begin:
            if word in DECLARATIONS and len(self.stack) == 1 and _SHAPED.match(self.source.text, start):
                self.weak.append(start)
            return
        text, depth = self.source.text, len(self.stack)
        if word in _TOP and (depth == 0 or _TOP_SHAPED.match(text, start)):
            inside = self.region in _HOLDERS and depth == 1 and not self.reopened
            self._end_region(start)
            self._begin_region(word, start)
            self.cut_short = start if inside and word == "test" else self.cut_short
        elif word in DECLARATIONS or (word in _RECURRING and _SHAPED.match(text, start)):
            if depth > 1 or self.region == "test":
                if _SHAPED.match(text, start):
                    self._begin_declaration(word, start)
            elif not (word == "when" and re.match(r"when\s+idle\b", text[start : start + 40])):
                self._begin_declaration(word, start)
        elif depth == 0 and self._is_top_like(word, start):
            self._end_region(start)
            self._begin_region(_top_of(word) or _TOP[0], start)
        elif (
            depth == 1
            and self.region in _HOLDERS
            and at_line_start
            and not self.parentheses
            and self._is_weak(word, start)
        ):
            self.weak.append(start)

    def _is_top_like(self, word: str, start: int) -> bool:
        return bool(
            self.region not in _HOLDERS and _top_of(word) and _TOP_LIKE.match(self.source.text, start)
        )

    def _is_weak(self, word: str, start: int) -> bool:
        return word not in _CONTINUES and _WEAK.match(self.source.text, start) is not None

    # --- regions and pieces

    def _begin_region(self, word: str, start: int) -> None:
        self.region, self.suspect, self.parentheses = word, None, 0
        self._begin(_STARTS.get(word, word), start)

    def _begin_stray(self, start: int) -> None:
        self.region = "stray"
        self._begin("stray", start)

    def _begin_declaration(self, word: str, start: int) -> None:
        if self.region == "test":
            self._end_region(start)
        self.parentheses = 0
        if self.region not in _HOLDERS:
            self._reopen(word, start)
        missing = max(0, len(self.stack) - 1)
        if missing:
            self._report_unclosed(self.suspect or self.stack[-1], start)
            del self.stack[1:]
        elif not self.stack:
            self.stack.append(_Brace(start, self.indent))
        self._end_piece(start, missing)
        self._begin("declarations", start)

    def _reopen(self, word: str, start: int) -> None:
        """A declaration outside of an agreement belongs to the one before it, or to none."""
        self._end_piece(start)
        self.region, self.reopened = "agreement", True
        here = Span(start, start + len(word))
        if self.last_close is None:
            self.problems.append(
                Diagnostic(
                    code="E0113",
                    message=f"`{word}` stands outside of an agreement",
                    source=self.source,
                    span=here,
                    label="no agreement is open here",
                    suggestion=Suggestion(text='begin with `agreement "Title" version 1 {`'),
                )
            )
        else:
            self.problems.append(
                Diagnostic(
                    code="E0113",
                    message=f"the agreement ends here, but `{word}` follows after it",
                    source=self.source,
                    span=Span(self.last_close, self.last_close + 1),
                    label="this `}` closes the agreement",
                    related=(Related(span=here, text=f"this `{word}` stands outside of it"),),
                    suggestion=Suggestion(
                        text="remove this `}`, or move what follows before it",
                        span=Span(self.last_close, self.last_close + 1),
                        replacement="",
                    ),
                )
            )

    def _report_inner_test(self, start: int) -> None:
        """A `}` too many after a test that ended an open agreement: the test stands inside the agreement."""
        self.cut_short = None
        self.problems = [
            problem
            for problem in self.problems
            if problem.code != "E0112" or not problem.related or problem.related[0].span.start != start
        ]
        self.problems.append(
            Diagnostic(
                code="E0113",
                message="a test stands after the agreement, not inside it",
                source=self.source,
                span=Span(start, start + len("test")),
                label="move it behind the `}` of the agreement",
            )
        )

    def _begin(self, start_symbol: str, start: int) -> None:
        self.start, self.begin, self.weak = start_symbol, start, []

    def _end_piece(self, end: int, missing: int = 0) -> None:
        if self.start and (missing or self.start != "declarations" or self._has_content(end)):
            self.pieces.append(
                Piece(
                    start=self.start,
                    span=Span(self.begin, end),
                    missing=missing,
                    weak=tuple(self.weak),
                )
            )
        self.start, self.weak = "", []

    def _has_content(self, end: int) -> bool:
        return any(
            not (match.group().isspace() or match.group()[0] in "#\ufeff")
            for match in _PARTS.finditer(self.source.text, self.begin, end)
        )

    def _end_region(self, end: int) -> None:
        missing = len(self.stack)
        if missing and not (missing == 1 and self.reopened):
            self._report_unclosed(self.suspect or self.stack[-1], end)
        within = missing - 1 if self.region in _HOLDERS else missing
        self._end_piece(end, max(0, within))
        self.stack.clear()
        self.region, self.suspect, self.reopened = "", None, False

    def _report_unclosed(self, brace: _Brace, before: int) -> None:
        text = self.source.text
        if text[brace.offset : brace.offset + 1] != "{":
            return
        end = len(text[:before].rstrip())
        line_start = text.rfind("\n", 0, brace.offset) + 1
        opening = text[line_start : brace.offset].strip()
        words = re.findall(rf"{_TEXT}|{_WORD}", opening)
        owner = f" of `{' '.join(words[:2])}`" if words else ""
        indent = text[line_start : len(text)][: brace.indent]
        self.problems.append(
            Diagnostic(
                code="E0112",
                message=f"the block{owner} is not closed",
                source=self.source,
                span=Span(brace.offset, brace.offset + 1),
                label="this `{` has no `}`",
                related=(Related(span=Span(before, before), text="it should end before this"),)
                if before < len(text)
                else (),
                suggestion=Suggestion(
                    text="close the block with `}`",
                    span=Span(end, end),
                    replacement=f"\n{indent if not indent.strip() else ''}}}",
                ),
            )
        )
        self.suspect = None
