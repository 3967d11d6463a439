"""What the verbs that read the store share: opening it, finding agreements in it, and stretches of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from wsla.values.calendars import CalendarUnit, find_zone, label_of, parse_period, period_interval
from wsla.values.instants import Interval, parse_instant, to_datetime

if TYPE_CHECKING:
    from wsla.api import Agreement
    from wsla.store.records import AgreementVersion
    from wsla.store.sqlite import Store

DEFAULT_STORE = "sqlite:///wsla.db"
EARLIEST = -(2**63)
LATEST = 2**63 - 1


def store_option() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option ``--store``."""
    return click.option(
        "--store",
        "store_url",
        default=DEFAULT_STORE,
        show_default=True,
        metavar="URL",
        help="The store that `wsla run` keeps.",
    )


@contextmanager
def reading(url: str) -> Iterator[Store]:
    """The store for reading, also while a daemon writes it; what goes wrong becomes a message and exit code 1."""
    from wsla.store.errors import StoreError
    from wsla.store.sqlite import Store

    try:
        with Store.open(url, writer=False) as store:
            yield store
    except StoreError as problem:
        raise click.ClickException(str(problem)) from None


def find_stored(store: Store, title: str) -> AgreementVersion:
    """The version in force of the agreement of that title; otherwise a message and exit code 1."""
    known = store.agreements()
    for version in known:
        if title in (version.title, version.key):
            return version
    from difflib import get_close_matches

    near = get_close_matches(title, [version.title for version in known], n=1)
    if near:
        more = f" Did you mean “{near[0]}”?"
    elif known:
        more = f" It holds {', '.join(f'“{version.title}”' for version in known)}."
    else:
        more = " It holds none yet."
    raise click.ClickException(f"The store {store.path} holds no agreement “{title}”.{more}")


def in_force(version: AgreementVersion) -> Agreement | None:
    """The agreement as it was stored; None where this wsla no longer accepts its text."""
    from wsla.api import AgreementError, load_all
    from wsla.daemon.agreements import alone
    from wsla.diagnostics.source import SourceText

    try:
        agreements = load_all(SourceText(name=version.title, text=version.text))
    except AgreementError:
        return None
    return next((alone(agreement) for agreement in agreements if agreement.title == version.title), None)


def parse_window(text: str, zone: str) -> Interval:
    """``2026-03``, ``2026-Q1``, ``2026-03-04``, or ``TIME..TIME``; otherwise a message and exit code 1."""
    start, dots, end = text.partition("..")
    try:
        if not dots:
            return period_interval(*parse_period(text), zone)
        found = find_zone(zone)
        return Interval(parse_instant(start, found), parse_instant(end, found))
    except ValueError as problem:
        hint = "" if dots else ", nor a stretch such as 2026-03-01..2026-03-15"
        raise click.ClickException(f"--window {text}: {problem}{hint}") from None


def window_name(window: Interval, zone: str) -> str:
    """``2026-03`` for a period of the calendar; otherwise its bounds, the day said once where it is the same."""
    units = (CalendarUnit.MONTH, CalendarUnit.DAY, CalendarUnit.QUARTER, CalendarUnit.YEAR, CalendarUnit.WEEK)
    for unit in units:
        label = label_of(window, unit, zone)
        if ".." not in label:
            return label
    found = find_zone(zone)
    start, end = to_datetime(window.start, found), to_datetime(window.end, found)
    form = "%Y-%m-%d %H:%M:%S" if (start.second or end.second) else "%Y-%m-%d %H:%M"
    if start.microsecond or end.microsecond:
        form += ".%f"
    if start.date() == end.date():
        return f"{start.strftime(form)}-{end.strftime(form.removeprefix('%Y-%m-%d '))}"
    return f"{start.strftime(form)} to {end.strftime(form)}"
