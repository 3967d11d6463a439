"""A document of declarations becomes checked agreements, or a list of everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve, frozen

from wsla.analysis.amendments import Version, check_versions
from wsla.analysis.checked import Cap, CheckedAgreement, Example, Goal, Recurring, RecurringKind, Rule
from wsla.analysis.expressions import ExpressionChecker
from wsla.analysis.goals import GoalChecker
from wsla.analysis.heads import check_head, check_party, check_schedule, check_service, check_unit
from wsla.analysis.recurring import check_recurring
from wsla.analysis.reporter import Reporter
from wsla.analysis.scope import Scope
from wsla.analysis.sense import check_sense
from wsla.analysis.sense_all import check_meaning
from wsla.analysis.sources import check_source
from wsla.analysis.standing import check_standing
from wsla.diagnostics.assembled import AssembledText, merged
from wsla.diagnostics.diagnostic import Diagnostic, has_errors
from wsla.diagnostics.source import SourceText, Span
from wsla.syntax import surface
from wsla.syntax.parse import NAMELESS, parse, without_collector
from wsla.values.records import Record


def check_text(source: SourceText) -> tuple[tuple[CheckedAgreement, ...], tuple[Diagnostic, ...]]:
    """Parses and checks a text: its agreements without errors, and all diagnostics in the order of the text."""
    agreements, diagnostics, _ = check_assembled(source)
    return agreements, diagnostics


def check_assembled(
    source: SourceText,
) -> tuple[tuple[CheckedAgreement, ...], tuple[Diagnostic, ...], SourceText]:
    """As ``check_text``; the third is the text that places in the agreements are in, templates in place of uses."""
    result = _check_source(source)
    return result.agreements, result.diagnostics, result.source


def check_together(sources: Iterable[SourceText]) -> tuple[Diagnostic, ...]:
    """All diagnostics of several texts, those too that only show where versions of one agreement meet."""
    results = [_check_source(source) for source in sources]
    found = [one for result in results for one in result.diagnostics]
    across = check_versions(version for result in results for version in result.versions)
    known = {(one.code, one.source.name, one.span) for one in found}
    return *found, *(one for one in across if (one.code, one.source.name, one.span) not in known)


def _check_source(source: SourceText) -> _Result:
    with without_collector():
        document, problems = parse(source)
        result = _check(document, source, has_errors(problems))

    def place(diagnostic: Diagnostic) -> tuple[bool, str, int, str]:
        other = diagnostic.source.name != source.name
        return other, diagnostic.source.name if other else "", diagnostic.span.start, diagnostic.code

    return evolve(result, diagnostics=tuple(sorted((*problems, *result.diagnostics), key=place)))


@frozen(kw_only=True, eq=False, repr=False)
class _Result(Record):
    """What came of a text; ``source`` is the one that places in the agreements are in."""

    agreements: tuple[CheckedAgreement, ...]
    versions: tuple[Version, ...]
    diagnostics: tuple[Diagnostic, ...]
    source: SourceText


def check(
    document: surface.Document, source: SourceText, *, broken: bool = False
) -> tuple[tuple[CheckedAgreement, ...], tuple[Diagnostic, ...]]:
    """Checks every agreement of a document with the tests that follow it.

    ``broken`` is True where parts of the text could not be read; then no agreement comes out, but all else is checked.
    """
    result = _check(document, source, broken)
    return result.agreements, result.diagnostics


def _check(document: surface.Document, source: SourceText, broken: bool) -> _Result:
    missing: frozenset[str] = frozenset()
    problems: tuple[Diagnostic, ...] = ()
    if _shares(document):
        from wsla.analysis.reuse.expansion import expand
        from wsla.analysis.reuse.library import collect

        library, problems = collect(document, source)
        expanded = expand(document, source, library)
        document, source, missing = expanded.document, expanded.source, expanded.missing
        problems += expanded.diagnostics
        broken = broken or has_errors(problems)
    reporter = Reporter(source)
    versions = _agreements(document, missing, reporter, broken)
    reporter.diagnostics += check_versions(versions)
    agreements = tuple(version.checked for version in versions)
    found: tuple[Diagnostic, ...] = tuple(reporter.diagnostics)
    if isinstance(source, AssembledText):
        found = merged(source.told(one) for one in found)
    if broken or has_errors(found):
        agreements = ()
    return _Result(agreements=agreements, versions=versions, diagnostics=(*problems, *found), source=source)


def _shares(document: surface.Document) -> bool:
    """True where the text imports, is imported for its templates, or uses one."""
    if any(keyword in ("template", "import") for keyword, _ in document.broken_names):
        return True
    for item in document.items:
        match item:
            case surface.Agreement():
                if any(isinstance(declaration, surface.Use) for declaration in item.declarations):
                    return True
            case surface.Import() | surface.Template():
                return True
            case _:
                pass
    return False


def _agreements(
    document: surface.Document, missing: frozenset[str], reporter: Reporter, broken: bool
) -> tuple[Version, ...]:
    agreements: list[Version] = []
    groups: list[tuple[surface.Agreement, list[surface.Test]]] = []
    shared = False
    for item in document.items:
        if isinstance(item, surface.Agreement):
            groups.append((item, []))
        elif isinstance(item, surface.Import | surface.Template):
            shared = True
        elif groups:
            groups[-1][1].append(item)
        else:
            reporter.error("E0805", "this test stands before any agreement", item.title.span)
    if not groups and not broken and not shared:
        reporter.error(
            "E0120",
            "there is no agreement in this file",
            Span(0, 0),
            notes=('an agreement begins with `agreement "Title" version 1 {`',),
        )
    names = frozenset(name for _, name in document.broken_names)
    keywords = frozenset(keyword for keyword, _ in document.broken_names)
    for agreement, tests in groups:
        checked = _agreement(reporter, agreement, tests, missing | names | keywords, broken)
        if checked is not None:
            agreements.append(Version(written=agreement, checked=checked, source=reporter.source))
    return tuple(agreements)


def _agreement(
    reporter: Reporter,
    agreement: surface.Agreement,
    tests: list[surface.Test],
    broken_names: frozenset[str],
    broken: bool,
) -> CheckedAgreement | None:
    scope = Scope(reporter, broken_names)
    reporter.broken, reporter.nameless = broken, NAMELESS in broken_names
    before = len(reporter.diagnostics)
    check_head(scope, agreement)
    _declare_heads(scope, agreement)
    expressions = ExpressionChecker(scope)
    for declaration in agreement.declarations:
        if isinstance(declaration, surface.Metric) and scope.declare("metric", declaration.name):
            expressions.metrics[declaration.name.text] = declaration
        elif isinstance(declaration, surface.Goal):
            expressions.promises.setdefault(declaration.name.text, declaration)
    goal_checker = GoalChecker(scope, expressions)
    goals, rules, caps = _obligations(scope, agreement, expressions, goal_checker)
    recurring = _recurring(scope, agreement, goal_checker)
    examples: tuple[Example, ...] = ()
    if tests:
        from wsla.analysis.examples import ExampleChecker

        examples = tuple(ExampleChecker(scope, expressions, goal_checker).example(test) for test in tests)
    metrics: dict[str, int] = {}
    for name in expressions.metrics:
        value = expressions.metric(name)
        if value is not None:
            metrics[name] = value.operation
    if has_errors(reporter.diagnostics[before:]):
        return None
    term = scope.term
    checked = CheckedAgreement(
        title=agreement.title.value,
        version=int(agreement.version.text.partition(".")[0]),
        kind=term.kind,
        zone=term.zone,
        currency=term.currency,
        effective_start=term.effective_start,
        effective_end=term.effective_end,
        grace=term.grace,
        parties=tuple(scope.parties.values()),
        services=tuple(scope.services.values()),
        schedules=tuple(scope.schedules.values()),
        sources=tuple(entry.finish() for entry in scope.sources.values()),
        operations=scope.arena.settle(),
        metrics=metrics,
        goals=goals,
        rules=rules,
        caps=caps,
        recurring=recurring,
        examples=examples,
        amends=term.amends,
        takes_over=term.takes_over,
    )
    if not broken:
        check_sense(scope, checked)
        check_meaning(scope, checked, agreement)
    return checked


def _declare_heads(scope: Scope, agreement: surface.Agreement) -> None:
    """Parties, services and schedules come first, so that their order in the text does not matter; then sources."""
    for declaration in agreement.declarations:
        match declaration:
            case surface.Unit():
                check_unit(scope, declaration)
            case surface.Party():
                check_party(scope, declaration)
            case surface.Service():
                check_service(scope, declaration)
            case surface.Schedule():
                check_schedule(scope, declaration)
            case _:
                pass
    check_standing(scope, agreement)
    for declaration in agreement.declarations:
        if isinstance(declaration, surface.Source):
            check_source(scope, declaration)


def _recurring(scope: Scope, agreement: surface.Agreement, checker: GoalChecker) -> tuple[Recurring, ...]:
    numbers: dict[RecurringKind, int] = {}
    found = [
        check_recurring(scope, declaration, checker.target, numbers)
        for declaration in agreement.declarations
        if isinstance(declaration, surface.Recurring)
    ]
    return tuple(one for one in found if one is not None)


def _obligations(
    scope: Scope, agreement: surface.Agreement, expressions: ExpressionChecker, checker: GoalChecker
) -> tuple[tuple[Goal, ...], tuple[Rule, ...], tuple[Cap, ...]]:
    conditions = []
    for declaration in agreement.declarations:
        if isinstance(declaration, surface.Goal) and scope.declare("goal", declaration.name):
            condition = checker.condition(declaration)
            expressions.goals[declaration.name.text] = None if condition is None else condition.by
            conditions.append((declaration, condition))
    goals = []
    for declaration, condition in conditions:
        if condition is None:
            scope.find("party", declaration.party, scope.parties)
            continue
        goal = checker.goal(declaration, condition)
        if goal is not None:
            goals.append(goal)
    rules: list[Rule | None] = []
    caps: list[Cap | None] = []
    for declaration in agreement.declarations:
        match declaration:
            case surface.Rule():
                rules.append(checker.rule(declaration, len(rules) + 1))
            case surface.Cap():
                caps.append(checker.cap(declaration, len(caps) + 1))
            case _:
                pass
    return (
        tuple(goals),
        tuple(rule for rule in rules if rule is not None),
        tuple(cap for cap in caps if cap is not None),
    )
