"""What is left of observations that are no longer kept: of each stream and stretch of time how many there were and, of
each field, exact sums and extremes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Self

from attrs import define, field, frozen

from wsla.store import codecs
from wsla.store.columns import Look
from wsla.values.observations import Raw


@define
class Summary:
    """Of one field: how often it was unknown, true, false, a text, a number; of the numbers their sum and extremes."""

    unknown: int = 0
    true: int = 0
    false: int = 0
    texts: int = 0
    numbers: int = 0
    sum: int = 0
    lowest: int | None = None
    highest: int | None = None

    def take(self, value: Raw) -> None:
        """One more value."""
        match value:
            case None:
                self.unknown += 1
            case True:
                self.true += 1
            case False:
                self.false += 1
            case str():
                self.texts += 1
            case _:
                self.numbers += 1
                self.sum += value
                self.lowest = value if self.lowest is None else min(self.lowest, value)
                self.highest = value if self.highest is None else max(self.highest, value)

    def add(self, other: Summary) -> None:
        """The values of another one too."""
        self.unknown += other.unknown
        self.true += other.true
        self.false += other.false
        self.texts += other.texts
        self.numbers += other.numbers
        self.sum += other.sum
        bounds = [bound for bound in (self.lowest, other.lowest) if bound is not None]
        self.lowest = min(bounds, default=None)
        bounds = [bound for bound in (self.highest, other.highest) if bound is not None]
        self.highest = max(bounds, default=None)


@define
class Rollup:
    """The observations of a stream in a stretch of time: how many, how many of them failed by what, and each field."""

    count: int = 0
    failures: dict[str, int] = field(factory=dict)
    fields: dict[str, Summary] = field(factory=dict)

    @classmethod
    def of(cls, looks: Iterable[Look]) -> Self:
        """That of observations."""
        found = cls()
        for look in looks:
            found.take(look)
        return found

    def take(self, look: Look) -> None:
        """One more observation."""
        self.count += 1
        if look.failure is not None:
            self.failures[look.failure] = self.failures.get(look.failure, 0) + 1
        for name, value in look.fields.items():
            self.fields.setdefault(name, Summary()).take(value)

    def add(self, other: Rollup) -> None:
        """The observations of another one too."""
        self.count += other.count
        for failure, count in other.failures.items():
            self.failures[failure] = self.failures.get(failure, 0) + count
        for name, summary in other.fields.items():
            self.fields.setdefault(name, Summary()).add(summary)

    def dump(self) -> str:
        """As JSON; of the fields what is not nothing."""
        fields = {
            name: {key: value for key, value in _cells(summary) if value or (value == 0 and key in _BOUNDS)}
            for name, summary in sorted(self.fields.items())
        }
        form: dict[str, object] = {"count": self.count, "fields": fields}
        if self.failures:
            form["failures"] = dict(sorted(self.failures.items()))
        return codecs.dump_json(form)

    @classmethod
    def load(cls, text: str) -> Self:
        """What ``dump`` wrote."""
        form: Mapping[str, Any] = json.loads(text)
        fields = {name: Summary(**cells) for name, cells in form["fields"].items()}
        return cls(count=form["count"], failures=dict(form.get("failures", {})), fields=fields)


@frozen(kw_only=True)
class StreamRollup:
    """A roll-up with where and when: it is of ``[start, start + length)``, nanoseconds."""

    source: str
    stream: str
    start: int
    length: int
    rollup: Rollup


_BOUNDS = frozenset({"lowest", "highest"})


def _cells(summary: Summary) -> list[tuple[str, int | None]]:
    return [
        ("unknown", summary.unknown),
        ("true", summary.true),
        ("false", summary.false),
        ("texts", summary.texts),
        ("numbers", summary.numbers),
        ("sum", summary.sum),
        ("lowest", summary.lowest),
        ("highest", summary.highest),
    ]
