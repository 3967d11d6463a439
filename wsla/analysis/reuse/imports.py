"""Which files a text imports, directly or not (rule M67). Reading is left to the caller; the limits are kept here."""

from __future__ import annotations

import re
from collections import deque
from typing import Final, Protocol

from attrs import evolve

from wsla.diagnostics.source import Imported, SourceText
from wsla.syntax.build.words import unquote
from wsla.syntax.parse import MAX_TEXT

MAX_DEPTH: Final = 16
"""How many imports may lead from a text to one that it imports."""
MAX_FILES: Final = 100
"""How many files a text may import, directly or not."""

_PARTS: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"?|#[^\n]*|[{}]|[^\W\d]\w*|[^\s\w"#{}]')


class Files(Protocol):
    """Where imported files come from."""

    def resolve(self, importer: str, path: str) -> str:
        """The name of the file that ``path`` means in the text of the name ``importer``."""

    def read(self, name: str) -> SourceText | str:
        """The text of the file of that name, which is its name too; or why it cannot be read."""


def imported_paths(text: str) -> tuple[str, ...]:
    """The paths that a text imports, each once, as written. Also of a text that is broken elsewhere."""
    if "import" not in text:
        return ()
    found: dict[str, None] = {}
    depth, previous, alone = 0, "", False
    for match in _PARTS.finditer(text):
        part = match.group()
        if part[0] == "#":
            continue
        if part in "{}":
            depth += 1 if part == "{" else -1
        elif part == "import":
            alone = depth <= 0 or text[match.start() - 1 : match.start()] == "\n"
        elif previous == "import" and alone and part[0] == '"' and len(part) > 1 and part[-1] == '"':
            found[unquote(part)] = None
        previous = part
    return tuple(found)


def with_imports(source: SourceText, files: Files) -> SourceText:
    """The text with everything that it imports. Never raises: what cannot be imported says why."""
    entries: list[Imported] = []
    read: dict[str, SourceText | str] = {source.name: source}
    size = 0
    waiting = deque([(source, 1)])
    while waiting:
        importer, depth = waiting.popleft()
        for path in imported_paths(importer.text):
            problem = _refused(path)
            if problem:
                entries.append(_missing(importer, path, "E0901", problem))
                continue
            name = files.resolve(importer.name, path)
            if depth > MAX_DEPTH:
                reason = f"imports may lead {MAX_DEPTH} files deep, and this one goes deeper"
                entries.append(_missing(importer, path, "E0903", reason))
                continue
            if name not in read:
                if len(read) > MAX_FILES:
                    reason = f"a text may import {MAX_FILES} files, and this is one more"
                    entries.append(_missing(importer, path, "E0903", reason))
                    continue
                text = files.read(name)
                read[name] = text
                if isinstance(text, SourceText):
                    size += len(text.text)
                    if size > MAX_TEXT:
                        reason = f"all imported files may have {MAX_TEXT:,} characters, and these have more"
                        entries.append(_missing(importer, path, "E0903", reason))
                        return evolve(source, imports=tuple(entries))
                    waiting.append((text, depth + 1))
            found = read[name]
            if isinstance(found, str):
                entries.append(_missing(importer, path, "E0901", f"`{path}` cannot be read: {found}"))
            else:
                entries.append(Imported(importer=importer.name, path=path, found=found))
    return evolve(source, imports=_without_circles(source.name, entries))


def _refused(path: str) -> str:
    if not path.strip():
        return "an import names a file"
    return "an import names a file, not an address on the network" if "://" in path else ""


def _short(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _missing(importer: SourceText, path: str, code: str, reason: str) -> Imported:
    return Imported(importer=importer.name, path=path, found=None, problem=(code, reason))


def _without_circles(root: str, entries: list[Imported]) -> tuple[Imported, ...]:
    """Of a circle of imports, the one that closes it leads nowhere."""
    leading: dict[str, list[Imported]] = {}
    for entry in entries:
        leading.setdefault(entry.importer, []).append(entry)
    closing: dict[tuple[str, str], str] = {}
    done: set[str] = set()

    def follow(name: str, trail: tuple[str, ...]) -> None:
        for entry in leading.get(name, ()):
            if entry.found is None:
                continue
            target = entry.found.name
            if target in trail:
                names = [*trail[trail.index(target) :], target]
                closing[entry.importer, entry.path] = (
                    f"files import each other: {' → '.join(_short(name) for name in names)}"
                )
            elif target not in done:
                follow(target, (*trail, target))
        done.add(name)

    follow(root, (root,))
    return tuple(
        evolve(entry, found=None, problem=("E0902", closing[entry.importer, entry.path]))
        if (entry.importer, entry.path) in closing
        else entry
        for entry in entries
    )
