"""What services stand on: those they need, the agreements that others come from, what is assumed of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import assert_never

from attrs import evolve, frozen

from wsla.analysis.modifiers import each_window
from wsla.analysis.reporter import replace
from wsla.analysis.scope import Scope
from wsla.analysis.services import Assumption, Need, NeededService, NeededSome, Origin
from wsla.diagnostics.diagnostic import Related
from wsla.syntax import surface
from wsla.values.calendars import CalendarWindow, ExactWindow
from wsla.values.quantities import QuantityError, parse_quantity
from wsla.values.records import Record

_MEASURE = "availability"
_ASSUMED = "write `assume availability 99.9% each month`"


def check_standing(scope: Scope, agreement: surface.Agreement) -> None:
    """Fills in what the services of the agreement stand on; all of them have been declared before."""
    written: dict[str, surface.Service] = {}
    for declared in agreement.declarations:
        if isinstance(declared, surface.Service) and declared.name.text not in written:
            written[declared.name.text] = declared
    for name, declared in written.items():
        if name in scope.services:
            _service(scope, declared)
    _circles(scope, written)


def _service(scope: Scope, declared: surface.Service) -> None:
    said: tuple[str, surface.Needs | surface.Assumed | surface.Origin] | None = None
    origin = declared.origin
    parts: list[tuple[str, surface.Needs | surface.Assumed | surface.Origin]] = []
    if origin is not None:
        parts.append(("where it comes from", origin))
    for item in declared.items or ():
        if isinstance(item, surface.Needs):
            parts.append(("what it needs", item))
        elif isinstance(item, surface.Assumed):
            parts.append(("what is assumed of it", item))
    need: Need | None = None
    assumed: Assumption | None = None
    for words, part in parts:
        if said is not None:
            twice = said[0] == words
            scope.reporter.error(
                "E0952",
                f"`{declared.name.text}` says twice {words}"
                if twice
                else f"`{declared.name.text}` says {said[0]}, so it cannot say {words} too",
                part.span,
                related=(Related(span=said[1].span, text="said here"),),
            )
            continue
        said = words, part
        match part:
            case surface.Needs(need=written):
                need = _need(scope, written)
                scope.used.add(declared.name.text)
            case surface.Assumed():
                assumed = _assumed(scope, part)
            case surface.Origin():
                pass
            case _:
                assert_never(part)
    name = declared.name.text
    scope.services[name] = evolve(
        scope.services[name],
        needs=need,
        assumed=assumed,
        origin=None
        if origin is None
        else Origin(title=origin.title.value, service=origin.service.text, span=origin.span),
    )


def _need(scope: Scope, written: surface.Need) -> Need | None:
    match written:
        case surface.Needed(name=name):
            return NeededService(service=name.text) if scope.find("service", name, scope.services) else None
        case surface.NeededGroup(members=members):
            _twice(scope, written)
            found = [_need(scope, member) for member in members]
            least = _least(scope, written)
            if least is None or None in found:
                return None
            return NeededSome(least=least, members=tuple(one for one in found if one is not None))
        case _:
            assert_never(written)


def _twice(scope: Scope, group: surface.NeededGroup) -> None:
    seen: dict[str, surface.Word] = {}
    for member in group.members:
        if not isinstance(member, surface.Needed):
            continue
        first = seen.setdefault(member.name.text, member.name)
        if first is not member.name:
            scope.reporter.error(
                "E0952",
                f"`{member.name.text}` is named twice in one list",
                member.name.span,
                related=(Related(span=first.span, text="first named here"),),
            )


def _least(scope: Scope, group: surface.NeededGroup) -> int | None:
    """How many of the group's members must be up."""
    count, word = len(group.members), group.word
    if group.counted:
        number = Fraction(word.text)
        if number.denominator == 1 and 1 <= number <= count:
            return int(number)
        plural = "service" if count == 1 else "services"
        scope.reporter.error(
            "E0951", f"of {count} {plural}, a whole number from 1 to {count} can be needed", word.span
        )
        return None
    if word.text in ("all", "any"):
        return count if word.text == "all" else 1
    near = {"every": "all", "both": "all", "and": "all", "or": "any", "one": "any", "either": "any"}
    fix = near.get(word.text.casefold()) or next(
        (one for one in ("all", "any") if one == word.text.casefold()), None
    )
    scope.reporter.error(
        "E0951",
        f"services are needed as `all(…)`, `any(…)` or `2 of (…)`, not as `{word.text}(…)`",
        word.span,
        suggestion=replace(word.span, fix) if fix else None,
    )
    return None


def _assumed(scope: Scope, item: surface.Assumed) -> Assumption | None:
    if item.name.text != "assume":
        known = ("assume",)
        scope.reporter.unknown_name("E0953", "line of a service", item.name, known, _ASSUMED)
        return None
    if item.measure.text != _MEASURE:
        scope.reporter.unknown_name(
            "E0953", "measure that can be assumed", item.measure, (_MEASURE,), _ASSUMED
        )
        return None
    try:
        quantity = parse_quantity(item.value.text)
    except QuantityError as problem:
        scope.reporter.error("E0301", str(problem), item.value.span)
        return None
    if not quantity.is_percentage or not 0 <= quantity.value <= 1:
        scope.reporter.error(
            "E0953", "an availability is a percentage, 0% to 100%", item.value.span, notes=(_ASSUMED,)
        )
        return None
    window = each_window(scope, item.window)
    if not isinstance(window, CalendarWindow | ExactWindow):
        return None
    return Assumption(share=quantity.value, window=window)


# --- circles


@frozen(eq=False, repr=False)
class _Visit(Record):
    name: str
    path: tuple[str, ...]


def _circles(scope: Scope, written: dict[str, surface.Service]) -> None:
    """Services that need themselves, through others or at once: one error a circle."""
    told: set[frozenset[str]] = set()
    for start, declared in written.items():
        waiting = [_Visit(start, (start,))]
        seen: set[str] = set()
        while waiting:
            visit = waiting.pop()
            service = scope.services.get(visit.name)
            for name in needed_names(None if service is None else service.needs):
                if name == start:
                    _circle(scope, declared, visit.path, told)
                elif name not in seen:
                    seen.add(name)
                    waiting.append(_Visit(name, (*visit.path, name)))


def _circle(
    scope: Scope, declared: surface.Service, path: tuple[str, ...], told: set[frozenset[str]]
) -> None:
    if frozenset(path) in told:
        return
    told.add(frozenset(path))
    name = declared.name.text
    message = f"`{name}` needs itself"
    if len(path) > 1:
        chain = ", which needs ".join(f"`{one}`" for one in (*path[1:], name))
        message = f"`{name}` needs {chain}"
    scope.reporter.error("E0950", message, declared.name.span)


def needed_names(need: Need | None) -> Iterator[str]:
    """The names of all services in a need, in the order of the text; one that stands there twice comes twice."""
    match need:
        case None:
            return
        case NeededService(service=service):
            yield service
        case NeededSome(members=members):
            for member in members:
                yield from needed_names(member)
        case _:
            assert_never(need)
