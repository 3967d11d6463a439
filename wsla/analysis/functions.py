"""The functions of the language: what each looks at, and what it gives."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from wsla.values.records import Record


class Look(Enum):
    """What a function looks at: time in which a signal has a value, or samples, records and windows one by one, or
    the steps from one sample of a counter to the next.
    """

    TIME = "time"
    ITEMS = "items"
    STEPS = "steps"


class Argument(Enum):
    """What the first argument must be."""

    CONDITION = "a condition"
    NUMBER = "a number"
    ANY = "any value"
    NOTHING = "a source"


class Result(Enum):
    """What comes out."""

    SHARE = "a share"
    DURATION = "a duration"
    COUNT = "a count"
    SAME = "the argument's type"
    SQUARE = "the argument's type, squared"
    RATE = "the argument's type by time"


@frozen(kw_only=True, eq=False, repr=False)
class Function(Record):
    """A function of the language over a window."""

    name: str
    look: Look
    argument: Argument
    result: Result
    summary: str


FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (
        Function(
            name="availability",
            look=Look.TIME,
            argument=Argument.CONDITION,
            result=Result.SHARE,
            summary="known true time divided by known time",
        ),
        Function(
            name="duration",
            look=Look.TIME,
            argument=Argument.CONDITION,
            result=Result.DURATION,
            summary="the time in which a condition is true",
        ),
        Function(
            name="downtime",
            look=Look.TIME,
            argument=Argument.CONDITION,
            result=Result.DURATION,
            summary="the time in which a condition is false",
        ),
        Function(
            name="time_mean",
            look=Look.TIME,
            argument=Argument.NUMBER,
            result=Result.SAME,
            summary="the mean of a value over time",
        ),
        Function(
            name="longest",
            look=Look.TIME,
            argument=Argument.CONDITION,
            result=Result.DURATION,
            summary="the longest stretch in which a condition is true",
        ),
        Function(
            name="outages",
            look=Look.TIME,
            argument=Argument.CONDITION,
            result=Result.COUNT,
            summary="how many times a condition became false",
        ),
        Function(
            name="count",
            look=Look.ITEMS,
            argument=Argument.NOTHING,
            result=Result.COUNT,
            summary="how many samples or records there are",
        ),
        Function(
            name="sum",
            look=Look.ITEMS,
            argument=Argument.NUMBER,
            result=Result.SAME,
            summary="the sum of the values",
        ),
        Function(
            name="mean",
            look=Look.ITEMS,
            argument=Argument.NUMBER,
            result=Result.SAME,
            summary="the mean of the values",
        ),
        Function(
            name="median",
            look=Look.ITEMS,
            argument=Argument.NUMBER,
            result=Result.SAME,
            summary="the value in the middle (nearest rank)",
        ),
        Function(
            name="min",
            look=Look.ITEMS,
            argument=Argument.NUMBER,
            result=Result.SAME,
            summary="the least value",
        ),
        Function(
            name="max",
            look=Look.ITEMS,
            argument=Argument.NUMBER,
            result=Result.SAME,
            summary="the greatest value",
        ),
        Function(
            name="percentile",
            look=Look.ITEMS,
            argument=Argument.NUMBER,
            result=Result.SAME,
            summary="the nearest rank: a value that was observed",
        ),
        Function(
            name="share",
            look=Look.ITEMS,
            argument=Argument.CONDITION,
            result=Result.SHARE,
            summary="the share of samples, records or windows for which a condition is true",
        ),
        Function(
            name="last",
            look=Look.ITEMS,
            argument=Argument.ANY,
            result=Result.SAME,
            summary="the latest value",
        ),
        Function(
            name="first",
            look=Look.ITEMS,
            argument=Argument.ANY,
            result=Result.SAME,
            summary="the earliest value",
        ),
        Function(
            name="mode",
            look=Look.ITEMS,
            argument=Argument.NUMBER,
            result=Result.SAME,
            summary="the commonest value, the least of several",
        ),
        Function(
            name="span",
            look=Look.ITEMS,
            argument=Argument.NUMBER,
            result=Result.SAME,
            summary="the greatest value less the least",
        ),
        Function(
            name="variance",
            look=Look.ITEMS,
            argument=Argument.NUMBER,
            result=Result.SQUARE,
            summary="the mean square of the distance from the mean",
        ),
        Function(
            name="stddev",
            look=Look.ITEMS,
            argument=Argument.NUMBER,
            result=Result.SAME,
            summary="the standard deviation: the root of the variance",
        ),
        Function(
            name="streak",
            look=Look.ITEMS,
            argument=Argument.CONDITION,
            result=Result.COUNT,
            summary="for how many of the latest samples, records or windows, in a row, a condition is true",
        ),
        Function(
            name="increase",
            look=Look.STEPS,
            argument=Argument.NUMBER,
            result=Result.SAME,
            summary="how much a counter has grown, restarts included",
        ),
        Function(
            name="rate",
            look=Look.STEPS,
            argument=Argument.NUMBER,
            result=Result.RATE,
            summary="how much a counter has grown, by time",
        ),
    )
}
"""Every aggregate by name; ``elapsed`` is not among them, since it gives one value a record."""

OTHERS = (
    "elapsed",
    "due",
    "burn",
    "previous",
    "round",
    "down_count",
    "sustained",
    "debounced",
    "limited",
    "active",
)
"""Functions that look over no window: they give a value for each record, or at every instant."""
