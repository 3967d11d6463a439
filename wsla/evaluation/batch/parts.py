"""What single streams add to windows, and how that is put together (rule M13)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from math import gcd, lcm
from typing import Any, Final

import numpy as np
from attrs import evolve, field, frozen

from wsla.evaluation.batch.columns import Instants
from wsla.evaluation.batch.exact import as_long, as_short, magnitude, plus, scaled
from wsla.evaluation.batch.frames import Frames, Positions
from wsla.evaluation.batch.rows import Rows
from wsla.evaluation.batch.series import Integers
from wsla.evaluation.batch.slices import Edges
from wsla.evaluation.batch.stretches import Stretches

# So few windows that nothing is gained.
_WORTH_PACKING: Final = 100


@frozen(eq=False, kw_only=True)
class Part:
    """What one stream adds to each window: ``samples`` in kept time, ``items`` among them that count, time in which the
    argument is ``known`` (for one stream mostly said by when that is), and whether the stream takes part; and of the
    items, ``amounts`` times ``scale``.
    """

    samples: Positions
    items: Positions
    known: Integers | Stretches
    takes_part: Positions
    amounts: Mapping[str, Integers] = field(factory=dict)
    scale: Fraction = Fraction(1)

    def packed(self, done: dict[int, tuple[Any, Any]]) -> Part:
        """The same in as few bytes as its numbers need; ``done`` holds what was packed before, by its identity."""

        if len(self.samples) < _WORTH_PACKING:
            return self

        def pack(values: Any) -> Any:
            if id(values) not in done:
                done[id(values)] = (values, as_short(values))
            return done[id(values)][1]

        return evolve(
            self,
            samples=pack(self.samples),
            items=pack(self.items),
            known=self.known if isinstance(self.known, Stretches) else pack(self.known),
            takes_part=pack(self.takes_part),
            amounts={name: pack(values) for name, values in self.amounts.items()},
        )

    def unpacked(self, frames: Frames) -> Part:
        """The same with numbers of full length."""
        known = self.known
        return evolve(
            self,
            samples=as_long(self.samples),
            items=as_long(self.items),
            known=frames.within(known.upto) if isinstance(known, Stretches) else as_long(known),
            takes_part=as_long(self.takes_part),
            amounts={name: as_long(values) for name, values in self.amounts.items()},
        )


@frozen(eq=False, kw_only=True)
class Items:
    """The items of a stream, or of several: those that are in kept time, for which ``where`` is true and whose argument
    is known; each window's are those from ``low`` to ``high``. ``numerators`` is None where nothing but their number
    matters; truths are numbers 0 and 1. ``most`` is a number that none is farther from zero than. ``edges`` gives
    the ends of windows in order, where they are known. ``at`` is there for functions that need several streams in one
    order.
    """

    at: Instants
    numerators: Integers | None
    most: int
    scale: Fraction
    low: Positions
    high: Positions
    edges: Callable[[], Edges] | None = None


def joined_items(parts: Sequence[Items], frames: Frames) -> Items:
    """The items of several streams in order of (at, labels); the streams come in the order of their labels."""
    at = np.concatenate([np.zeros(0, dtype=np.int64), *(part.at for part in parts)])
    order = np.argsort(at, kind="stable")
    at = at[order]
    rows = Rows(at, frames)
    scale = _common_scale([part.scale for part in parts])
    columns = [
        scaled(part.numerators, (part.scale / scale).numerator)
        for part in parts
        if part.numerators is not None
    ]
    numerators = np.concatenate(columns)[order] if columns else np.zeros(0, dtype=np.int64)
    most = magnitude(numerators)
    return Items(at=at, numerators=numerators, most=most, scale=scale, low=rows.low, high=rows.high)


def _common_scale(scales: Sequence[Fraction]) -> Fraction:
    if not scales:
        return Fraction(1)
    above = gcd(*(scale.numerator for scale in scales))
    return Fraction(above, lcm(*(scale.denominator for scale in scales)))


def behind_each_other(parts: Sequence[Part], frames: Frames) -> Part:
    """Parts of several label combinations as one of as many windows more."""
    scales = {part.scale for part in parts}
    scale = _common_scale(list(scales))

    def amounts(name: str) -> Integers:
        if len(scales) == 1:
            return as_long(np.concatenate([part.amounts[name] for part in parts]))
        power = 2 if name == "squares" else 1
        columns = [scaled(as_long(part.amounts[name]), int((part.scale / scale) ** power)) for part in parts]
        return np.concatenate(columns)

    # Of streams with the same instants it is the same set of time.
    times = {id(part.known): part.known for part in parts if isinstance(part.known, Stretches)}
    inside = {key: frames.within(time.upto) for key, time in times.items()}
    known = [inside[id(part.known)] if isinstance(part.known, Stretches) else part.known for part in parts]
    return Part(
        samples=as_long(np.concatenate([part.samples for part in parts])),
        items=as_long(np.concatenate([part.items for part in parts])),
        known=as_long(np.concatenate(known)),
        takes_part=as_long(np.concatenate([part.takes_part for part in parts])),
        amounts={name: amounts(name) for name in parts[0].amounts},
        scale=scale,
    )


def empty(frames: Frames) -> Part:
    """What is there without any stream."""
    none = np.zeros(len(frames), dtype=np.int64)
    names = ("good", "total", "squares", "least", "greatest", "value")
    return Part(samples=none, items=none, known=none, takes_part=none, amounts=dict.fromkeys(names, none))


def merged(parts: Sequence[Part]) -> Part:
    """What several streams add together; the parts are unpacked."""
    return reduce(_merge, parts)


_PICKS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {"least": np.minimum, "greatest": np.maximum}


def _merge(one: Part, other: Part) -> Part:
    scale = _common_scale([one.scale, other.scale])
    amounts: dict[str, Integers] = {}
    for name in one.amounts:
        power = 2 if name == "squares" else 1
        a = scaled(one.amounts[name], int((one.scale / scale) ** power))
        b = scaled(other.amounts[name], int((other.scale / scale) ** power))
        if name in _PICKS:
            amounts[name] = np.where(one.items == 0, b, np.where(other.items == 0, a, _PICKS[name](a, b)))
        else:
            amounts[name] = plus(a, b)
    return Part(
        samples=one.samples + other.samples,
        items=one.items + other.items,
        known=plus(time_of(one), time_of(other)),
        takes_part=one.takes_part + other.takes_part,
        amounts=amounts,
        scale=scale,
    )


def time_of(part: Part) -> Integers:
    assert not isinstance(part.known, Stretches)
    return part.known
