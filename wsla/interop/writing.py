"""What all importers need to write `.sla`: names, quoted texts, comments that keep what has no place, the layout."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from attrs import define, field

from wsla.diagnostics.diagnostic import Diagnostic, Severity
from wsla.diagnostics.source import SourceText, Span

_LONGEST_NAME: Final = 80
_UNUSABLE: Final = re.compile(r"[^\w]+")
_UNSEEN: Final = re.compile(
    r"[\x00-\x1f\x7f\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ud800-\udfff]+"
)
_KEPT: Final = re.compile(r"#\s*kept from ([a-z]+): (.*)")


@cache
def _taken_by_the_language() -> frozenset[str]:
    from wsla.analysis.functions import FUNCTIONS
    from wsla.syntax.parse import reserved_words

    return frozenset({*reserved_words(), *FUNCTIONS})


@define
class Names:
    """Names for foreign ones: each foreign name of a kind has one, no two have the same, all can stand in a text."""

    _given: dict[tuple[str, str], str] = field(factory=dict)
    _used: set[str] = field(factory=set)

    def of(self, kind: str, foreign: str) -> str:
        """The name for ``foreign``, which is unique among things of its ``kind`` (``metric``, ``party`` …)."""
        known = self._given.get((kind, foreign))
        if known is None:
            known = self.fresh(foreign, kind)
            self._given[kind, foreign] = known
        return known

    def fresh(self, wanted: str, otherwise: str = "thing") -> str:
        """A name that nothing has yet, as near to ``wanted`` as can be."""
        stem = identifier(wanted) or identifier(otherwise)
        if stem in _taken_by_the_language():
            stem = f"{stem}_"
        name, number = stem, 1
        while name in self._used:
            number += 1
            name = f"{stem}_{number}"
        self._used.add(name)
        return name


def identifier(text: str) -> str:
    """Letters, digits and ``_`` that say about the same, not beginning with a digit; empty where nothing is left."""
    kept = _UNUSABLE.sub("_", _UNSEEN.sub("", text).strip())[:_LONGEST_NAME].strip("_") if text else ""
    if not kept or not kept.isidentifier():
        kept = "".join(one for one in kept if f"a{one}".isidentifier())
    return f"_{kept}" if kept and not (kept[0].isalpha() or kept[0] == "_") else kept


def quoted(text: str) -> str:
    """A text between quotes, on one line, without signs that cannot be seen."""
    plain = _UNSEEN.sub(" ", text).strip()
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def comment(text: str) -> str:
    """A comment of one line."""
    return "# " + " ".join(_UNSEEN.sub(" ", text).split())


def kept(known: str, what: str) -> str:
    """The comment for something of a foreign format that agreements have no place for: ``# kept from wsla: …``."""
    return comment(f"kept from {known}: {what}")


def kept_in(line: str, known: str) -> str | None:
    """What such a comment keeps of the format; None for any other comment."""
    match = _KEPT.fullmatch(line.strip())
    return match.group(2) if match is not None and match.group(1) == known else None


def kept_as_comment(source: SourceText, span: Span, what: str) -> Diagnostic:
    """The remark that something was kept as a comment."""
    return Diagnostic(
        code="W1010",
        message=f"{what} has no place in an agreement, and is kept as a comment",
        source=source,
        span=span,
        severity=Severity.WARNING,
    )


def cannot_be_said(source: SourceText, span: Span, what: str, title: str) -> Diagnostic:
    """The remark that something of an agreement is missing in an export."""
    return Diagnostic(
        code="W1020",
        message=f"{title} cannot say {what}",
        source=source,
        span=span,
        severity=Severity.WARNING,
    )


def laid_out(text: str) -> str:
    """A `.sla` text in the one standard form. Raises ValueError where an importer made a text that cannot be read."""
    from wsla.syntax.formatter import format_source

    made, problems = format_source(SourceText(name="<import>", text=text))
    if made is None:
        line, column = problems[0].position
        raise ValueError(f"line {line}, column {column}: {problems[0].message}")
    return made
