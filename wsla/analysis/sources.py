"""Sources: kinds, options, fields, labels and how long a sample holds."""

from __future__ import annotations

from fractions import Fraction

from attrs import evolve

from wsla.analysis.arena import OpenType, resolve
from wsla.analysis.checked import Secret, Source, Text
from wsla.analysis.fields import SOURCE_KINDS, FieldEntry, SourceEntry, SourceKind
from wsla.analysis.heads import text_or_secret
from wsla.analysis.modifiers import duration
from wsla.analysis.probes import unusable
from wsla.analysis.scope import Scope
from wsla.analysis.types import InstantType, NumberType, TextType
from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.values.instants import MILLISECOND
from wsla.values.paths import PathError, parse_path
from wsla.values.quantities import UNITS, QuantityError, nearest_unit, parse_quantity

DEFAULT_TIMEOUT = 10_000 * MILLISECOND
_STALE_AFTER = 3
_SECOND_TEXT = {"sql": "query", "verdicts": "goal"}


def check_source(scope: Scope, declared: surface.Source) -> None:
    """Reads a source."""
    if not scope.declare("source", declared.name):
        return
    kinds = list(declared.kinds)
    records = kinds[0].text == "records" and len(kinds) > 1
    word = kinds[1] if records else kinds[0]
    kind = SOURCE_KINDS.get(word.text)
    if kind is None or len(kinds) > (2 if records else 1):
        surplus = kinds[-1] if kind is not None else word
        scope.reporter.unknown_name("E0208", "kind of source", surplus, SOURCE_KINDS)
        scope.sources[declared.name.text] = _stand_in(declared)
        return
    options = _texts(scope, declared, kind)
    every = duration(scope, declared.every, "`every`") if declared.every is not None else None
    timeout = duration(scope, declared.timeout, "`timeout`") if declared.timeout is not None else None
    if kind.needs_every and declared.every is None:
        scope.reporter.error(
            "E0701",
            f"the source `{declared.name.text}` does not say how often it is looked at",
            declared.name.span,
            notes=("add for instance `every 30s`",),
        )
    if declared.measured_by is not None:
        scope.find("party", declared.measured_by, scope.parties)
    if timeout is not None and every is not None and timeout > every:
        assert declared.timeout is not None
        scope.reporter.error(
            "E0702", "the timeout is longer than the time between two looks", declared.timeout.span
        )
    entry = SourceEntry(
        declared=Source(
            name=declared.name.text,
            records=records,
            kind=kind.name,
            options=options,
            fields=(),
            every=every,
            timeout=timeout or (min(DEFAULT_TIMEOUT, every) if every is not None else DEFAULT_TIMEOUT),
            staleness=_staleness(kind, every, timeout),
            measured_by=None if declared.measured_by is None else declared.measured_by.text,
            span=declared.span,
        ),
        span=declared.span,
        fixed=kind.fields is not None,
    )
    for name, type_ in kind.fields or ():
        entry.fields[name] = FieldEntry(name=name, column=name, type=type_)
    _Block(scope, entry, kind).read(declared)
    scope.sources[declared.name.text] = entry


def _staleness(kind: SourceKind, every: int | None, timeout: int | None) -> int | None:
    """How long a sample holds where the source does not say it."""
    if every is None:
        return None
    if kind.name == "heartbeat":
        # Where nobody says that the next beat is missing, nobody was there to hear it.
        return every + (min(DEFAULT_TIMEOUT, every) if timeout is None else timeout)
    return _STALE_AFTER * every


def _stand_in(declared: surface.Source) -> SourceEntry:
    """A source of an unknown kind, so that its fields are not reported as unknown too."""
    records = declared.kinds[0].text == "records"
    source = Source(
        name=declared.name.text, records=records, kind="push", options={}, fields=(), span=declared.span
    )
    return SourceEntry(declared=source, span=declared.span, fixed=False)


def _texts(scope: Scope, declared: surface.Source, kind: SourceKind) -> dict[str, Text | int | bool]:
    names = [kind.text] if kind.text is not None else []
    if (second := _SECOND_TEXT.get(kind.name)) is not None:
        names.append(second)
    if len(declared.texts) != len(names):
        wanted = " and ".join(f"its {name}" for name in names) or "no text"
        scope.reporter.error(
            "E0703",
            f"a source of kind `{kind.name}` takes {wanted} in quotes",
            declared.kinds[-1].span,
        )
    options: dict[str, Text | int | bool] = {}
    for name, text in zip(names, declared.texts, strict=False):
        options[name] = text_or_secret(text)
        if name == "url" and not text.environment and not text.value.startswith(("http://", "https://")):
            scope.reporter.error(
                "E0210",
                f"`{text.value}` is not a web address that begins with https:// or http://",
                text.span,
            )
        elif not text.environment and (problem := unusable(kind.name, name, text.value)) is not None:
            scope.reporter.error("E0210", problem, text.span)
    return options


class _Block:
    """Reads the lines between the braces of a source."""

    def __init__(self, scope: Scope, entry: SourceEntry, kind: SourceKind) -> None:
        self.scope = scope
        self.entry = entry
        self.kind = kind
        self.options = dict(entry.declared.options)
        self.labels: list[str] = []

    def read(self, declared: surface.Source) -> None:
        """All lines, then what they amount to."""
        seen: set[str] = set()
        for line in declared.fields or ():
            name = line.name.text
            if name in seen and name not in ("label", *self.kind.repeated):
                self.scope.reporter.error("E0202", f"`{name}` is said twice", line.name.span)
                continue
            seen.add(name)
            self._line(line)
        source = evolve(self.entry.declared, options=self.options, labels=tuple(self.labels))
        if source.records:
            source = self._records(source, seen, declared.name.span)
        else:
            source = self._samples(source, seen, declared)
        self.entry.declared = source

    def _line(self, line: surface.Field) -> None:
        name = line.name.text
        if name in self.kind.options:
            self._option(line)
        elif name == "holds" and not self.entry.declared.records:
            self._holds(line)
        elif self._is_rounding(line):
            self.options["numbers"] = "rounded"
        elif name == "label":
            self.labels.append(line.value.text if isinstance(line.value, surface.Word) else line.value.value)
            self._field(self.labels[-1], self.labels[-1], line.span).type = TextType()
        elif self.kind.paths and isinstance(line.value, surface.Text) and line.value.value.startswith("$"):
            self._path(line, line.value)
        elif self.entry.fixed:
            known = [*self.kind.options, "holds", "label"]
            self.scope.reporter.unknown_name(
                "E0209", f"option of a source of kind `{self.kind.name}`", line.name, known
            )
        else:
            self._column(line)

    def _option(self, line: surface.Field) -> None:
        name = line.name.text
        if isinstance(line.value, surface.Word):
            value: Text | int | bool = int(line.value.text) if line.value.text.isdigit() else line.value.text
        else:
            value = text_or_secret(line.value)
        if (
            not isinstance(value, Secret)
            and (problem := unusable(self.kind.name, name, str(value))) is not None
        ):
            self.scope.reporter.error("E0706", problem, line.span)
        if name in self.kind.repeated:
            # Several may be given; the data of an option is one text.
            name = f"{name} {sum(key.startswith(f'{name} ') for key in self.options) + 1}"
        self.options[name] = value

    def _is_rounding(self, line: surface.Field) -> bool:
        """True for `numbers rounded`; any other line about `numbers` names the column of a field."""
        return (
            line.name.text == "numbers"
            and not self.entry.fixed
            and isinstance(line.value, surface.Word)
            and line.value.text == "rounded"
            and line.unit is None
        )

    def _holds(self, line: surface.Field) -> None:
        if line.until:
            if isinstance(line.value, surface.Word) and line.value.text == "next":
                self.entry.declared = evolve(self.entry.declared, staleness=None)
                return
        elif isinstance(line.value, surface.Word):
            length = duration(self.scope, line.value, "`holds`")
            if length is not None:
                self.entry.declared = evolve(self.entry.declared, staleness=length)
            return
        self.scope.reporter.error(
            "E0704", "say how long a sample holds: `holds 90s`, or `holds until next`", line.span
        )

    def _field(self, name: str, column: str, span: Span) -> FieldEntry:
        entry = FieldEntry(
            name=name, column=column, type=OpenType(name=f"{self.entry.name}.{name}"), span=span
        )
        self.entry.fields[name] = entry
        return entry

    def _column(self, line: surface.Field) -> None:
        column = line.value.text if isinstance(line.value, surface.Word) else line.value.value
        entry = self._field(line.name.text, column, line.span)
        if line.name.text in ("at", "updated"):
            entry.type = InstantType()
        if line.name.text == "key":
            entry.type = TextType()
        if line.unit is not None:
            self._unit(entry, line.unit)

    def _path(self, line: surface.Field, path: surface.Text) -> None:
        """A field that stands in a JSON answer. In data it is a column of its own name."""
        name = line.name.text
        if any(name == given for given, _ in self.kind.fields or ()):
            self.scope.reporter.error(
                "E0202",
                f"`{name}` is a field that every source of kind `{self.kind.name}` has",
                line.name.span,
                notes=("give the value of the answer another name",),
            )
            return
        try:
            parse_path(path.value)
        except PathError as problem:
            self.scope.reporter.error("E0210", str(problem), path.span)
        self.options[f"json {name}"] = path.value
        entry = self._field(name, name, line.span)
        if line.unit is not None:
            self._unit(entry, line.unit)

    def _unit(self, entry: FieldEntry, unit: surface.Word) -> None:
        word = unit.text
        if word == "local" and isinstance(resolve(entry.type), InstantType | OpenType):
            entry.type = InstantType()
            self.options["times"] = "local"
            return
        if word == "percent":
            entry.type, entry.unit_factor, entry.unit_stated = NumberType(share=True), Fraction(1, 100), True
            entry.resolution = Fraction(1, 10**12)
            return
        if isinstance(entry.type, InstantType) and word in ("s", "ms", "us", "ns"):
            entry.unit_factor, entry.unit_stated = UNITS[word][1], True
            return
        try:
            quantity = parse_quantity(f"1{word}" if word in UNITS else f"1 {word}")
        except QuantityError:
            near = nearest_unit(word)
            known = ", ".join(["ms", "s", "m", "h", "B", "KiB", "MB", "percent", "EUR"])
            self.scope.reporter.unknown_name(
                "E0301", "unit", unit, [near] if near else (), f"units: {known} …"
            )
            return
        entry.type = NumberType(dimension=quantity.dimension)
        entry.unit_factor, entry.unit_stated = quantity.value, True

    def _records(self, source: Source, seen: set[str], span: Span) -> Source:
        if "at" not in seen and self.kind.name == "verdicts":
            self._field("at", "at", span).type = InstantType()
        elif "at" not in seen:
            self.scope.reporter.error(
                "E0705",
                f"the records of `{source.name}` do not say at which time they count",
                span,
                notes=("add a line such as `at closed_at`, naming the column",),
            )
            self._field("at", "at", span).type = InstantType()
        return evolve(
            source,
            staleness=None,
            updated="updated" if "updated" in seen else None,
            key="key" if "key" in seen else None,
        )

    def _samples(self, source: Source, seen: set[str], declared: surface.Source) -> Source:
        if source.every is None and "holds" not in seen and not self.kind.needs_every:
            self.scope.reporter.error(
                "E0704",
                f"the source `{source.name}` does not say how long a sample holds",
                declared.name.span,
                notes=(
                    "add `every 30s`: a sample then holds for three times as long; "
                    "or say it: `holds 90s`, `holds until next`",
                    "rows that stand for cases, such as tickets, are `records`",
                ),
            )
        if "at" not in seen and not self.entry.fixed:
            self._field("at", "", declared.name.span).type = InstantType()
        return source
