"""Limits on what is read from others, and how a foreign file becomes a text with places."""

from __future__ import annotations

import codecs
import re
from typing import Final

from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText, Span

LARGEST_FILE: Final = 16 * 1024 * 1024
"""How many bytes a foreign file may have."""
MOST_PARTS: Final = 100_000
"""How many elements, mappings, lists or lines a document may be made of."""
DEEPEST: Final = 100
"""How deeply its parts may stand in one another."""

_DECLARED: Final = re.compile(rb"""^<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_ENCODINGS: Final = {
    "utf-8": "utf-8-sig",
    "us-ascii": "utf-8-sig",
    "ascii": "utf-8-sig",
    "iso-8859-1": "latin-1",
    "latin-1": "latin-1",
    "iso-8859-15": "iso-8859-15",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
}
_MARKS: Final = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def text_of(name: str, content: bytes) -> SourceText | Diagnostic:
    """The text of a foreign file: UTF-8, UTF-16 with its mark, or what an XML declaration at its beginning names.

    Otherwise why it cannot be read.
    """
    nothing = SourceText(name=name, text="")
    if len(content) > LARGEST_FILE:
        return too_large(nothing)
    declared = _DECLARED.match(content)
    encoding = "utf-8-sig"
    if declared is not None:
        encoding = _ENCODINGS.get(declared.group(1).decode("ascii").lower(), encoding)
    for mark, marked in _MARKS:
        if content.startswith(mark):
            encoding = marked
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        message = f"the text is not {encoding.removesuffix('-sig').upper()} (line {line})"
        return Diagnostic(code="E0100", message=message, source=nothing, span=Span(0, 0))
    return SourceText(name=name, text=text.replace("\r\n", "\n"))


def too_large(source: SourceText) -> Diagnostic:
    """That a file has more than the greatest number of bytes."""
    message = f"the file is larger than {LARGEST_FILE // 1024 // 1024} MiB"
    return Diagnostic(code="E1002", message=message, source=source, span=Span(0, 0))


def not_well_formed(source: SourceText, span: Span, reason: str) -> Diagnostic:
    """That a text breaks the rules of XML, YAML or whatever it is written in."""
    return Diagnostic(
        code="E1003", message=f"the file is not well-formed: {reason}", source=source, span=span
    )


def too_many_parts(source: SourceText, span: Span) -> Diagnostic:
    """That a document has more than the greatest number of parts."""
    message = f"the document has more than {MOST_PARTS:,} parts"
    return Diagnostic(code="E1004", message=message, source=source, span=span)


def too_deep(source: SourceText, span: Span) -> Diagnostic:
    """That parts of a document stand too deeply in one another."""
    message = f"parts stand more than {DEEPEST} deep in one another"
    return Diagnostic(code="E1004", message=message, source=source, span=span)


def refused(source: SourceText, span: Span, what: str) -> Diagnostic:
    """That a document asks its reader for something that is not done with files of others."""
    return Diagnostic(code="E1005", message=f"{what} not read from a file", source=source, span=span)
