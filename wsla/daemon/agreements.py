"""The agreements of a list of paths: what was found, and in which files something is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from attrs import define, evolve, field

from wsla.api import Agreement, AgreementError, load_all, versions_of
from wsla.diagnostics.diagnostic import Diagnostic, Severity
from wsla.diagnostics.source import SourceText
from wsla.syntax import surface
from wsla.syntax.parse import parse
from wsla.texts import OUTSIDE, Disk, agreements_in, content_of, lies_within, read_imports

read_all: Final = lru_cache(maxsize=256)(load_all)
"""As ``load_all``. What was read of late is not read again: most of a look at all files finds the same texts."""


@define(kw_only=True)
class Found:
    """``agreements`` by title, of several versions the latest; ``before`` are those that it follows, the oldest first.
    ``broken`` names the files that could not be taken as they are, ``messages`` say why.

    ``checksums`` are those of all files that were read, imported ones among them, as ``checksum`` gives them; ``read``
    are the agreements of each file.
    """

    agreements: dict[str, Agreement] = field(factory=dict)
    before: dict[str, tuple[Agreement, ...]] = field(factory=dict)
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
    versions: dict[str, list[Agreement]] = {}
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
            versions.setdefault(agreement.title, []).append(agreement)
    for title, several in versions.items():
        found.agreements[title] = alone(several[0])
        if len(several) > 1:
            _put_in_order(found, title, several)
    return found


def _put_in_order(found: Found, title: str, several: Sequence[Agreement]) -> None:
    """Takes agreements of one title for versions of one, or refuses the file of the first that does not fit."""
    known: list[Agreement] = []
    for one in sorted(several, key=lambda one: one.version):
        before = known[-1] if known else None
        problem = None if before is None else _misfit(before, one)
        if problem is not None:
            found.refuse(one.source.name, f"{one.source.name}: error: {problem}")
            return
        known.append(one)
    *before_it, newest = side_by_side([own_text(one) for one in known])
    found.agreements[title], found.before[title] = newest, tuple(before_it)


def _misfit(before: Agreement, after: Agreement) -> str | None:
    """Why an agreement is not the version that follows another; None where it is."""
    title, amends = after.title, after.checked.amends
    there = f"in {before.source.name} too"
    if before.version == after.version:
        where = "twice in it" if before.source.name == after.source.name else there
        return f"the agreement “{title}” is {where}"
    if amends is None:
        return (
            f"the agreement “{title}” is {there}, as version {before.version}; to run beside it, this one has to say "
            f"`version {after.version} amends {before.version}`"
        )
    if amends != before.version:
        return (
            f"version {after.version} of “{title}” amends version {amends}; the one before it here is version "
            f"{before.version}, in {before.source.name}"
        )
    if after.plan.effective_start <= before.plan.effective_start:
        return (
            f"version {after.version} of “{title}” takes effect no later than version {before.version}, which it "
            "amends"
        )
    return None


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


def own_text(agreement: Agreement) -> Agreement:
    """The agreement by a text without the other versions in it, so that each is kept and compared by itself."""
    source = agreement.source
    document, _ = parse(source)
    stretches = []
    keeps = True
    for item in document.items:
        if isinstance(item, surface.Agreement):
            number = int(item.version.text.partition(".")[0])
            keeps = item.title.value != agreement.title or number == agreement.version
        elif isinstance(item, surface.Import | surface.Template):
            continue
        if not keeps:
            stretches.append(item.span)
    if not stretches:
        return agreement
    text, position = "", 0
    for span in stretches:
        text = _joined(text, source.text[position : span.start])
        position = span.end
    text = _joined(text, source.text[position:])
    try:
        found = read_all(SourceText(name=source.name, text=text, imports=source.imports))
    except AgreementError:
        return agreement
    same = next(
        (one for one in found if (one.title, one.version) == (agreement.title, agreement.version)), None
    )
    return agreement if same is None else evolve(same, warnings=agreement.warnings)


def _joined(before: str, after: str) -> str:
    parts = [part.strip() for part in (before, after) if part.strip()]
    return "".join(f"{part}\n" for part in parts) if len(parts) < 2 else f"{parts[0]}\n\n{parts[1]}\n"


def alone(agreement: Agreement) -> Agreement:
    """The agreement as the first version that runs: an amendment takes over the windows under way."""
    plan = agreement.plan
    if plan.judges_from is None and plan.judges_until is None:
        return agreement
    return evolve(agreement, plan=evolve(plan, judges_from=None))


def side_by_side(agreements: Sequence[Agreement]) -> tuple[Agreement, ...]:
    """Versions that run together, the oldest first, each bounded by the next one; a single one judges alone.

    Raises ValueError where they do not follow each other.
    """
    first, *others = versions_of(agreements)
    return (alone(first), *others)


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
