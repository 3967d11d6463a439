"""Whether what was written can be meant: all checks that need the whole agreement, sound as it is."""

from __future__ import annotations

from typing import Final

from wsla.analysis import operations as op
from wsla.analysis.checked import CheckedAgreement
from wsla.analysis.reporter import Reporter
from wsla.analysis.scope import Scope
from wsla.analysis.sense_credits import check_both_ways, check_payment, payments
from wsla.analysis.sense_goals import check_caps, check_conditions, check_pairs, check_parties, check_rules
from wsla.analysis.sense_memory import check_memory
from wsla.analysis.sense_points import promise_of, reachable
from wsla.analysis.sense_sight import check_sight
from wsla.analysis.sense_tables import check_tables
from wsla.analysis.sense_time import check_times
from wsla.syntax import surface

_PAGES: Final = 5
_LINES_OF_A_PAGE: Final = 60
_WIDTH: Final = 100


def check_meaning(scope: Scope, agreement: CheckedAgreement, written: surface.Agreement) -> None:
    """Everything of this file and of those that it names."""
    declared = [one for one in written.declarations if isinstance(one, surface.Goal)]
    goals = list(zip(agreement.goals, declared, strict=True))
    promises = [promise for goal, said in goals if (promise := promise_of(agreement, goal, said)) is not None]
    found = list(payments(agreement, goals))
    paying = {
        position
        for payment in found
        for position in reachable(agreement.operations, payment.credit.amount)
        if _looks_at(agreement.operations, scope, position, payment.promise.subject)
    }
    check_tables(scope, agreement.operations, frozenset(paying))
    for payment in found:
        check_payment(scope, agreement, payment)
    check_both_ways(scope, agreement, found)
    check_conditions(scope.reporter, agreement, goals)
    check_pairs(scope.reporter, agreement, promises, _watched(agreement))
    rules = [one for one in written.declarations if isinstance(one, surface.Rule)]
    check_rules(scope.reporter, agreement, list(zip(agreement.rules, rules, strict=True)))
    caps = [one for one in written.declarations if isinstance(one, surface.Cap)]
    check_caps(scope.reporter, agreement, list(zip(agreement.caps, caps, strict=True)))
    check_parties(scope, agreement)
    check_sight(scope.reporter, agreement, goals, promises)
    check_memory(scope.reporter, agreement)
    check_times(scope, agreement, written)
    _brevity(scope.reporter, written)


def _looks_at(operations: tuple[op.Operation, ...], scope: Scope, position: int, subject: int) -> bool:
    return any(table.operation == position and table.subject == subject for table in scope.tables)


def _watched(agreement: CheckedAgreement) -> frozenset[str]:
    return frozenset(found.goal for found in agreement.operations if isinstance(found, op.VerdictState))


def _brevity(reporter: Reporter, written: surface.Agreement) -> None:
    """An agreement is read by people: its canonical form should not be longer than five pages."""
    from wsla.syntax.formatter import format_document

    most = _PAGES * _LINES_OF_A_PAGE
    text = reporter.source.text[written.span.start : written.span.end]
    if len(text) < most:
        return
    document = surface.Document(items=(written,), comments=())
    printed = format_document(document, reporter.source, reporter.closing_braces())
    lines = sum(max(1, -(-len(line) // _WIDTH)) for line in printed.splitlines())
    if lines > most:
        pages = -(-lines // _LINES_OF_A_PAGE)
        reporter.warning(
            "W0519",
            f"this agreement prints on {pages} pages; who signs it should not have to read more than {_PAGES}",
            written.title.span,
            notes=(f"{lines} lines, {_LINES_OF_A_PAGE} on a page",),
        )
