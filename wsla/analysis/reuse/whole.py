"""A text that says by itself all that it says with its imports, so that it can be kept and read again later."""

from __future__ import annotations

from wsla.diagnostics.source import SourceText
from wsla.syntax import surface
from wsla.syntax.parse import parse


def self_contained(source: SourceText) -> str:
    """The text with the templates of imported files in place of the imports; unchanged where it imports nothing.

    It means the same: templates have one space of names, and each template of a file stands once, however often it is
    imported.
    """
    if not source.imports:
        return source.text
    imports = {(one.importer, one.path): one.found for one in source.imports}
    seen = {source.name}

    def inlined(text: SourceText, whole: bool) -> str:
        document, _ = parse(text)
        parts: list[str] = []
        position = 0
        for item in document.items:
            if isinstance(item, surface.Import):
                parts += [text.text[position : item.span.start] if whole else "", _commented(text, item)]
                found = imports.get((text.name, item.path.value))
                if found is not None and found.name not in seen:
                    seen.add(found.name)
                    parts.append(inlined(found, False))
                position = item.span.end
            elif isinstance(item, surface.Template) and not whole:
                parts.append(text.text[item.span.start : item.span.end] + "\n")
        return "".join([*parts, text.text[position:] if whole else ""])

    return inlined(source, True)


def _commented(text: SourceText, item: surface.Import) -> str:
    return "# " + " ".join(text.text[item.span.start : item.span.end].split("\n")) + "\n"
