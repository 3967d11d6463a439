"""What ``wsla prove`` prints: a picture and a sentence for each promise, or all figures as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import click

from wsla.cli.paint import Paint
from wsla.composition.guarantees import ServiceKey
from wsla.composition.money import Most
from wsla.composition.prove import UNIT, Figure, Link, Proof, Standing, Unproved, window_text
from wsla.values.calendars import CalendarWindow, TumblingWindow, window_containing
from wsla.values.instants import SECOND, format_length
from wsla.values.money import MINOR_UNIT_PLACES, format_money
from wsla.values.quantities import format_percentage

_WIDTH = 100
_COLOURS = {Standing.KEPT: "green", Standing.INDEPENDENT: "yellow", Standing.BROKEN: "red"}


def show(proofs: Sequence[Proof], unproved: Sequence[Unproved], stream: Any) -> None:
    """Prints everything as text."""
    paint = Paint(stream)
    for number, proof in enumerate(proofs):
        if number:
            click.echo(file=stream)
        for line in _proof_lines(proof, paint):
            click.echo(line, file=stream)
    for one in unproved:
        where = f"“{one.plan.title}”" + ("" if one.goal is None else f", {one.goal.name}")
        click.echo(paint.text(f"{where}: nothing can be said: {one.reason}", "red"), err=True)
    if not proofs and not unproved:
        click.echo("no promise here stands on another service: nothing says `needs`", file=stream)


def _proof_lines(proof: Proof, paint: Paint) -> Iterator[str]:
    window = proof.promised.window
    sign = "more than" if proof.promised.strict else "at least"
    yield paint.text(f"“{proof.plan.title}”, {proof.goal.name}", bold=True)
    promised = format_percentage(proof.promised.share)
    yield f"  {proof.service}: {sign} {promised} {window_text(window)} is promised"
    rows = list(_rows(proof, proof.picture, paint, "", ""))
    widest = max(len(name) for name, _ in rows)
    heads = ("independent", "worst case")
    yield "  " + " " * (widest + 2) + paint.faint(f"{heads[0]:>12}  {heads[1]:>12}")
    for name, figure in rows:
        figures = (figure.independent, figure.worst)
        shown = "  ".join(f"{format_percentage(share, 5):>12}" for share in figures)
        yield f"  {name.ljust(widest)}  {shown}"
    yield from _paragraph(_sentence(proof), paint, _COLOURS[proof.standing])
    if proof.weakest:
        yield from _paragraph(_weakest(proof), paint)
    yield from _paragraph(_money(proof), paint)
    for remark in proof.remarks:
        yield from _paragraph(f"Note: {remark}.", paint, "bright_black")


def _rows(proof: Proof, figure: Figure, paint: Paint, first: str, rest: str) -> Iterator[tuple[str, Figure]]:
    tee, corner, bar = ("├─ ", "└─ ", "│  ") if paint.blocks else ("|- ", "`- ", "|  ")
    if figure.key is not None:
        yield f"{first}{_name(proof, figure.key)}", figure
        return
    yield f"{first}{figure.word}", figure
    for number, member in enumerate(figure.members):
        last = number == len(figure.members) - 1
        yield from _rows(
            proof, member, paint, rest + (corner if last else tee), rest + ("   " if last else bar)
        )


def _name(proof: Proof, key: ServiceKey) -> str:
    return key.service if key.agreement == proof.plan.title else f"{key.service} of “{key.agreement}”"


def _sentence(proof: Proof) -> str:
    best = format_percentage(proof.independent, 5)
    worst = format_percentage(proof.worst, 5)
    match proof.standing:
        case Standing.KEPT:
            return f"Can be kept even in the worst case: {worst} may be promised."
        case Standing.INDEPENDENT:
            return (
                f"Can be kept only if failures are independent: then {best} may be promised. In the worst case it is "
                f"{worst}, {_gap(proof, proof.gap_worst)} too little."
            )
        case Standing.BROKEN:
            short = f", {_gap(proof, proof.gap)} too little" if proof.gap else ", and more is promised"
            return (
                f"Cannot be kept: even if failures are independent, {best} is all that may be promised{short}. "
                f"In the worst case it is {worst}."
            )


def _gap(proof: Proof, gap: Fraction) -> str:
    """A share of the window, and how long that is."""
    length = Fraction(_longest(proof.promised.window, proof.plan.effective_start)) * gap
    seconds = int(length / SECOND) * SECOND
    shown = format_length(seconds) if seconds else "less than a second"
    return f"{format_percentage(gap, 5)} of the time ({shown} {window_text(proof.promised.window)})"


def _longest(window: TumblingWindow, start: int) -> int:
    found = window_containing(window, start)
    return found.end - found.start


def _weakest(proof: Proof) -> str:
    names = [_name(proof, key) for key in proof.weakest]
    link = next(one for one in proof.links if one.key == proof.weakest[0])
    verb = "is the weakest link" if len(names) == 1 else "are the weakest links"
    each = "" if len(names) == 1 else " each"
    return (
        f"{' and '.join(names)} {verb}: {format_percentage(UNIT)} more of it{each} "
        f"raises what may be promised by {format_percentage(link.raise_independent, 5)}."
    )


def _money(proof: Proof) -> str:
    owed = [_most(one) for one in proof.owed]
    text = f"A miss may cost at most {' and '.join(owed)} {window_text(proof.promised.window)}."
    if not owed:
        text = "A miss costs nothing: no credit follows."
    back = [
        f"{_most(one)} {window_text(link.guarantee.window)} from {_name(proof, link.key)}"
        for link in proof.links
        for one in link.recovered
    ]
    if back:
        return f"{text} At most {', '.join(back)} may be recovered."
    return f"{text} Nothing may be recovered."


def _most(most: Most) -> str:
    if most.amount is None:
        return f"any sum of {most.currency} (not bounded)"
    if most.currency in MINOR_UNIT_PLACES:
        return format_money(_rounded(most), most.currency)
    return f"{_rounded(most)} {most.currency}"


def _rounded(most: Most) -> Decimal:
    assert most.amount is not None
    places = MINOR_UNIT_PLACES.get(most.currency, 2)
    scaled = round(most.amount * 10**places)
    return Decimal(scaled).scaleb(-places)


def _paragraph(text: str, paint: Paint, style: str | None = None) -> Iterator[str]:
    for line in textwrap.wrap(text, _WIDTH - 2, break_long_words=False):
        yield "  " + paint.text(line, style)


# --- as JSON


def as_json(proofs: Sequence[Proof], unproved: Sequence[Unproved]) -> dict[str, Any]:
    """All figures: shares as exact fractions in texts, and as rounded percentages beside them."""
    return {
        "promises": [_proof_json(proof) for proof in proofs],
        "unproved": [
            {
                "agreement": one.plan.title,
                "goal": None if one.goal is None else one.goal.name,
                "service": one.service or None,
                "reason": one.reason,
            }
            for one in unproved
        ],
    }


def _proof_json(proof: Proof) -> dict[str, Any]:
    return {
        "agreement": proof.plan.title,
        "version": proof.plan.version,
        "goal": proof.goal.name,
        "service": proof.service,
        "window": _window_json(proof.promised.window),
        "promised": _share_json(proof.promised.share),
        "independent": _share_json(proof.independent),
        "worst_case": _share_json(proof.worst),
        "verdict": proof.standing.name.lower(),
        "gap": _share_json(proof.gap),
        "gap_worst_case": _share_json(proof.gap_worst),
        "needs": _figure_json(proof.picture),
        "links": [_link_json(proof, link) for link in proof.links],
        "owed": [_most_json(one) for one in proof.owed],
        "remarks": list(proof.remarks),
    }


def _figure_json(figure: Figure) -> dict[str, Any]:
    found: dict[str, Any] = {} if figure.key is None else _key_json(figure.key)
    if figure.key is None:
        found = {"word": figure.word, "members": [_figure_json(one) for one in figure.members]}
    return found | {
        "independent": _share_json(figure.independent),
        "worst_case": _share_json(figure.worst),
    }


def _link_json(proof: Proof, link: Link) -> dict[str, Any]:
    return _key_json(link.key) | {
        "goal": None if link.guarantee.goal is None else link.guarantee.goal.name,
        "guaranteed": _share_json(link.guarantee.share),
        "window": _window_json(link.guarantee.window),
        "reckoned": _share_json(link.share),
        "raise_independent": _share_json(link.raise_independent),
        "raise_worst_case": _share_json(link.raise_worst),
        "weakest": link.key in proof.weakest,
        "recovered": [_most_json(one) for one in link.recovered],
    }


def _key_json(key: ServiceKey) -> dict[str, Any]:
    return {"agreement": key.agreement, "service": key.service}


def _share_json(share: Fraction) -> dict[str, str]:
    return {"exact": str(share), "percent": format_percentage(share, 6)}


def _window_json(window: TumblingWindow) -> str:
    if isinstance(window, CalendarWindow):
        return window.unit.value
    return format_length(window.length_ns)


def _most_json(most: Most) -> dict[str, Any]:
    return {
        "debtor": most.debtor,
        "creditor": most.creditor,
        "currency": most.currency,
        "at_most": None if most.amount is None else str(_rounded(most)),
    }
