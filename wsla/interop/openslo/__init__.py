"""OpenSLO: objectives as YAML, in its versions v1, v1alpha and v2alpha."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from wsla.diagnostics.source import SourceText
    from wsla.interop.formats import Imported

_CLAIM: Final = re.compile(r"""^(?:-[ \t]+|[ \t]+)?["']?apiVersion["']?[ \t]*:""", re.MULTILINE)


def recognised(source: SourceText) -> bool:
    """True where a line names the version of an interface, as every object of OpenSLO does."""
    return not source.text.lstrip("\ufeff \n\t").startswith("<") and _CLAIM.search(source.text) is not None


def import_text(source: SourceText) -> Imported:
    """The agreement of a file, and what is wrong with it or has no place in an agreement."""
    from wsla.interop.openslo.importing import import_file

    return import_file(source)
