"""Diagnostics as SARIF 2.1.0, which code hosts and editors read (OASIS, Static Analysis Results Interchange Format)."""

from __future__ import annotations

from collections.abc import Sequence

from wsla.diagnostics.codes import TITLES
from wsla.diagnostics.diagnostic import Diagnostic, Severity
from wsla.diagnostics.source import SourceText, Span

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def to_sarif(diagnostics: Sequence[Diagnostic], version: str) -> dict[str, object]:
    """One run of ``wsla check`` as a SARIF log; ``version`` is that of wsla. Columns count code points."""
    codes = sorted({found.code for found in diagnostics})
    rules = [{"id": code, "shortDescription": {"text": TITLES.get(code, code)}} for code in codes]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "wsla", "version": version, "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(found, codes.index(found.code)) for found in diagnostics],
            }
        ],
    }


def _result(found: Diagnostic, rule: int) -> dict[str, object]:
    result: dict[str, object] = {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": _LEVELS[found.severity],
        "message": {"text": ". ".join([found.message, *found.notes])},
        "locations": [{"physicalLocation": _place(found.source, found.span)}],
    }
    if found.related:
        result["relatedLocations"] = [
            {
                "physicalLocation": _place(related.source or found.source, related.span),
                "message": {"text": related.text},
            }
            for related in found.related
        ]
    suggestion = found.suggestion
    if suggestion is not None and suggestion.span is not None and suggestion.replacement is not None:
        change = {
            "deletedRegion": _region(found.source, suggestion.span),
            "insertedContent": {"text": suggestion.replacement},
        }
        result["fixes"] = [
            {
                "description": {"text": suggestion.text},
                "artifactChanges": [
                    {"artifactLocation": {"uri": _uri(found.source)}, "replacements": [change]}
                ],
            }
        ]
    return result


def _place(source: SourceText, span: Span) -> dict[str, object]:
    return {"artifactLocation": {"uri": _uri(source)}, "region": _region(source, span)}


def _uri(source: SourceText) -> str:
    return source.name.replace("\\", "/").replace("%", "%25").replace(" ", "%20")


def _region(source: SourceText, span: Span) -> dict[str, int]:
    line, column = source.position(span.start)
    end_line, end_column = source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}
