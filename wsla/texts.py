"""Reading the files that a text imports, from the disk or from texts that the caller holds."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

from wsla.analysis.reuse.imports import with_imports
from wsla.diagnostics.source import SourceText

LARGEST_FILE: Final = 16 * 1024 * 1024
"""How many bytes a file may have."""


def content_of(name: str | Path) -> bytes:
    """What a file holds. Raises OSError, and ValueError with the reason for what is not taken."""
    try:
        if b"\0" in os.fsencode(name):
            raise ValueError("it is no path")
    except UnicodeEncodeError:
        raise ValueError("it is no path") from None
    # What is no ordinary file, such as a pipe that nobody writes to, might keep its reader waiting for ever.
    handle = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as opened:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "this is a folder")
        if not stat.S_ISREG(mode):
            raise ValueError("this is no ordinary file")
        content = opened.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ValueError(f"the file is larger than {LARGEST_FILE // 1024 // 1024} MiB")
    return content


OUTSIDE: Final = "it lies outside of the folders that wsla.toml names: [files] within"


def lies_within(name: str | Path, folders: tuple[str, ...] | None) -> bool:
    """True for a file in one of the folders, or in one below, wherever links lead; None stands for all folders."""
    if folders is None:
        return True
    try:
        real = os.path.realpath(name)
        return any(os.path.commonpath([real, folder]) == folder for folder in map(os.path.realpath, folders))
    except (OSError, ValueError):
        # It is no path, or one of another drive.
        return False


def agreements_in(folder: str | Path) -> Iterator[Path]:
    """The `.sla` files in a folder and the folders in it, in order of their paths.

    What begins with a dot is left out: editors and version control keep their own copies there, and Kubernetes the
    folders that the files of a mounted ConfigMap are links into.
    """
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in files if name.endswith(".sla") and not name.startswith(".")]
    yield from sorted(found)


@frozen
class Disk:
    """Files on the disk; a path is meant from the folder of the file that imports it.

    ``noted`` is told of every file that is read: its name, and what it holds, or None where it cannot be read.
    ``within`` are the folders out of which nothing is read; None stands for all.
    """

    noted: Callable[[str, bytes | None], None] | None = None
    within: tuple[str, ...] | None = None

    def resolve(self, importer: str, path: str) -> str:
        """The path of the file, seen from where the program runs."""
        return os.path.normpath(Path(importer).parent / path)

    def read(self, name: str) -> SourceText | str:
        """The text of a file, or why it cannot be read."""
        content = None
        try:
            if not lies_within(name, self.within):
                return OUTSIDE
            content = content_of(name)
        except FileNotFoundError:
            return "there is no such file"
        except IsADirectoryError:
            return "this is a folder"
        except (OSError, ValueError) as problem:
            return getattr(problem, "strerror", "").lower() or str(problem)
        finally:
            if self.noted is not None:
                self.noted(name, content)
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


def read_imports(source: SourceText, disk: Disk | None = None) -> SourceText:
    """The text of a file with the files that it imports. Never raises: what cannot be read says why."""
    return with_imports(source, disk or Disk())
