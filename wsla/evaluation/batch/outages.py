"""Runs of time in columns: the longest, the outages, and those that are too short to count (rules M31, M32 and M52)."""

from __future__ import annotations

import numpy as np

from wsla.analysis.operations import Forgiving
from wsla.evaluation.batch.columns import Instants
from wsla.evaluation.batch.exact import ratios
from wsla.evaluation.batch.frames import Frames
from wsla.evaluation.batch.outcome import Found
from wsla.evaluation.batch.series import Spent
from wsla.evaluation.batch.stretches import Stretches, lengths
from wsla.evaluation.batch.times import Left, Times


def longest(frames: Frames, times: Times, left: Left) -> Found:
    """M31: the longest run of true in what is left of kept time; in the bounds unknown time is false, then true."""
    true = times.true.inside(frames.kept)
    not_false = _left_of(frames, times).without(times.bad)
    least = true.pieces(*frames.so_far, lengths, longest=True)
    most = not_false.pieces(*frames.whole, lengths, longest=True)
    return Found(
        value=ratios(least, known=left.some),
        lower=ratios(least),
        upper=ratios(most),
        coverage=left.coverage,
        nothing=left.nothing,
    )


def outages(frames: Frames, times: Times, left: Left) -> Found:
    """M32: how many outages start in a window, looking at all kept time of the term."""
    false, true = times.bad.inside(frames.history), times.true.inside(frames.history)
    starts = np.concatenate((false.starts, true.starts))
    order = np.argsort(starts)
    down = order < len(false.starts)
    # An outage starts where what was known last before was no outage.
    begins = starts[order][down & np.concatenate(([True], ~down[:-1]))]
    low, high = frames.so_far
    number = np.searchsorted(begins, high) - np.searchsorted(begins, low)
    return Found(
        value=ratios(number, known=left.some),
        lower=ratios(number),
        upper=ratios(number, known=left.full),
        coverage=left.coverage,
        nothing=left.nothing,
    )


def forgiving(function: str, which: Forgiving, frames: Frames, times: Times, left: Left) -> Found:
    """M52: outages that are too short do not count."""

    def counts(starts: Instants, ends: Instants) -> Instants:
        found = ends - starts
        return (found >= which.length if which.strictly else found > which.length).astype(np.int64)

    def counted(starts: Instants, ends: Instants) -> Instants:
        return (ends - starts) * counts(starts, ends)

    known_time = times.known.inside(frames.kept)

    def unknown_in_forgiven(starts: Instants, ends: Instants) -> Instants:
        known = known_time.upto(ends) - known_time.upto(starts)
        return (ends - starts - known) * (1 - counts(starts, ends))

    false = times.bad.inside(frames.kept)
    not_true = _left_of(frames, times).without(times.true)
    if function == "outages":
        number = false.pieces(*frames.so_far, counts)

        def holds_one(starts: Instants, ends: Instants) -> Instants:
            return np.minimum(false.pieces(starts, ends, counts), 1)

        least = not_true.pieces(*frames.whole, holds_one)
        return Found(
            value=ratios(number, known=left.some),
            lower=ratios(least),
            upper=ratios(number, known=left.full),
            coverage=left.coverage,
            nothing=left.nothing,
        )
    bad = false.pieces(*frames.so_far, counted)
    worst = not_true.pieces(*frames.whole, counted)
    # Unknown time in an outage that is then forgiven is left out: it may be good, but also cut.
    certain = left.size - not_true.pieces(*frames.whole, unknown_in_forgiven)
    spent = Spent(size=left.size, bad=bad, missing=not_true.pieces(*frames.so_far, counted) - bad)
    match function:
        case "downtime":
            value, lower, upper = ratios(bad, known=left.some), ratios(bad), ratios(worst)
        case "duration":
            value = ratios(left.known - bad, known=left.some)
            lower, upper = ratios(certain - worst), ratios(left.size - bad)
        case _:
            value = ratios(left.known - bad, np.maximum(left.known, 1), known=left.some)
            lower = ratios(certain - worst, np.maximum(certain, 1))
            upper = ratios(np.where(left.size > 0, left.size - bad, 1), left.above_zero)
    return Found(
        value=value, lower=lower, upper=upper, coverage=left.coverage, nothing=left.nothing, spent=spent
    )


def _left_of(frames: Frames, times: Times) -> Stretches:
    return frames.kept if times.cut is None else frames.kept.without(times.cut)
