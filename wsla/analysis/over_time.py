"""What functions over time can be told besides: a condition that cuts time out, and outages too short to count."""

from __future__ import annotations

from attrs import evolve

from wsla.analysis import operations as op
from wsla.analysis.arena import Typed
from wsla.analysis.functions import FUNCTIONS, Function, Look
from wsla.analysis.modifiers import Context, Cut, duration
from wsla.analysis.reporter import nearest, replace
from wsla.analysis.scope import Scope
from wsla.analysis.types import Shape
from wsla.syntax import surface
from wsla.values.calendars import ExactWindow, OverlappingWindow, RollingWindow
from wsla.values.instants import format_length

FORGIVING = "forgiving"
_EXAMPLE = "`forgiving outages under 5m` or `forgiving outages up to 5m`"
_ABLE = ("availability", "duration", "downtime", "outages")


def condition_of(
    scope: Scope, call: surface.Call, function: Function, context: Context
) -> tuple[surface.Expression | None, bool]:
    """The condition of a call: its ``where``, and conditions by which time is cut. False where these cannot be."""
    found = call.where
    for cut in context.cuts:
        if function.look is not Look.TIME:
            refuse_cut(scope, cut, function.name, f"{function.name}(… where {_said(cut)})")
            return None, False
        found = cut.condition if found is None else _both(found, cut)
    return found, True


def refuse_cut(scope: Scope, cut: Cut, name: str, instead: str) -> None:
    """An error for a condition that cuts time where no time is looked at; ``instead`` is what can be written."""
    scope.reporter.error(
        "E0330",
        f"`{cut.text}` cuts time by a condition, and `{name}` does not look at time",
        cut.span,
        notes=(f"write `{instead}`",),
    )


def _said(cut: Cut) -> str:
    return f"not {cut.word.text}" if cut.excluded else cut.word.text


def _both(where: surface.Expression, cut: Cut) -> surface.Expression:
    return surface.Binary(operator="and", left=where, right=cut.condition, span=where.span)


def cut_by(
    scope: Scope, function: Function, argument: Typed, where: Typed, written: surface.Expression
) -> Typed | None:
    """The argument of a function over time with the labels and sources of its condition too (M50)."""
    if where.shape is not Shape.SIGNAL:
        what = {
            Shape.SCALAR: "never changes",
            Shape.RECORDS: "is one value a record",
            Shape.SERIES: "is one value a window",
        }[where.shape]
        scope.reporter.error(
            "E0331",
            f"`{function.name}` looks at time, and the condition that cuts it {what}",
            written.span,
            notes=("time is cut by what is measured all the time, such as `where probe.ok`",),
        )
        return None
    if argument.by and where.by and set(argument.by) != set(where.by):
        scope.reporter.error(
            "E0313",
            f"this is told apart by {', '.join(where.by)}, and what `{function.name}` looks at by "
            f"{', '.join(argument.by)}",
            written.span,
        )
        return None
    return evolve(argument, by=argument.by or where.by, sources=argument.sources | where.sources)


def misplaced(scope: Scope, call: surface.Call) -> bool:
    """True, and an error, where ``forgiving`` stands alone among the arguments, or in a function without windows."""
    for argument in call.arguments:
        if isinstance(argument, surface.Reference) and argument.text == FORGIVING:
            if FORGIVING in scope.declared:
                return False
            scope.reporter.error(
                "E0333", f"`forgiving` needs to know what: {_EXAMPLE}", argument.span, label="not complete"
            )
            return True
    return False


def without_forgiving(scope: Scope, call: surface.Call) -> bool:
    """True where a call that cannot forgive anything does not; else an error."""
    if call.forgiving is None:
        return True
    _refuse(scope, call.forgiving, f"`{call.function.text}` does not look at outages", ())
    return False


def forgiving_of(
    scope: Scope, call: surface.Call, function: Function, argument: Typed | None
) -> tuple[op.Forgiving | None, bool]:
    """Which outages a call forgives (M52, M53); False, and an error, where that cannot be."""
    written = call.forgiving
    if written is None:
        return None, True
    name = function.name
    if function.look is Look.TIME:
        if name not in _ABLE:
            reason = "looks at the longest stretch alone" if name == "longest" else "does not look at outages"
            notes = (f"outages are forgiven in {_listed(_ABLE)}, and in `share(…)` of windows",)
            _refuse(scope, written, f"`{name}` {reason}", notes)
            return None, False
        return _read(scope, written)
    if name != "share" or argument is None or argument.shape is not Shape.SERIES:
        what = "of samples or records " if name == "share" else ""
        _refuse(
            scope,
            written,
            f"`{name}` {what}looks at values one by one, which have no length",
            (f"outages are forgiven in {_listed(_ABLE)}, and in `share(…)` of windows",),
        )
        return None, False
    if isinstance(argument.window, RollingWindow | OverlappingWindow):
        _refuse(
            scope,
            written,
            "these windows overlap, so that they do not follow one another",
            ("look at windows that stand side by side, such as `each 1m`",),
        )
        return None, False
    if isinstance(argument.window, op.OutageWindow):
        _refuse(
            scope,
            written,
            "outages do not follow one another without a gap",
            ("look at windows that stand side by side, such as `each 1m`",),
        )
        return None, False
    forgiving, fine = _read(scope, written)
    if forgiving is not None and isinstance(argument.window, ExactWindow):
        size = argument.window.length_ns
        if forgiving.counts(size):
            scope.reporter.error(
                "E0334",
                f"this forgives nothing: each window is {format_length(size)} long",
                written.span,
                notes=("a run of bad windows is as long as all of them together",),
            )
            return None, False
    return forgiving, fine


def _refuse(scope: Scope, written: surface.Forgiving, reason: str, notes: tuple[str, ...]) -> None:
    scope.reporter.error("E0332", f"nothing can be forgiven here: {reason}", written.span, notes=notes)


def _read(scope: Scope, written: surface.Forgiving) -> tuple[op.Forgiving | None, bool]:
    wanted = [(FORGIVING,), ("outages",), ("under", "up")]
    for word, choices in zip(written.words, wanted, strict=False):
        if word.text not in choices:
            near = nearest(word.text, choices)
            scope.reporter.error(
                "E0333",
                f"`{word.text}` cannot stand here: write {_EXAMPLE}",
                word.span,
                suggestion=replace(word.span, near) if near else None,
            )
            return None, False
    strictly = written.words[2].text == "under"
    if strictly == (len(written.words) > len(wanted)):
        last = written.words[-1]
        scope.reporter.error(
            "E0333",
            f"it is said {_EXAMPLE}",
            last.span,
            suggestion=replace(written.words[2].span.to(last.span), "under" if strictly else "up to"),
        )
        return None, False
    length = duration(scope, written.length, "`forgiving outages`")
    return (None if length is None else op.Forgiving(length=length, strictly=strictly)), length is not None


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}(…)`" for name in names if name in FUNCTIONS)
