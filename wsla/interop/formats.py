"""Which formats there are, and what an import or an export gives. The module of a format is loaded when it is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final, Protocol, cast

from attrs import frozen

from wsla.analysis.checked import CheckedAgreement
from wsla.diagnostics.diagnostic import Diagnostic, has_errors
from wsla.diagnostics.source import SourceText, Span
from wsla.values.records import Record


@frozen(kw_only=True, eq=False, repr=False)
class Imported(Record):
    """What came of a foreign text: a `.sla` text in standard form, or None where nothing could be made of it.

    Places of the diagnostics are in the foreign text, except for those that the checker of agreements gives.
    """

    text: str | None
    diagnostics: tuple[Diagnostic, ...] = ()


@frozen(kw_only=True, eq=False, repr=False)
class ExportedFile(Record):
    """A file of an export: its name without any folder, and its text."""

    name: str
    text: str


@frozen(kw_only=True, eq=False, repr=False)
class Exported(Record):
    """The files of an export, none where nothing of the agreement can be said in the format.

    ``diagnostics`` name what the format cannot say, at its place in the `.sla` text.
    """

    files: tuple[ExportedFile, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


@frozen(kw_only=True, eq=False, repr=False)
class Format(Record):
    """A format: its name on the command line, its title for readers, suffixes of its files (with the dot), and the
    module with its functions: an ``Importer`` where it is imported, an ``Exporter`` where it is exported.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    module: str
    imported: bool = True
    exported: bool = True


class Importer(Protocol):
    """What the module of an imported format has."""

    def recognised(self, source: SourceText) -> bool:
        """True where the text claims to be of this format, whether or not it is sound. Quick, and loads nothing."""

    def import_text(self, source: SourceText) -> Imported:
        """The `.sla` text that means the same. Never raises for bad input."""


class Exporter(Protocol):
    """What the module of an exported format has."""

    def export_agreement(self, agreement: CheckedAgreement, source: SourceText) -> Exported:
        """The files that say the same; ``source`` is the text in which the places of the agreement are."""


_ALL: Final[tuple[Format, ...]] = (
    Format(
        name="wsla",
        title="WSLA 1.0",
        suffixes=(".xml", ".wsla"),
        module="wsla.interop.wsla_xml",
    ),
    Format(
        name="openslo",
        title="OpenSLO",
        suffixes=(".yaml", ".yml"),
        module="wsla.interop.openslo",
    ),
    Format(
        name="prometheus",
        title="Prometheus",
        suffixes=(".rules.yaml",),
        module="wsla.interop.prometheus",
        imported=False,
    ),
    Format(
        name="icalendar",
        title="iCalendar",
        suffixes=(".ics", ".ical"),
        module="wsla.interop.icalendar",
    ),
)

FORMATS: Final[Mapping[str, Format]] = MappingProxyType({one.name: one for one in _ALL})
"""Every format by its name."""


def importer(known: Format) -> Importer:
    """The functions of a format that is imported."""
    return cast(Importer, import_module(known.module))


def exporter(known: Format) -> Exporter:
    """The functions of a format that is exported."""
    return cast(Exporter, import_module(known.module))


def names_of(formats: Mapping[str, Format], *, imported: bool = False, exported: bool = False) -> list[str]:
    """Names of the formats that are imported, or exported."""
    return [
        name for name, one in formats.items() if (imported and one.imported) or (exported and one.exported)
    ]


def recognise(source: SourceText, formats: Iterable[Format]) -> Format | None:
    """The format of a text by its content; of several that claim it the one whose files have its suffix."""
    claiming = [one for one in formats if one.imported and importer(one).recognised(source)]
    by_suffix = [one for one in claiming if source.name.lower().endswith(one.suffixes)]
    return next(iter(by_suffix or claiming), None)


def import_text(source: SourceText, known: Format | None = None) -> tuple[Format | None, Imported]:
    """Imports a text, of the format that is named or else recognised, and checks what came of it."""
    known = known or recognise(source, FORMATS.values())
    if known is None:
        return None, Imported(text=None, diagnostics=(_unrecognised(source),))
    found = importer(known).import_text(source)
    return known, found if found.text is None else _checked(found, found.text, source)


def _unrecognised(source: SourceText) -> Diagnostic:
    known = [FORMATS[name] for name in names_of(FORMATS, imported=True)]
    notes = [f"known are {', '.join(one.title for one in known)}"]
    if source.name.lower().endswith(".sla"):
        notes = ["an agreement in the form of this language needs no import: `wsla check` looks at it"]
    notes += [
        f"its name is one of {one.title}: `--from {one.name}` says what keeps it from being that"
        for one in known
        if source.name.lower().endswith(one.suffixes)
    ]
    first = source.text[: source.text.find("\n")] if "\n" in source.text else source.text
    return Diagnostic(
        code="E1001",
        message="this is none of the formats that can be imported",
        source=source,
        span=Span(0, len(first)),
        notes=tuple(notes),
    )


def _checked(found: Imported, text: str, source: SourceText) -> Imported:
    """With what the checker of agreements finds wrong in the text that was made; remarks are for `wsla check`."""
    from wsla.analysis.check import check_text

    own = SourceText(name=f"{source.name} as .sla", text=text)
    problems = tuple(one for one in check_text(own)[1] if has_errors([one]))
    return Imported(text=text, diagnostics=(*found.diagnostics, *problems))
