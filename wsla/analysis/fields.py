"""Fields of sources while an agreement is checked: declared ones, and those that come up in formulas."""

from __future__ import annotations

from fractions import Fraction

from attrs import define, evolve, field, frozen

from wsla.analysis.arena import AnyType, OpenType, settled
from wsla.analysis.checked import Field, Source
from wsla.analysis.types import BooleanType, InstantType, NumberType, ValueType
from wsla.diagnostics.source import Span
from wsla.values.quantities import DATA, DIMENSIONLESS, TIME
from wsla.values.records import Record

DURATION = NumberType(dimension=TIME)


@frozen(kw_only=True, eq=False, repr=False)
class SourceKind(Record):
    """What a kind of source needs and gives. ``fields`` is None where the data decides which there are.

    ``text`` names the text after the kind, ``repeated`` are the options that may be said several times. With
    ``paths`` a line may also name a field and where it stands in a JSON answer. A kind with
    ``needs_every`` is a probe: it is looked at, and nothing is known between two looks.
    """

    name: str
    text: str | None
    options: tuple[str, ...] = ()
    fields: tuple[tuple[str, ValueType], ...] | None = None
    needs_every: bool = False
    repeated: tuple[str, ...] = ()
    paths: bool = False


SOURCE_KINDS: dict[str, SourceKind] = {
    kind.name: kind
    for kind in (
        SourceKind(
            name="http",
            text="url",
            options=(
                "method",
                "header",
                "body",
                "expected",
                "contains",
                "redirects",
                "certificate",
                "proxy",
            ),
            fields=(
                ("ok", BooleanType()),
                ("elapsed", DURATION),
                ("status", NumberType()),
                ("matched", BooleanType()),
                ("certificate_left", DURATION),
                ("resolve", DURATION),
                ("connect", DURATION),
                ("handshake", DURATION),
                ("first_byte", DURATION),
                ("body_size", NumberType(dimension=DATA)),
            ),
            needs_every=True,
            repeated=("header",),
            paths=True,
        ),
        SourceKind(
            name="tcp",
            text="address",
            options=("send", "contains"),
            fields=(
                ("ok", BooleanType()),
                ("elapsed", DURATION),
                ("matched", BooleanType()),
                ("resolve", DURATION),
                ("connect", DURATION),
                ("first_byte", DURATION),
            ),
            needs_every=True,
        ),
        SourceKind(
            name="tls",
            text="address",
            options=("name", "certificate", "protocol"),
            fields=(
                ("ok", BooleanType()),
                ("elapsed", DURATION),
                ("certificate_left", DURATION),
                ("protocol", NumberType()),
                ("resolve", DURATION),
                ("connect", DURATION),
                ("handshake", DURATION),
            ),
            needs_every=True,
        ),
        SourceKind(
            name="dns",
            text="name",
            options=("record", "server", "expected", "contains"),
            fields=(
                ("ok", BooleanType()),
                ("elapsed", DURATION),
                ("resolve", DURATION),
                ("answers", NumberType()),
                ("ttl", DURATION),
                ("matched", BooleanType()),
            ),
            needs_every=True,
            repeated=("expected", "contains"),
        ),
        SourceKind(
            name="icmp",
            text="address",
            options=("count",),
            fields=(
                ("ok", BooleanType()),
                ("elapsed", DURATION),
                ("round_trip", DURATION),
                ("loss", NumberType(share=True)),
                ("sent", NumberType()),
                ("received", NumberType()),
                ("resolve", DURATION),
            ),
            needs_every=True,
        ),
        SourceKind(
            name="command",
            text="path",
            options=("argument", "expected", "contains"),
            fields=(
                ("ok", BooleanType()),
                ("elapsed", DURATION),
                ("exit_code", NumberType()),
                ("output", NumberType()),
                ("matched", BooleanType()),
            ),
            needs_every=True,
            repeated=("argument",),
        ),
        SourceKind(name="csv", text="path"),
        SourceKind(name="jsonl", text="path"),
        SourceKind(name="parquet", text="path"),
        SourceKind(name="push", text=None, options=("only",), repeated=("only",)),
        SourceKind(
            name="heartbeat",
            text=None,
            fields=(("ok", BooleanType()), ("gap", DURATION)),
            needs_every=True,
        ),
        SourceKind(name="sql", text="connection", options=("parameter",), repeated=("parameter",)),
        SourceKind(name="prometheus", text="url"),
        SourceKind(name="verdicts", text="agreement"),
    )
}
"""Every kind of source, by name."""

PROBES = frozenset(kind.name for kind in SOURCE_KINDS.values() if kind.needs_every)
"""The kinds that are looked at from outside."""


@define(eq=False, repr=False)
class FieldEntry:
    """One field: its column, what is known of its type, and where it was declared."""

    name: str
    column: str
    type: AnyType
    unit_factor: Fraction = Fraction(1)
    unit_stated: bool = False
    resolution: Fraction = Fraction(1, 1_000_000)
    span: Span | None = None

    def finish(self, *, rounded: bool = False) -> Field:
        """The field, its type known for good; ``rounded`` is what its source says of numbers."""
        kind = settled(self.type)
        resolution = self.resolution
        if kind == InstantType() or (isinstance(kind, NumberType) and kind.dimension == TIME):
            resolution = Fraction(1)
        return Field(
            name=self.name,
            column=self.column,
            type=kind,
            unit_factor=self.unit_factor,
            unit_stated=self.unit_stated
            or (isinstance(kind, NumberType) and kind.dimension == DIMENSIONLESS and not kind.share),
            resolution=resolution,
            rounded=rounded and isinstance(kind, NumberType),
        )


@define(eq=False, repr=False)
class SourceEntry:
    """A source while it is checked; ``fixed`` is True where its kind says which fields there are."""

    declared: Source
    span: Span
    fixed: bool
    fields: dict[str, FieldEntry] = field(factory=dict)

    @property
    def name(self) -> str:
        """The source's name."""
        return self.declared.name

    def finish(self) -> Source:
        """The source with its fields, their types known for good."""
        rounded = self.declared.options.get("numbers") == "rounded"
        return evolve(self.declared, fields=tuple(x.finish(rounded=rounded) for x in self.fields.values()))

    def field(self, name: str) -> FieldEntry | None:
        """The field of that name; one that nobody declared is a column of the same name. None where the kind has
        none such.
        """
        found = self.fields.get(name)
        if found is None and not self.fixed:
            found = FieldEntry(name=name, column=name, type=OpenType(name=f"{self.name}.{name}"))
            self.fields[name] = found
        return found
