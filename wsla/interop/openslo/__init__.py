"""OpenSLO: objectives as YAML, in its versions v1, v1alpha and v2alpha."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from wsla.analysis.checked import CheckedAgreement
    from wsla.diagnostics.source import SourceText
    from wsla.interop.formats import Exported, Imported

_CLAIM: Final = re.compile(r"""^(?:-[ \t]+|[ \t]+)?["']?apiVersion["']?[ \t]*:""", re.MULTILINE)


def recognised(source: SourceText) -> bool:
    """True where a line names the version of an interface, as every object of OpenSLO does."""
    return not source.text.lstrip("\ufeff \n\t").startswith("<") and _CLAIM.search(source.text) is not None


def import_text(source: SourceText) -> Imported:
    """The agreement of a file, and what is wrong with it or has no place in an agreement."""
    from wsla.interop.openslo.importing import import_file

    return import_file(source)


def export_agreement(agreement: CheckedAgreement, source: SourceText) -> Exported:
    """A file of OpenSLO v1 with what it can say of an agreement, and what it cannot."""
    from wsla.interop.openslo.exporting import export_document
    from wsla.syntax import surface
    from wsla.syntax.parse import parse

    document, _ = parse(source)
    (written,) = [
        one
        for one in document.items
        if isinstance(one, surface.Agreement) and one.title.value == agreement.title
    ]
    return export_document(written, document, source)
