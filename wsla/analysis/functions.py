"""The functions of the language: what each looks at, and what it gives."""

from __future__ import annotations

from enum import Enum

from attrs import frozen


class Look(Enum):
    """What a function looks at: time in which a signal has a value, or samples, records and windows one by one."""

    TIME = "time"
    ITEMS = "items"


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


@frozen(kw_only=True)
class Function:
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
    )
}
"""Every aggregate by name; ``elapsed`` is not among them, since it gives one value a record."""
