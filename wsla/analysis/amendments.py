"""Versions that amend others: what each says of itself, and whether several fit together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from wsla.analysis.checked import CheckedAgreement
from wsla.analysis.reporter import Reporter, replace
from wsla.analysis.scope import Scope
from wsla.diagnostics.diagnostic import Diagnostic, Related
from wsla.diagnostics.source import SourceText
from wsla.syntax import surface
from wsla.values.records import Record

_UNDER_WAY = ("windows", "under", "way")


def version_number(word: surface.Word) -> int:
    """The whole number of a version as written."""
    return int(word.text.partition(".")[0])


def check_amends(scope: Scope, agreement: surface.Agreement) -> None:
    """Reads which version an agreement amends into the scope's term."""
    if agreement.amends is None:
        return
    amended = version_number(agreement.amends)
    if amended >= version_number(agreement.version):
        scope.reporter.error(
            "E0914",
            f"version {agreement.version.text} cannot amend version {agreement.amends.text}",
            agreement.amends.span,
            notes=("an amendment has a higher number than what it amends",),
        )
    scope.term.amends = amended


def check_under_way(scope: Scope, agreement: surface.Agreement, effective: surface.Effective) -> None:
    """Reads whether an amendment takes over the windows under way."""
    words = effective.under_way
    if not words:
        return
    place = words[0].span.to(words[-1].span)
    if tuple(word.text for word in words) != _UNDER_WAY:
        scope.reporter.error(
            "E0917",
            "an amendment takes effect `for windows under way`, or leaves that out",
            place,
            suggestion=replace(place, " ".join(_UNDER_WAY)),
        )
    elif agreement.amends is None:
        scope.reporter.error(
            "E0917",
            "only an amendment finds windows under way",
            place,
            notes=(f"write which version it amends: `version {agreement.version.text} amends 1`",),
        )
    scope.term.takes_over = True


@frozen(kw_only=True, eq=False, repr=False)
class Version(Record):
    """A version of an agreement, as it was written and as it was checked."""

    written: surface.Agreement
    checked: CheckedAgreement
    source: SourceText


def check_versions(versions: Iterable[Version]) -> tuple[Diagnostic, ...]:
    """Whether the versions of each agreement follow each other. A version alone is always right."""
    by_title: dict[str, list[Version]] = {}
    for version in versions:
        by_title.setdefault(version.checked.title, []).append(version)
    found: list[Diagnostic] = []
    for group in by_title.values():
        if len(group) > 1:
            found += _follow_each_other(sorted(group, key=lambda version: version.checked.version))
    return tuple(found)


def _follow_each_other(versions: Sequence[Version]) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    first, *others = versions
    known = {first.checked.version: first}
    amended: dict[int, Version] = {}
    for version in others:
        reporter = Reporter(version.source)
        _check_next(reporter, version, known, amended)
        known.setdefault(version.checked.version, version)
        found += reporter.diagnostics
    return found


def _check_next(
    reporter: Reporter, version: Version, known: dict[int, Version], amended: dict[int, Version]
) -> None:
    number, amends, written = version.checked.version, version.checked.amends, version.written
    if number in known:
        reporter.error(
            "E0914",
            f"there are two versions {number} of “{version.checked.title}”",
            written.version.span,
            related=(_related(known[number], reporter, "the other one"),),
        )
        return
    if amends is None:
        last = max(known)
        reporter.error(
            "E0916",
            f"version {number} does not say which version it amends",
            written.version.span,
            notes=(f"write `version {written.version.text} amends {last}`",),
            related=(_related(known[last], reporter, "the version before it"),),
        )
        return
    place = (written.amends or written.version).span
    before = known.get(amends)
    if before is None:
        reporter.error(
            "E0913",
            f"there is no version {amends} of “{version.checked.title}” here",
            place,
            suggestion=replace(place, str(max(known))),
        )
    elif amends in amended:
        reporter.error(
            "E0916",
            f"version {amends} is amended twice",
            place,
            related=(_related(amended[amends], reporter, "it is amended here already"),),
            notes=("an amendment follows the latest version",),
        )
    else:
        amended[amends] = version
        if version.checked.effective_start <= before.checked.effective_start:
            reporter.error(
                "E0915",
                f"version {number} takes effect no later than version {amends}, which it amends",
                _effective(version).span,
                related=(_related(before, reporter, f"version {amends}"),),
            )


def _effective(version: Version) -> surface.Effective | surface.Word:
    declarations = version.written.declarations
    return next((one for one in declarations if isinstance(one, surface.Effective)), version.written.version)


def _related(version: Version, reporter: Reporter, text: str) -> Related:
    other = None if version.source is reporter.source else version.source
    return Related(span=version.written.version.span, text=text, source=other)
