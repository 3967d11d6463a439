"""Recording rules, gathered while formulas are read: each series once, under a name that nothing else has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import define, field, frozen

from wsla.interop.prometheus.promql import name, quoted

_RECORDED: Final = re.compile(r"agreement\w*:\w+:\w+(?=\{)")


@frozen(kw_only=True)
class Recording:
    """A series that is recorded: its name, what it is, and how often, in nanoseconds."""

    record: str
    expr: str
    every: int


@define
class Recorder:
    """The recording rules of an agreement, in an order in which each follows those that it rests on."""

    agreement: str
    _made: dict[str, Recording] = field(factory=dict)

    def __iter__(self) -> Iterator[Recording]:
        return iter(self._made.values())

    def record(self, labels: tuple[str, ...], stem: str, operation: str, expr: str, every: int) -> str:
        """The selector of a series that is recorded; called ``level:stem:operation`` as Prometheus wants it."""
        level = name("agreement", *labels)
        number, wanted = 1, f"{level}:{name(stem)}:{operation}"
        made = wanted
        while made in self._made and self._made[made].expr != expr:
            number += 1
            made = f"{level}:{name(stem)}_{number}:{operation}"
        self._made.setdefault(made, Recording(record=made, expr=expr, every=every))
        return self._selector(made)

    def uses(self, selector: str) -> set[str]:
        """The selectors of the series that are made of one directly."""
        made = selector.partition("{")[0]
        return {self._selector(one.record) for one in self if made in _RECORDED.findall(one.expr)}

    def below(self, selectors: Iterable[str]) -> set[str]:
        """The selectors of all recorded series on which some of them rest, these among them."""
        left = [one.partition("{")[0] for one in selectors]
        found: set[str] = set()
        while left:
            made = left.pop()
            if made not in found and made in self._made:
                found.add(made)
                left += _RECORDED.findall(self._made[made].expr)
        return {self._selector(one) for one in found}

    def paces(self, selectors: Iterable[str]) -> set[int]:
        """How often the series are recorded on which some of them rest."""
        below = self.below(selectors)
        return {one.every for one in self if self._selector(one.record) in below}

    def _selector(self, made: str) -> str:
        return f"{made}{{agreement={quoted(self.agreement)}}}"
