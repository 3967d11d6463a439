"""What `wsla claim` and `wsla settle` share: finding an entry, noting the step, and saying what became of it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import click

from wsla.remedies.claims import ClaimRefused, ClaimState, ClaimStep
from wsla.remedies.decisions import LedgerEntry
from wsla.reporting.money import digits_of
from wsla.reporting.stored import EARLIEST, LATEST, in_force
from wsla.reporting.verdicts import window_name
from wsla.values.calendars import find_zone
from wsla.values.instants import SECOND, format_instant, parse_instant
from wsla.values.money import format_money

if TYPE_CHECKING:
    from wsla.store.sqlite import Store

STYLES: Final = {
    ClaimState.ACCRUED: "yellow",
    ClaimState.CLAIMED: "cyan",
    ClaimState.ISSUED: "green",
    ClaimState.REFUSED: "red",
    ClaimState.EXPIRED: "bright_black",
}
_SHORTEST: Final = 4
_SHOWN: Final = 8


def record(store_url: str, wanted: str, step: ClaimStep, at: str | None, reason: str | None = None) -> None:
    """Notes a step and says so; a step that cannot be taken becomes a message and exit code 1."""
    from wsla.store.errors import StoreError
    from wsla.store.sqlite import Store

    try:
        with Store.open(store_url, writer=False, beside=True) as store:
            key, entry = _find(store.entries(None, EARLIEST, LATEST), wanted)
            zone = _zone_of(store, key)
            instant = _instant(at, zone)
            try:
                store.take_claim_step(entry.id, step, instant, reason, zone)
            except ClaimRefused as problem:
                raise click.ClickException(f"{wanted}: {problem}") from None
    except StoreError as problem:
        raise click.ClickException(str(problem)) from None
    about = f"{entry.debtor} to {entry.creditor}, {format_money(entry.amount, entry.currency)}"
    cause = f"{entry.cause} in {window_name(entry.window, zone)}"
    when = format_instant(instant, find_zone(zone))
    why = "" if reason is None else f": {reason}"
    click.echo(f"{step.value} at {when}: {about} ({cause}){why}")


def moment(text: str, option: str, zone: str) -> int:
    """An instant that somebody wrote; otherwise a message and exit code 2."""
    try:
        return parse_instant(text, find_zone(zone))
    except ValueError as problem:
        raise click.UsageError(f"{option}: {problem}") from None


def _instant(at: str | None, zone: str) -> int:
    now = time.time_ns() // SECOND * SECOND
    if at is None:
        return now
    found = moment(at, "--at", zone)
    if found > now:
        raise click.ClickException(f"--at {at} is yet to come; what is noted cannot be taken back")
    return found


def _find(entries: Iterable[tuple[str, LedgerEntry]], wanted: str) -> tuple[str, LedgerEntry]:
    booked = list(entries)
    for key, entry in booked:
        if entry.id == wanted:
            return key, entry
    digits = wanted.lower()
    near = [one for one in booked if len(digits) >= _SHORTEST and digits_of(one[1].id).startswith(digits)]
    if len(near) == 1:
        return near[0]
    if near:
        names = ", ".join(digits_of(entry.id)[: len(digits) + 4] for _, entry in near)
        raise click.ClickException(f"{wanted} stands for several entries: {names}; write more digits of it")
    raise click.ClickException(
        f"the ledger holds no entry {wanted}; `wsla ledger` shows the name of each that has to be claimed"
    )


def _zone_of(store: Store, key: str) -> str:
    loaded = next((in_force(version) for version in store.agreements() if version.key == key), None)
    return "UTC" if loaded is None else loaded.plan.zone
