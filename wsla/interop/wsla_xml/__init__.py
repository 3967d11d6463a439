"""WSLA 1.0, the XML language of 2003: documents as they should be, and as they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from wsla.analysis.checked import CheckedAgreement
    from wsla.diagnostics.source import SourceText
    from wsla.interop.formats import Exported, Imported

_ROOT: Final = re.compile(
    r"\ufeff?\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>\s*)*<(?:[\w.-]+:)?(sla)\b",
    re.DOTALL | re.IGNORECASE,
)


def recognised(source: SourceText) -> bool:
    """True where the root of an XML document is called SLA, in whatever case."""
    return _ROOT.match(source.text) is not None


def import_text(source: SourceText) -> Imported:
    """The agreement of a document, and what is wrong with it or has no place in an agreement."""
    from wsla.interop.wsla_xml.importing import import_document

    return import_document(source)


def export_agreement(agreement: CheckedAgreement, source: SourceText) -> Exported:
    """The document that says the same, as far as WSLA can."""
    from wsla.interop.wsla_xml.exporting import export_document

    return export_document(agreement, source)
