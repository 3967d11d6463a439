"""Laws of values: windows partition time, sets of time are sets, rounding agrees with decimal arithmetic."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wsla.values.calendars import (
    CalendarUnit,
    CalendarWindow,
    ExactWindow,
    TumblingWindow,
    find_zone,
    label_of,
    parse_period,
    period_interval,
    window_containing,
    windows_overlapping,
)
from wsla.values.instants import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Interval,
    format_instant,
    midnight,
    parse_instant,
    to_datetime,
)
from wsla.values.intervals import (
    IntervalIndex,
    Intervals,
    clip,
    contains,
    intersect,
    length,
    normalise,
    subtract,
    union,
)
from wsla.values.money import MINOR_UNIT_PLACES, round_to_minor
from wsla.values.quantities import (
    DATA,
    DIMENSIONLESS,
    TIME,
    Dimension,
    format_percentage,
    format_quantity,
    money,
    parse_quantity,
)
from wsla.values.schedules import DatedHours, Holidays, Hours, Schedule, WeeklyHours, intervals

ZONES = (
    "UTC",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Toronto",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
)
zones = st.sampled_from(ZONES)
instants = st.integers(parse_instant("1900-01-01T00:00Z"), parse_instant("2100-01-01T00:00Z"))
dates = st.dates(date(1900, 1, 1), date(2100, 1, 1))
anchors = st.none() | dates | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))
calendar_windows = st.builds(
    CalendarWindow, st.sampled_from(CalendarUnit), st.integers(1, 13), anchors, zones
)
# Days around clock changes are where partitions break: aim at them.
changes = st.sampled_from(
    [
        parse_instant(text)
        for text in (
            "1919-03-31T04:30Z",
            "2006-10-29T02:31Z",
            "2011-12-30T10:00Z",
            "2018-11-04T03:00Z",
            "2023-03-26T00:00Z",
            "2023-04-27T22:00Z",
            "2026-02-15T02:00Z",
            "2026-03-29T01:00Z",
            "2026-04-04T15:00Z",
            "2026-10-25T01:00Z",
        )
    ]
)
moments = instants | st.builds(lambda change, shift: change + shift, changes, st.integers(-2 * DAY, 2 * DAY))
exact_windows = st.builds(ExactWindow, st.integers(1, 40 * DAY), instants)


@given(calendar_windows | exact_windows, moments)
def test_the_window_of_an_instant_contains_it_and_its_neighbours_touch(
    spec: TumblingWindow, instant: int
) -> None:
    window = window_containing(spec, instant)
    assert window.start <= instant < window.end
    assert window_containing(spec, window.start) == window
    assert window_containing(spec, window.end - 1) == window
    assert window_containing(spec, window.end).start == window.end
    assert window_containing(spec, window.start - 1).end == window.start


@given(calendar_windows, moments, st.integers(1, 40 * DAY))
def test_windows_partition_time(spec: CalendarWindow, start: int, size: int) -> None:
    """C4."""
    found = list(windows_overlapping(spec, start, start + size))
    assert found[0].contains(start)
    assert found[-1].contains(start + size - 1)
    assert all(a.end == b.start for a, b in pairwise(found))
    assert all(window.length > 0 for window in found)


@given(st.sampled_from(CalendarUnit), zones, moments)
def test_a_plain_window_has_a_label_that_names_it_again(unit: CalendarUnit, zone: str, instant: int) -> None:
    window = window_containing(CalendarWindow(unit, zone=zone), instant)
    label = label_of(window, unit, zone)
    assert ".." not in label
    assert period_interval(*parse_period(label), zone) == window


@given(zones, moments)
def test_midnight_is_the_first_instant_of_its_date(zone: str, instant: int) -> None:
    found = find_zone(zone)
    day = to_datetime(instant, found).date()
    first = midnight(day, found)
    assert first <= instant
    assert to_datetime(first, found).date() == day
    assert to_datetime(first - 1, found).date() < day


@given(st.integers(-(10**18), 4 * 10**18))
def test_an_instant_survives_writing(instant: int) -> None:
    assert parse_instant(format_instant(instant)) == instant


small = st.builds(lambda start, size: Interval(start, start + size), st.integers(0, 40), st.integers(0, 8))
sets = st.lists(small, max_size=8).map(normalise)


def members(a: Intervals) -> set[int]:
    return {instant for interval in a for instant in range(interval.start, interval.end)}


@given(st.lists(small, max_size=8))
def test_normalise_keeps_the_members_and_is_normal(parts: list[Interval]) -> None:
    normal = normalise(parts)
    assert members(normal) == members(tuple(parts))
    assert all(a.end < b.start for a, b in pairwise(normal))
    assert all(interval.length > 0 for interval in normal)
    assert normalise(normal) == normal


@given(sets, sets)
def test_set_operations_are_those_of_sets_and_stay_normal(a: Intervals, b: Intervals) -> None:
    for found, wanted in (
        (union(a, b), members(a) | members(b)),
        (intersect(a, b), members(a) & members(b)),
        (subtract(a, b), members(a) - members(b)),
    ):
        assert members(found) == wanted
        assert normalise(found) == found
        assert length(found) == len(wanted)


@given(sets, small)
def test_an_index_agrees_with_the_set(a: Intervals, window: Interval) -> None:
    index = IntervalIndex(a)
    assert clip(a, window) == intersect(a, normalise([window]))
    assert index.measure(window.start, window.end) == length(clip(a, window))
    assert all(index.contains(t) == contains(a, t) == (t in members(a)) for t in range(-1, 50))


hours_of_day = st.integers(0, 24 * 4 - 1).map(lambda quarter: quarter * 15 * MINUTE)
weekly = st.builds(
    WeeklyHours,
    st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True).map(tuple),
    hours_of_day,
    hours_of_day.map(lambda end: end + 15 * MINUTE),
)
dated = st.dates(date(2022, 12, 20), date(2023, 5, 10)).map(lambda day: DatedHours(day, day))
parts_of_schedules = st.lists(weekly | dated | st.just(Holidays("DE-BE")), max_size=2).map(tuple)
schedules = st.builds(
    Schedule,
    st.just("any"),
    zones,
    st.tuples(weekly),
    parts_of_schedules,
)
recent = st.integers(parse_instant("2022-12-25T00:00Z"), parse_instant("2023-05-05T00:00Z"))


@given(schedules, recent, st.integers(1, 20 * DAY), st.fractions(0, 1))
def test_a_schedule_asked_in_two_pieces_is_the_schedule(
    schedule: Schedule, start: int, size: int, part: Fraction
) -> None:
    end, middle = start + size, start + int(size * part)
    whole = intervals(schedule, start, end)
    assert union(intervals(schedule, start, middle), intervals(schedule, middle, end)) == whole
    assert normalise(whole) == whole
    assert clip(whole, Interval(start, end)) == whole


@given(zones, weekly, recent)
def test_open_means_that_the_wall_clock_is_in_the_hours(zone: str, hours: WeeklyHours, instant: int) -> None:
    found = find_zone(zone)
    local = to_datetime(instant, found)
    day_start, day_end = (
        midnight(local.date(), found),
        midnight(date.fromordinal(local.toordinal() + 1), found),
    )
    if day_end - day_start != DAY or hours.end <= hours.start:
        return
    of_day = instant - day_start
    expected = local.weekday() in hours.days and hours.start <= of_day < hours.end
    assert (
        contains(intervals(Schedule("s", zone, (hours,)), instant - HOUR, instant + HOUR), instant)
        == expected
    )


@given(schedules, recent)
def test_what_an_exclusion_names_is_never_open(schedule: Schedule, start: int) -> None:
    end = start + 10 * DAY
    for part in schedule.exclude:
        if isinstance(part, WeeklyHours):
            closed: tuple[Hours, ...] = (part,)
            alone = intervals(Schedule("closed", schedule.zone, closed), start, end)
            assert intersect(intervals(schedule, start, end), alone) == ()


amounts = st.fractions(-(10**30), 10**30, max_denominator=10**6) | st.builds(
    Fraction, st.integers(-(10**35), 10**35), st.sampled_from([1, 2, 8, 200, 2000, 20000, 3])
)


@given(amounts, st.sampled_from(sorted(MINOR_UNIT_PLACES)))
def test_rounding_agrees_with_quantize(amount: Fraction, code: str) -> None:
    exact = Context(prec=400, rounding=ROUND_HALF_EVEN)
    places = Decimal(1).scaleb(-MINOR_UNIT_PLACES[code], exact)
    # 400 digits decide every tie of these amounts correctly: a third never ends in a five.
    expected = exact.quantize(exact.divide(Decimal(amount.numerator), Decimal(amount.denominator)), places)
    found = round_to_minor(amount, code)
    assert found == expected
    assert found.as_tuple().exponent == -MINOR_UNIT_PLACES[code]
    assert abs(Fraction(found) - amount) * 2 <= Fraction(places)


numbers = st.decimals(0, 10**9, places=6, allow_nan=False, allow_infinity=False)
dimensions = st.sampled_from(
    [DIMENSIONLESS, DATA, money("EUR"), TIME.power(-1), DATA / TIME, money("EUR") / TIME]
)


@given(numbers, dimensions)
def test_an_exact_quantity_survives_writing(number: Decimal, dimension: Dimension) -> None:
    value = Fraction(number)
    if ("time", -1) in dimension.exponents:
        value /= SECOND
    text = format_quantity(value, dimension)
    assert not text.startswith("~")
    assert parse_quantity(text) == parse_quantity(format_quantity(value, dimension))
    assert (parse_quantity(text).value, parse_quantity(text).dimension) == (value, dimension)


@given(st.fractions(), st.integers(0, 8))
def test_a_percentage_is_exact_or_marked_and_near(value: Fraction, places: int) -> None:
    text = format_percentage(value, places)
    shown = Fraction(text.removeprefix("~").removesuffix("%")) / 100
    assert (shown == value) == (not text.startswith("~"))
    assert abs(shown - value) * 2 * 100 * 10**places <= 1
    assert (shown == 1) == (value == 1)
    assert (shown == 0) == (value == 0)


@given(st.lists(st.sampled_from([TIME, DATA, money("EUR"), DIMENSIONLESS]), max_size=5))
def test_dimensions_form_a_group(factors: list[Dimension]) -> None:
    product = DIMENSIONLESS
    for factor in factors:
        product = product * factor
    for factor in reversed(factors):
        product = product / factor
    assert product == DIMENSIONLESS


@given(st.times(), dates, zones)
def test_anchored_windows_start_at_their_anchor(at: time, day: date, zone: str) -> None:
    anchor = datetime.combine(day, at)
    spec = CalendarWindow(CalendarUnit.MONTH, anchor=anchor, zone=zone)
    start = (
        midnight(day, find_zone(zone)) if at == time() else parse_instant(anchor.isoformat(), find_zone(zone))
    )
    assert window_containing(spec, start).start == start
