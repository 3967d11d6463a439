"""Reading the files that a text imports, from the disk or from texts that the caller holds."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

from wsla.analysis.reuse.imports import with_imports
from wsla.diagnostics.source import SourceText

LARGEST_FILE: Final = 16 * 1024 * 1024
"""How many bytes a file may have."""


@frozen
class Disk:
    """Files on the disk; a path is meant from the folder of the file that imports it."""

    def resolve(self, importer: str, path: str) -> str:
        """The path of the file, seen from where the program runs."""
        return os.path.normpath(Path(importer).parent / path)

    def read(self, name: str) -> SourceText | str:
        """The text of a file, or why it cannot be read."""
        try:
            with Path(name).open("rb") as opened:
                content = opened.read(LARGEST_FILE + 1)
        except FileNotFoundError:
            return "there is no such file"
        except IsADirectoryError:
            return "this is a folder"
        except (OSError, ValueError) as problem:
            return (getattr(problem, "strerror", None) or "it is no path").lower()
        if len(content) > LARGEST_FILE:
            return f"the file is larger than {LARGEST_FILE // 1024 // 1024} MiB"
        try:
            return SourceText(name=name, text=content.decode("utf-8-sig"))
        except UnicodeDecodeError as problem:
            return f"the text is not UTF-8 (line {content.count(10, 0, problem.start) + 1})"


@frozen
class Texts:
    """Texts by the path that an import names, as a program holds them."""

    texts: Mapping[str, str]

    def resolve(self, importer: str, path: str) -> str:
        """The path itself."""
        return path

    def read(self, name: str) -> SourceText | str:
        """The text of that path, or why there is none."""
        text = self.texts.get(name)
        return "there is no such text" if text is None else SourceText(name=name, text=text)


def read_imports(source: SourceText) -> SourceText:
    """The text of a file with the files that it imports. Never raises: what cannot be read says why."""
    return with_imports(source, Disk())
