"""Promises against what they stand on: what may be promised, by how much it is missed, and what that may cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from fractions import Fraction
from typing import Final

from attrs import frozen

from wsla.composition.guarantees import Book, Guarantee, ServiceKey, Unprovable, guarantee_of
from wsla.composition.money import Most, most_owed
from wsla.composition.periods import share_in
from wsla.composition.structure import (
    Key,
    Leaf,
    Structure,
    TooTangledError,
    independent,
    leaves,
    worst_case,
)
from wsla.plan.model import Goal, Plan
from wsla.values.calendars import CalendarWindow, TumblingWindow
from wsla.values.instants import format_length

UNIT: Final = Fraction(1, 10_000)
"""By how much a need is thought better to find the weakest: a hundredth of a per cent of the window."""


class Standing(Enum):
    """Whether a promise can be kept by what it stands on."""

    KEPT = "kept even in the worst case"
    INDEPENDENT = "kept only if failures are independent"
    BROKEN = "cannot be kept"


@frozen(kw_only=True)
class Figure:
    """A part of what a service needs, with its availability over the windows of the promise.

    ``key`` is that of a service, else ``word`` joins the ``members``: ``all``, ``any``, ``2 of``.
    """

    independent: Fraction
    worst: Fraction
    key: ServiceKey | None = None
    word: str = ""
    members: tuple[Figure, ...] = ()


@frozen(kw_only=True)
class Link:
    """One service that is needed: what is guaranteed of it, and what a better guarantee would bring.

    ``share`` is what the guarantee is worth over the windows of the promise. The raises are what the result gains
    where the share is one ``UNIT`` higher (or is 100 %, where that is nearer). ``recovered`` is the most that its
    supplier may owe for one of the guarantee's own windows.
    """

    key: ServiceKey
    guarantee: Guarantee
    share: Fraction
    raise_independent: Fraction
    raise_worst: Fraction
    recovered: tuple[Most, ...]


@frozen(kw_only=True)
class Proof:
    """A promise and what may be promised. ``weakest`` are the links whose improvement raises the result most."""

    plan: Plan
    goal: Goal
    service: str
    promised: Guarantee
    independent: Fraction
    worst: Fraction
    standing: Standing
    picture: Figure
    links: tuple[Link, ...]
    weakest: tuple[ServiceKey, ...]
    owed: tuple[Most, ...]
    remarks: tuple[str, ...]

    @property
    def gap(self) -> Fraction:
        """By how much the promise is above what may be promised where failures are independent; 0 where it is not."""
        return max(Fraction(0), self.promised.share - self.independent)

    @property
    def gap_worst(self) -> Fraction:
        """By how much the promise is above what may be promised in the worst case; 0 where it is not."""
        return max(Fraction(0), self.promised.share - self.worst)


@frozen(kw_only=True)
class Unproved:
    """A service with needs of which nothing can be said, and why."""

    plan: Plan
    service: str
    reason: str
    goal: Goal | None = None


def prove(plans: Iterable[Plan]) -> tuple[tuple[Proof, ...], tuple[Unproved, ...]]:
    """Every promise of a service that needs others, in the order of the agreements and their goals."""
    book = Book(plans)
    proofs: list[Proof] = []
    unproved: list[Unproved] = []
    for plan in book.plans.values():
        needing = [one.name for one in plan.services if one.needs is not None]
        for goal in plan.goals:
            guarantee = guarantee_of(plan, goal)
            if guarantee is None or not needing:
                continue
            service = book.about(plan, goal)
            if service is None:
                reason = "it does not say which service it is about: write `goal NAME for SERVICE: …`"
                unproved.append(Unproved(plan=plan, service="", reason=reason, goal=goal))
            elif service in needing:
                try:
                    proofs.append(_prove(book, ServiceKey(plan.title, service), guarantee, goal))
                except (Unprovable, TooTangledError) as problem:
                    unproved.append(Unproved(plan=plan, service=service, reason=str(problem), goal=goal))
    return tuple(proofs), tuple(unproved)


def _prove(book: Book, key: ServiceKey, promised: Guarantee, goal: Goal) -> Proof:
    plan, window = promised.plan, promised.window
    structure = book.structure(key)
    chosen: dict[Key, Guarantee] = {}
    shares: dict[Key, Fraction] = {}
    for leaf in dict.fromkeys(leaves(structure)):
        assert isinstance(leaf, ServiceKey)
        worth = [
            (share_in(one.share, one.window, window, plan.effective_start), one)
            for one in book.guarantees(leaf)
        ]
        shares[leaf], chosen[leaf] = max(worth, key=lambda pair: pair[0])
    alone, together = independent(structure, shares), worst_case(structure, shares)
    links = tuple(
        _link(structure, shares, leaf, chosen[leaf], (alone, together))
        for leaf in shares
        if isinstance(leaf, ServiceKey)
    )
    highest = max(link.raise_independent for link in links)
    return Proof(
        plan=plan,
        goal=goal,
        service=key.service,
        promised=promised,
        independent=alone,
        worst=together,
        standing=_standing(promised, alone, together),
        picture=_figure(structure, shares),
        links=links,
        weakest=tuple(link.key for link in links if highest and link.raise_independent == highest),
        owed=most_owed(plan, goal),
        remarks=_remarks(promised, goal, links),
    )


def _link(
    structure: Structure,
    shares: Mapping[Key, Fraction],
    leaf: ServiceKey,
    guarantee: Guarantee,
    results: tuple[Fraction, Fraction],
) -> Link:
    better = {**shares, leaf: min(Fraction(1), shares[leaf] + UNIT)}
    goal = guarantee.goal
    return Link(
        key=leaf,
        guarantee=guarantee,
        share=shares[leaf],
        raise_independent=independent(structure, better) - results[0],
        raise_worst=worst_case(structure, better) - results[1],
        recovered=() if goal is None else most_owed(guarantee.plan, goal),
    )


def _standing(promised: Guarantee, alone: Fraction, together: Fraction) -> Standing:
    # M85: in the worst case, or only where failures are independent, or not.
    def keeps(share: Fraction) -> bool:
        return share > promised.share if promised.strict else share >= promised.share

    if keeps(together):
        return Standing.KEPT
    return Standing.INDEPENDENT if keeps(alone) else Standing.BROKEN


def _figure(structure: Structure, shares: Mapping[Key, Fraction]) -> Figure:
    alone, together = independent(structure, shares), worst_case(structure, shares)
    if isinstance(structure, Leaf):
        assert isinstance(structure.key, ServiceKey)
        return Figure(independent=alone, worst=together, key=structure.key)
    count = len(structure.members)
    word = "all" if structure.least == count else "any" if structure.least == 1 else f"{structure.least} of"
    members = tuple(_figure(member, shares) for member in structure.members)
    return Figure(independent=alone, worst=together, word=word, members=members)


def _remarks(promised: Guarantee, goal: Goal, links: tuple[Link, ...]) -> tuple[str, ...]:
    found = [f"the promise: {remark}" for remark in promised.remarks]
    if goal.provided is not None:
        found.append("the promise: it holds under a condition, which is not looked at here")
    for link in links:
        where = f"{link.key.service} of “{link.key.agreement}”"
        found += [f"{where}: {remark}" for remark in link.guarantee.remarks]
        if link.guarantee.window != promised.window:
            found.append(
                f"{where}: it is guaranteed {window_text(link.guarantee.window)}, and reckoned "
                f"{window_text(promised.window)} as in the worst of these"
            )
    return tuple(found)


def window_text(window: TumblingWindow) -> str:
    """``each month``, ``each 7d``; with its zone, or its start, only where a reader would miss it."""
    if isinstance(window, CalendarWindow):
        unit = window.unit.value
        each = f"each {unit}" if window.count == 1 else f"each {window.count} {unit}s"
        return each if window.anchor is None else f"{each} from a day of its own"
    return f"each {format_length(window.length_ns)}"
