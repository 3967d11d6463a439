"""The agreements of a list of paths: what was found, and in which files something is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from attrs import define, evolve, field

from wsla.api import Agreement, AgreementError, load_all
from wsla.diagnostics.diagnostic import Diagnostic, Severity
from wsla.diagnostics.source import SourceText
from wsla.texts import OUTSIDE, Disk, agreements_in, content_of, lies_within, read_imports

read_all: Final = lru_cache(maxsize=256)(load_all)
"""As ``load_all``. What was read of late is not read again: most of a look at all files finds the same texts."""


@define(kw_only=True)
class Found:
    """``agreements`` by title. ``broken`` names the files that could not be taken as they are, ``messages`` say why.

    ``checksums`` are those of all files that were read, imported ones among them, as ``checksum`` gives them; ``read``
    are the agreements of each file.
    """

    agreements: dict[str, Agreement] = field(factory=dict)
    broken: set[str] = field(factory=set)
    messages: list[str] = field(factory=list)
    checksums: dict[str, str] = field(factory=dict)
    read: dict[str, tuple[Agreement, ...]] = field(factory=dict)

    def refuse(self, file: str, message: str) -> None:
        """Notes that a file cannot be used."""
        self.broken.add(file)
        self.messages.append(message)


def find_agreements(
    paths: Sequence[str | Path],
    known: Mapping[str, tuple[Agreement, ...]] | None = None,
    within: tuple[str, ...] | None = None,
) -> Found:
    """Reads all agreements of files and of the `.sla` files in folders. Never raises for what is in them.

    ``within`` are the folders out of which nothing is read; None stands for all. ``known`` are the agreements of each
    file as they were read before: what is still the same is not checked anew.
    """
    found = Found()
    files, problems = files_of(paths)
    for file, message in problems:
        found.refuse(file, message)
    for file in files:
        try:
            source = _read(file, found.checksums, within)
            before = () if known is None else known.get(file, ())
            agreements = before if before and before[0].source == source else read_all(source)
        except AgreementError as error:
            found.broken.add(file)
            found.messages.extend(concise(one) for one in error.diagnostics)
            continue
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            found.refuse(file, f"{file}: error: {reason[:1].lower()}{reason[1:]}")
            continue
        found.read[file] = agreements
        for agreement in agreements:
            other = found.agreements.get(agreement.title)
            if other is not None:
                where = "twice in it" if other.source.name == file else f"in {other.source.name} too"
                found.refuse(file, f"{file}: error: the agreement “{agreement.title}” is {where}")
                continue
            found.agreements[agreement.title] = alone(agreement)
    return found


def files_of(paths: Sequence[str | Path]) -> tuple[list[str], list[tuple[str, str]]]:
    """The `.sla` files that paths stand for, each once; and of the paths that stand for none, each with a message."""
    files: dict[str, None] = {}
    problems = []
    for name in paths:
        path = Path(name)
        if path.is_dir():
            inside = [str(one) for one in agreements_in(path)]
            files.update(dict.fromkeys(inside))
            if not inside:
                problems.append((str(path), f"{path}: error: there is no .sla file in this folder"))
        elif path.exists():
            files[str(path)] = None
        else:
            problems.append((str(path), f"{path}: error: there is no such file"))
    return list(files), problems


def alone(agreement: Agreement) -> Agreement:
    """The agreement as the only version that runs: an amendment takes over the windows under way."""
    if agreement.plan.judges_from is None:
        return agreement
    return evolve(agreement, plan=evolve(agreement.plan, judges_from=None))


def concise(found: Diagnostic) -> str:
    """A diagnostic in one line."""
    line, column = found.position
    severity = "" if found.severity is Severity.ERROR else f"{found.severity.value} "
    return f"{found.source.name}:{line}:{column}: {severity}{found.code}: {found.message}"


UNREADABLE: Final = ""
"""The checksum of a file that is not there, or cannot be read."""


def checksum(content: bytes | None) -> str:
    """The checksum of what a file holds; None where it cannot be read."""
    return UNREADABLE if content is None else hashlib.sha256(content).hexdigest()


def sha256_of(agreement: Agreement) -> str:
    """The checksum of the text that an agreement was read from, with all that it imports."""
    return hashlib.sha256(agreement.text.encode("utf-8", "backslashreplace")).hexdigest()


def state_version(agreement: Agreement, start: int) -> str:
    """What an engine's state depends on: the text, the instant from which it judges, and the program."""
    return f"{sha256_of(agreement)}/{start}/{_program()}"


def _program() -> str:
    try:
        return version("wsla")
    except PackageNotFoundError:
        return "unknown"


def _read(file: str, checksums: dict[str, str], within: tuple[str, ...] | None) -> SourceText:
    if not lies_within(file, within):
        checksums[file] = UNREADABLE
        raise ValueError(OUTSIDE)
    try:
        content = content_of(file)
    except (OSError, ValueError):
        checksums[file] = UNREADABLE
        raise
    checksums[file] = checksum(content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"the text is not UTF-8 (line {line})") from None
    disk = Disk(lambda name, read: checksums.update({name: checksum(read)}), within)
    return read_imports(SourceText(name=file, text=text), disk)
