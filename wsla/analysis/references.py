"""What a name in a formula stands for: a field of a source, a value of a service, the verdicts of a goal."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from wsla.analysis import operations as op
from wsla.analysis.arena import Typed
from wsla.analysis.scope import Scope
from wsla.analysis.types import BooleanType, NumberType, Shape
from wsla.syntax import surface
from wsla.values.quantities import parse_quantity


def source_field(scope: Scope, reference: surface.Reference) -> Typed | None:
    """A field of a source: a signal, or one value a record; None and an error where there is none."""
    source = scope.sources[reference.parts[0].text]
    if len(reference.parts) != 2:
        example = next(iter(source.fields), "field")
        scope.reporter.error(
            "E0203",
            f"`{reference.text}` does not name a field of the source `{source.name}`",
            reference.span,
            notes=(f"write the source, a dot, and a field: `{source.name}.{example}`",),
        )
        return None
    word = reference.parts[1]
    entry = source.field(word.text)
    if entry is None:
        scope.reporter.unknown_name("E0203", f"field of `{source.name}`", word, source.fields)
        return None
    shape = Shape.RECORDS if source.declared.records else Shape.SIGNAL
    node = op.SourceField(
        source=source.name,
        field=word.text,
        shape=shape,
        type=entry.type,  # type: ignore[arg-type]
        span=reference.span,
    )
    return Typed(
        operation=scope.arena.add(node),
        shape=shape,
        type=entry.type,
        by=() if source.declared.records else source.declared.labels,
        sources=frozenset({source.name}),
    )


def service_value(scope: Scope, reference: surface.Reference) -> Typed | None:
    """What is known of a service, such as its fee; None and an error where it is not."""
    name = reference.parts[0].text
    if len(reference.parts) == 2 and reference.parts[1].text == "fee" and name in scope.fees:
        amount, written = scope.fees[name]
        quantity = parse_quantity(written)
        kind = NumberType(dimension=quantity.dimension)
        node = op.Constant(value=amount, shape=Shape.SCALAR, type=kind, span=reference.span)
        return Typed(operation=scope.arena.add(node), shape=Shape.SCALAR, type=kind)
    missing = len(reference.parts) == 2 and reference.parts[1].text == "fee"
    if missing and name in scope.unsound:
        return None
    scope.reporter.error(
        "E0203",
        f"the service `{name}` has no fee" if missing else f"`{reference.text}` is not known",
        reference.span,
        notes=(f"give it one: `service {name} {{ fee 1000 EUR per month }}`",)
        if missing
        else (f"of a service, `{name}.fee` can be used",),
    )
    return None


def goal_state(
    scope: Scope, goals: Mapping[str, tuple[str, ...] | None], state: surface.GoalState
) -> Typed | None:
    """A goal's verdicts as a condition; None and an error where they cannot be one."""
    word = state.goal.parts[0]
    if len(state.goal.parts) != 1 or not scope.find("goal", word, goals):
        return None
    count, of_last = 1, 1
    if state.count is not None and state.of_last is not None:
        count, of_last = int(Fraction(state.count.text)), int(Fraction(state.of_last.text))
        if not 1 <= count <= of_last:
            scope.reporter.error(
                "E0603",
                f"{state.count.text} of the last {state.of_last.text} can never come true"
                if count > of_last
                else "at least 1 is needed here",
                state.count.span,
            )
            return None
    if state.verdict not in ("met", "violated"):
        scope.reporter.error(
            "E0604",
            f"`{state.verdict}` is said of a window that is still open; a rule looks at final verdicts",
            state.span,
            suggestion=None,
            notes=("use `violated` or `met`",),
        )
        return None
    by = goals[word.text]
    if by is None:
        return None
    node = op.VerdictState(
        goal=word.text,
        verdict=state.verdict,
        count=count,
        of_last=of_last,
        shape=Shape.SIGNAL,
        type=BooleanType(),
        span=state.span,
    )
    return Typed(operation=scope.arena.add(node), shape=Shape.SIGNAL, type=BooleanType(), by=by)
