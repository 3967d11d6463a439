"""Goals whose word on an open window can be followed sample by sample, since few things change it.

The word rests on the comparisons in the goal's condition. While each of them says the same, so does the word: a
comparison over time is asked when it can change next by time alone, one over samples how many samples against its word
it can bear.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from fractions import Fraction
from typing import Any, Final

from attrs import frozen

from wsla.analysis.operations import (
    Aggregate,
    Compare,
    Constant,
    Logical,
    Negation,
    OutageWindow,
    SourceField,
)
from wsla.analysis.types import Shape
from wsla.evaluation.stream.bucketed import Bucketed
from wsla.evaluation.stream.collectors import Ranked
from wsla.evaluation.stream.exact import COMPARISONS, whole
from wsla.evaluation.stream.judging import Judge
from wsla.evaluation.stream.layout import Layout
from wsla.evaluation.stream.over_samples import SampleRun
from wsla.evaluation.stream.over_time import TimeRun
from wsla.evaluation.stream.pointwise import scalar
from wsla.values.buckets import Buckets

_TIME: Final = frozenset({"availability", "duration", "downtime"})
_RANKED: Final = frozenset({"percentile", "median"})
_SAMPLES: Final = _RANKED | {"share", "mean", "min", "max"}
WITHOUT_BOUNDS: Final = _RANKED | {"mean", "min", "max"}
"""Functions over samples of which nothing is known where there is no sample."""

_ORDERED: Final = frozenset({"<", "<=", ">", ">="})
NEVER_CHANGES: Final = 1 << 62


@frozen(kw_only=True)
class Comparison:
    """An aggregate against a fixed number, in the condition of a goal."""

    aggregate: int
    function: str
    sign: str
    limit: int | Fraction
    parameter: Fraction | None


def speaks(layout: Layout, judge: Judge) -> bool:
    """True for a goal of which something is said while its windows are open: not where they roll."""
    return not all(layout.frames(index).rolling for index in judge.aggregates)


def rests_on_samples(layout: Layout, judge: Judge) -> bool:
    """True for a goal whose word can change with every sample; not with records alone, or ended windows alone."""
    if judge.over_series:
        return False
    sources = [layout.source_of(index) for index in judge.aggregates]
    return not all(source is not None and source.records for source in sources)


def comparisons(layout: Layout, judge: Judge) -> tuple[Comparison, ...] | None:
    """The comparisons on which a goal's word rests; None where something else can change it."""
    names = layout.names(judge.goal.condition)
    if layout.previous or any(layout.names(index) != names for index in judge.aggregates):
        return None
    found: list[Comparison] = []
    return tuple(found) if _collect(layout, judge.goal.condition, found) else None


def _collect(layout: Layout, index: int, found: list[Comparison]) -> bool:
    operation = layout.operations[index]
    match operation:
        case Constant():
            return True
        case Negation(operand=operand):
            return _collect(layout, operand, found)
        case Logical(left=left, right=right):
            return _collect(layout, left, found) and _collect(layout, right, found)
        case Compare(operator=sign, left=left, right=right):
            node = layout.operations[left]
            if sign not in _ORDERED or not isinstance(node, Aggregate):
                return False
            if layout.operations[right].shape is not Shape.SCALAR:
                return False
            limit = scalar(layout.operations, right)
            if isinstance(limit, bool | str) or limit is None or not _is_followed(layout, left, node):
                return False
            if not layout.frames(left).rolling:
                if node.within is not None:
                    # What is told of values is compared: so the values themselves are, with the edge of a bucket.
                    sign, limit = Buckets(node.within).limit(sign, limit)
                found.append(
                    Comparison(
                        aggregate=left,
                        function=node.function,
                        sign=sign,
                        limit=whole(Fraction(limit)),
                        parameter=node.parameter,
                    )
                )
            return True
        case _:
            return False


def _is_followed(layout: Layout, index: int, node: Aggregate) -> bool:
    if node.where is not None or node.forgiving is not None or isinstance(node.window, OutageWindow):
        return False
    frames = layout.frames(index)
    if frames.rolling:
        return True
    if node.argument is None:
        return False
    if not all(isinstance(layout.operations[leaf], SourceField) for leaf in layout.leaves(node.argument)):
        return False
    if node.function in _TIME:
        return True
    source = layout.source_of(index)
    if node.function not in _SAMPLES or source is None or source.records or not frames.kept.everything:
        return False
    # Where windows look back, the values would have to be sorted anew each time.
    return node.function not in _RANKED or not (frames.looks_back or node.parameter == 0)


def says_nothing_of_none(comparison: Comparison) -> bool:
    """True where nothing is certain of a comparison over samples while there is no sample."""
    if comparison.function in WITHOUT_BOUNDS:
        return True
    limit = comparison.limit
    if comparison.function != "share":
        return False
    return 0 < limit <= 1 if comparison.sign in (">=", "<") else 0 <= limit < 1


class Part:
    """A comparison for one label combination, as it was when it was looked at last.

    ``good`` is what the comparison says of single samples while these cannot change it; ``slack`` how many others
    it can bear. ``until`` is the instant before which time alone does not change it.
    """

    __slots__ = ("comparison", "good", "slack", "until", "value")

    def __init__(self, comparison: Comparison) -> None:
        self.comparison: Final = comparison
        self.good: bool | None = None
        self.slack = 0
        self.until = NEVER_CHANGES
        # What the signal was, of a comparison over time.
        self.value: object = self

    def look(self, run: Any, asked: int) -> None:
        """What is so at ``asked``; the run's gauges have counted up to there."""
        self.good, self.slack, self.until = None, 0, NEVER_CHANGES
        if isinstance(run, TimeRun):
            self.value = run.gauge.value
            self.until = _next_change(self.comparison, run, asked)
        elif isinstance(run, SampleRun):
            self._look_at_samples(run)

    def _look_at_samples(self, run: SampleRun) -> None:
        comparison = self.comparison
        gathered: Any = run.collector if run.panes is None else run.panes.gathered()
        value = gathered.result()
        if value is None:
            return
        strict = comparison.sign in ("<", ">")
        if comparison.function == "share":
            if comparison.sign in (">", ">="):
                self.good, self.slack = _bears(
                    gathered.true, gathered.number, comparison.limit, strict=strict
                )
            else:
                false = gathered.number - gathered.true
                good, self.slack = _bears(false, gathered.number, 1 - comparison.limit, strict=strict)
                self.good = not good
            return
        holds = COMPARISONS[comparison.sign](value, comparison.limit)
        self.good = holds
        if isinstance(gathered, Ranked | Bucketed):
            self._look_at_ranks(gathered)
        elif (comparison.function == "max") is (comparison.sign in (">", ">=")) and holds:
            # One such sample settles it for the whole window, as it does below.
            self.slack = NEVER_CHANGES if comparison.function in ("min", "max") else 0
        elif comparison.function in ("min", "max") and not holds and _settled(comparison):
            self.slack = NEVER_CHANGES

    def _look_at_ranks(self, gathered: Ranked | Bucketed) -> None:
        """At the nearest rank p, `<=` holds where the share of values that do is at least p."""
        comparison = self.comparison
        limit, rank = comparison.limit, gathered.rank
        if isinstance(gathered, Bucketed):
            number, passing = gathered.number, gathered.passing(comparison.sign, limit)
        else:
            number = len(gathered.values)
            # The values are sorted by now.
            passing = bisect_right(gathered.values, limit)
            if comparison.sign in ("<", ">="):
                passing = bisect_left(gathered.values, limit)
            if comparison.sign in (">", ">="):
                passing = number - passing
        if comparison.sign in ("<", "<="):
            _, self.slack = _bears(passing, number, rank, strict=False)
        else:
            _, self.slack = _bears(passing, number, 1 - rank, strict=True)


def _settled(comparison: Comparison) -> bool:
    """True where one sample against it settles it: nothing that follows makes a maximum smaller."""
    return (comparison.function == "max") is (comparison.sign in ("<", "<="))


def _bears(good: int, number: int, least: int | Fraction, *, strict: bool) -> tuple[bool, int]:
    """Whether a share of good samples is at least (``strict``: above) a number, and how many more of the other kind
    leave it so.
    """
    p, q = least.numerator, least.denominator
    if good * q > p * number or (not strict and good * q == p * number):
        if p <= 0:
            return True, NEVER_CHANGES if not strict or p < 0 else 0
        # The greatest b with good·q >= p·(number + b), or above.
        return True, (good * q - strict) // p - number
    if q <= p:
        return False, NEVER_CHANGES if q < p or strict else 0
    # The greatest g with (good + g)·q < p·(number + g), or at most.
    return False, (p * number - q * good - (not strict)) // (q - p)


def _next_change(comparison: Comparison, run: TimeRun, asked: int) -> int:
    """The earliest instant at which the comparison can say something else, if the signal stays as it is."""
    gauge, window = run.gauge, run.window
    now = gauge.value
    if window is None or now is None:
        return NEVER_CHANGES
    kept = run.kind.frames.kept
    begin = kept.next_kept(asked)
    true = gauge.area
    false = gauge.known - true
    size = run.kind.size(window)
    if not gauge.known:
        return begin + 1
    p, q = comparison.limit.numerator, comparison.limit.denominator
    function = comparison.function
    if function == "downtime":
        true, false, now = false, true, not now
    # Each side as a sum that grows or shrinks with every nanosecond in which the signal stays as it is.
    sides: tuple[tuple[int, int], ...]
    if function == "availability":
        sides = (
            (q * true - p * (true + false), q - p if now else -p),
            (q * true - p * size, q if now else 0),
            (q * (size - false) - p * size, 0 if now else -q),
        )
    else:
        sides = ((q * true - p, q if now else 0), (q * (size - false) - p, 0 if now else -q))
    strict = comparison.sign in (">", "<=")
    found = [_turns(start, slope, strict=strict) for start, slope in sides]
    return begin + min(found)


def _turns(start: int, slope: int, *, strict: bool) -> int:
    """The least x > 0 for which ``start + slope * x`` is on the other side of zero; zero belongs to the upper side
    unless ``strict``.
    """
    upper = start > 0 or (start == 0 and not strict)
    if upper and slope < 0:
        # The least x with start + slope·x < 0, or at most 0.
        return -(-start // -slope) if strict else start // -slope + 1
    if not upper and slope > 0:
        return -start // slope + 1 if strict else -(start // slope)
    return NEVER_CHANGES
