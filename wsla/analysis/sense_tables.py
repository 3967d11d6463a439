"""Tables: lines that nothing reaches, lines that claim the same value, values without a line."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from attrs import frozen

from wsla.analysis import operations as op
from wsla.analysis.reporter import Reporter
from wsla.analysis.rows import Row, WrittenTable, fits, fixed
from wsla.analysis.scope import Scope
from wsla.analysis.sense_points import Point, domain_of, points, runs, shown_points
from wsla.diagnostics.diagnostic import Related
from wsla.values.records import Record

Comparisons = tuple[tuple[str, Fraction], ...]


@frozen(kw_only=True, eq=False, repr=False)
class Lines(Record):
    """A table whose bounds are all fixed: for each row what it asks, and the points of the table's metric."""

    table: WrittenTable
    rows: tuple[tuple[Row, Comparisons], ...]
    points: tuple[Point, ...]

    def taken_by(self, row: Comparisons) -> frozenset[Point]:
        """The points that a row claims, whatever stands before it."""
        return frozenset(point for point in self.points if fits(row, point.value))

    def without_a_line(self) -> frozenset[Point]:
        """The points that no row claims."""
        claimed = [self.taken_by(asked) for _, asked in self.rows]
        return frozenset(self.points).difference(*claimed)


def lines_of(operations: Sequence[op.Operation], table: WrittenTable) -> Lines | None:
    """A table of numbers with fixed bounds; None for any other."""
    rows: list[tuple[Row, Comparisons]] = []
    for row in table.rows:
        asked = [(sign, fixed(operations, bound)) for sign, bound in row.comparisons]
        if any(bound is None for _, bound in asked):
            return None
        rows.append((row, tuple((sign, bound) for sign, bound in asked if bound is not None)))
    if not rows:
        return None
    found = {bound for _, asked in rows for _, bound in asked}
    domain = domain_of(operations, table.subject)
    return Lines(table=table, rows=tuple(rows), points=points(found, domain))


def check_tables(scope: Scope, operations: Sequence[op.Operation], credits: frozenset[int]) -> None:
    """Every table of the agreement. Of those that credit for a goal (``credits``: their operations), the gaps are
    looked at with their goal.
    """
    for table in scope.tables:
        lines = lines_of(operations, table)
        if lines is None:
            continue
        _unreachable(scope.reporter, lines)
        _overlaps(scope.reporter, operations, lines)
        if table.operation not in credits and table.otherwise is None:
            gaps = lines.without_a_line()
            marked = [(point, point in gaps) for point in lines.points]
            for run in runs(marked)[:1]:
                say_nothing(scope.reporter, operations, table, run)


def say_nothing(
    reporter: Reporter, operations: Sequence[op.Operation], table: WrittenTable, run: Sequence[Point]
) -> None:
    """The error for values without a line."""
    where = shown_points(run, operations[table.subject].type)
    point = run[0].exact and len(run) == 1
    reporter.error(
        "E0403",
        f"this table says nothing for {'' if point else 'values '}{where}",
        table.span,
        notes=(
            "write `>=` or `<=` in one of the lines beside it, or settle it: `ties go to PARTY`"
            if point
            else "add a line `else: …` or a line for them",
        ),
    )


def _unreachable(reporter: Reporter, lines: Lines) -> None:
    taken: frozenset[Point] = frozenset()
    for number, (row, asked) in enumerate(lines.rows):
        own = lines.taken_by(asked)
        if own and own <= taken:
            alone = [
                (one, known)
                for one, known in lines.rows[:number]
                if own <= lines.taken_by(known) and own != frozenset()
            ]
            text = (
                "this line takes every such value" if alone else "with the lines before it, no value is left"
            )
            span = alone[0][0].span if alone else lines.rows[number - 1][0].span
            reporter.error(
                "E0402",
                "this line can never be reached",
                row.span,
                related=(Related(span=span, text=text),),
                notes=("the first line that fits wins: put the narrower one first",),
            )
        elif not own:
            reporter.error("E0402", "this line can never be reached: there is no such value", row.span)
        taken |= own
    if lines.table.otherwise_span is not None and taken >= frozenset(lines.points):
        reporter.error(
            "E0402",
            "this line can never be reached: the lines before it take every value",
            lines.table.otherwise_span,
        )


def _overlaps(reporter: Reporter, operations: Sequence[op.Operation], lines: Lines) -> None:
    """Two lines of which each claims values that the other claims too, and values of its own."""
    kind = operations[lines.table.subject].type
    taken: frozenset[Point] = frozenset()
    for number, (row, asked) in enumerate(lines.rows):
        own = lines.taken_by(asked)
        unreachable = own <= taken
        taken |= own
        if unreachable:
            continue
        for before, known in lines.rows[:number]:
            other = lines.taken_by(known)
            both = [point for point in lines.points if point in own and point in other]
            if not both or own <= other or other <= own or row.value == before.value:
                continue
            single = len(both) == 1 and both[0].exact
            if single and lines.table.ties is not None:
                continue
            reporter.error(
                "E0407",
                f"two lines claim {shown_points(both, kind)}",
                row.span,
                label="this line",
                related=(Related(span=before.span, text="and this one"),),
                notes=(
                    ("write `<` or `>` in one of them, or settle it: `ties go to PARTY`",)
                    if single
                    else ("let each value stand in one line",)
                ),
            )
            break
