"""Whether a store is what it says: its chains, what its verdicts rest on; verdicts and ledger, computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from attrs import define, evolve, field, frozen

from wsla.daemon.reigns import Reign, successions
from wsla.daemon.retention import reach
from wsla.plan.build import build_plan
from wsla.remedies.corrections import ADJUSTMENT
from wsla.remedies.decisions import LedgerEntry
from wsla.remedies.identity import said_of
from wsla.reporting.rebooking import Booked, differing_entries
from wsla.reporting.stored import EARLIEST, LATEST, in_force
from wsla.reporting.verdicts import labels_text
from wsla.store.chain import ALONE, ENTRY, KINDS, ROOT, START, VERDICT, Link, root_of, sha256_of, version_in
from wsla.store.evidence import Evidence
from wsla.values.instants import Interval, format_instant

if TYPE_CHECKING:
    from wsla.api import Agreement
    from wsla.evaluation.verdicts import Judgement, Labels
    from wsla.remedies.decisions import Decision
    from wsla.store.records import AgreementVersion
    from wsla.store.sqlite import Store
    from wsla.values.observations import Observation

FEW: Final = 1_000
"""Observations up to which the reference judges, which is slow and plain; the engine of columns does the rest."""
_STEP: Final = 2_000
_MOST_KNOWN: Final = 4_096

Advance = Callable[[int, int, int], None]
"""Is told how much is done, how much there is, and how many rows that were."""


@frozen(kw_only=True)
class Finding:
    """Something that is not as it should be. ``link`` is the number of the link of the chain, where it is about one;
    ``since`` the start of the window, where it rests on the observations in one."""

    what: str
    link: int | None = None
    since: int | None = None


@define(kw_only=True)
class Verified:
    """What was found of an agreement.

    ``links`` and ``digest`` are the end of its chain; ``judged`` counts the verdicts that were judged again, by
    ``engines``, ``booked`` the ledger entries that were computed again with them, ``left`` the verdicts that rest on
    observations that are no longer kept, or on a text that this wsla does not accept any more.
    """

    title: str
    links: int = 0
    digest: str = START
    evidence: int = 0
    judged: int = 0
    booked: int = 0
    left: int = 0
    engines: set[str] = field(factory=set)
    findings: list[Finding] = field(factory=list)

    def found(self, what: str, link: int | None = None, since: int | None = None) -> None:
        """Notes a finding."""
        self.findings.append(Finding(what=what, link=link, since=since))


def verify_agreement(store: Store, key: str, advance: Advance, *, anew: bool = True) -> Verified:
    """Looks at everything that is stored of an agreement; judges ``anew`` what was judged. Raises StoreError."""
    result = Verified(title=key)
    observations = store.count_observations(key)
    # A daemon may be writing: the chain and what it is of are read as of one moment.
    with store.at_once():
        links = list(store.links(key))
        said = _check_chain(store, key, links, result)
    if links:
        result.links, result.digest = links[-1].number, links[-1].digest
    whole = 2 * observations + result.links
    done = 0

    def step(rows: int) -> None:
        nonlocal done
        done += rows
        advance(min(done, whole), whole, done)

    far = _bound(store, key)
    _check_evidence(store, key, links, far, result, step)
    if anew:
        _check_verdicts(store, key, said, far, result, step)
    # And it may have rolled observations up meanwhile, which says nothing against what rested on them.
    far = _bound(store, key)
    result.findings = [one for one in result.findings if one.since is None or one.since >= far]
    result.findings.sort(key=lambda one: (one.link is None, one.link or 0))
    return result


def compare_chains(store: Store, other: Store, key: str, result: Verified) -> None:
    """Notes the first link from which two stores tell different stories of an agreement; one may tell more of it."""
    ours, theirs = store.links(key), other.links(key)
    for own in ours:
        their = next(theirs, None)
        if their is None:
            return
        if own.digest != their.digest:
            result.found(f"here it is {_named(own)}, there {_named(their)}", own.number)
            return


def compare_end(store: Store, key: str, end: Mapping[str, Any], result: Verified) -> None:
    """Notes where the chain does not hold the end that somebody noted earlier: ``links`` and ``digest``."""
    number, digest = end["links"], end["digest"]
    if number > result.links:
        result.found(f"the other tells of {number} links, here there are {result.links}")
        return
    link = next(store.links(key, number - 1), None)
    if number and (link is None or link.digest != digest):
        result.found("the chain up to here is not the one that the other tells of", number)


def compare_report(
    store: Store, key: str, report: Mapping[str, Any], agreement: Agreement, result: Verified
) -> None:
    """Notes each final verdict of a report (``wsla report --format json``) that the store does not hold."""
    from wsla.reporting.verdicts import judgement_value

    stored = [
        *store.judgements(key, EARLIEST, LATEST, final_only=True),
        *(x for _, x in store.corrections(key)),
    ]
    known = {
        _identity(value): value
        for one in stored
        if one.goal in agreement.goals
        for value in (judgement_value(agreement.plan, one),)
    }
    for goal in report["goals"]:
        for told in goal["windows"]:
            if not told["final"]:
                continue
            own = known.get(_identity(told))
            if own is None or (own["verdict"], own["value"]) != (told["verdict"], told["value"]):
                here = "none" if own is None else own["verdict"]
                result.found(
                    f"the other reports {told['goal']} {told['verdict']} in {told['window']}; here it is {here}"
                )


def _identity(value: Mapping[str, Any]) -> tuple[object, ...]:
    return value["goal"], tuple(sorted(value["labels"].items())), value["start"], value["end"]


def _named(link: Link) -> str:
    if link.kind != VERDICT:
        return f"{link.kind} {link.subject}".strip()
    from wsla.store.codecs import load_json

    goal, labels, start, end = load_json(link.subject)
    pairs = tuple((name, value) for name, value in load_json(labels))
    return f"verdict {_of_goal(goal, pairs)} in {_window(start, end)}"


def _of_goal(goal: str, labels: Labels) -> str:
    return " ".join(filter(None, (goal, labels_text(labels))))


@frozen
class _Judged:
    """A final judgement, the number of its link, and the version that took the window over, where one did."""

    link: int | None
    judgement: Judgement
    version: int | None


@frozen
class _Said:
    """The final judgements, and the entries without those of corrections, which
    follow from observations that came too late.

    Everything that was said of the time up to ``until`` is among them.
    """

    judgements: list[_Judged]
    entries: list[Booked]
    until: int


def _check_chain(store: Store, key: str, links: list[Link], result: Verified) -> _Said:
    """Every link and every record; and what was said."""
    from wsla.store.codecs import load_entry, load_json, load_judgement

    records = {kind: dict(store.records(key, kind)) for kind in KINDS}
    named: dict[str, set[str]] = {kind: set() for kind in KINDS}
    numbers: dict[tuple[str, str], int] = {}
    previous = START
    for number, link in enumerate(links, 1):
        if link.number != number or not link.follows(previous):
            result.found(f"{_named(link)}: the link was altered, or one before it is missing", link.number)
        previous = link.digest
        if link.kind in ALONE:
            content: str | None = link.subject
        elif link.kind == ROOT:
            continue
        else:
            content = records.get(link.kind, {}).get(link.subject)
            named[link.kind].add(link.subject)
        if content is None:
            result.found(f"{_named(link)} is missing", link.number)
        elif sha256_of(content) != link.sha256:
            result.found(f"{_named(link)} is not what was stored", link.number)
        numbers[link.kind, link.subject] = link.number
    before = {
        kind: [(subject, content) for subject, content in found.items() if subject not in named[kind]]
        for kind, found in records.items()
    }
    root = next((link for link in links if link.kind == ROOT), None)
    if root is not None and sha256_of(root_of(before)) != root.sha256:
        result.found("what was stored before the chain began is not what it was then", root.number)
    if root is None:
        for kind, found in before.items():
            for subject, _ in found:
                result.found(f"{kind} {subject} is in no link of the chain")
    entries = (
        Booked(link=numbers.get((ENTRY, subject)), entry=load_entry(content))
        for subject, content in records[ENTRY].items()
    )
    until = store.snapshot_at(key)
    return _Said(
        [
            _Judged(
                numbers.get((VERDICT, subject)), load_judgement(content), version_in(load_json(subject)[0])
            )
            for subject, content in records[VERDICT].items()
        ],
        [one for one in entries if one.entry.kind != ADJUSTMENT],
        EARLIEST if until is None else until,
    )


def _bound(store: Store, key: str) -> int:
    """The instant from which windows begin that rest on nothing but what is kept."""
    kept_from = store.kept_from(key)
    if kept_from is None:
        return EARLIEST
    reaches = [
        reach(agreement.plan) for version in store.agreement_history(key) if (agreement := in_force(version))
    ]
    return kept_from + max((far for far in reaches if far is not None), default=0)


def _check_evidence(
    store: Store, key: str, links: list[Link], far: int, result: Verified, step: Callable[[int], None]
) -> None:
    from wsla.store.codecs import load_json

    hours = store.digest_hours(key, step)
    # Verdicts of many label combinations rest on the same.
    known: dict[tuple[tuple[str, ...], int, int], Evidence] = {}
    for link in links:
        step(1)
        if link.kind != VERDICT or link.evidence is None:
            continue
        _, _, start, end = load_json(link.subject)
        if start < far:
            continue
        told = Evidence.load(link.evidence)
        rests_on = (told.sources, start, end)
        if rests_on not in known:
            if len(known) >= _MOST_KNOWN:
                known.clear()
            known[rests_on] = store.evidence(key, told.sources, Interval(start, end), hours)
        found = known[rests_on]
        result.evidence += 1
        if found != told:
            result.found(
                f"{_named(link)} rested on {told.observations} observations "
                f"({told.sha256[:12]}…); stored are {found.observations} ({found.sha256[:12]}…)",
                link.number,
                start,
            )


def _check_verdicts(
    store: Store,
    key: str,
    said: _Said,
    far: int,
    result: Verified,
    step: Callable[[int], None],
) -> None:
    waiting, entries = said.judgements, said.entries
    for ours in _owners(store.agreement_history(key)):
        own = [found for found in waiting if ours.judged(found)]
        waiting = [found for found in waiting if not ours.judged(found)]
        kept = [found for found in own if found.judgement.window.start >= far]
        result.left += len(own) - len(kept)
        booked = [one for one in entries if ours.booked(one.entry)]
        entries = [one for one in entries if not ours.booked(one.entry)]
        booked = [one for one in booked if one.entry.window.start >= far]
        if kept or booked:
            switch = ours.reign.switch
            until = said.until if switch is None else min(said.until, switch)
            _judge_again(store, key, ours, _Said(kept, booked, until), far, result, step)
    result.left += len(waiting)


@frozen
class _Own:
    """Tells what a version has said while it judged: of windows that begin at ``since`` or later, and before
    ``before``, where these are not None."""

    reign: Reign
    agreement: Agreement
    since: int | None = None
    before: int | None = None
    may_take_over: bool = False

    def judged(self, said: _Judged) -> bool:
        judgement = said.judgement
        if said.version is not None and said.version != self.agreement.version:
            return False
        took_over = self.may_take_over and judgement.window.start < self.agreement.plan.effective_start
        whose = took_over == (said.version is not None)
        return whose and self._is_own(judgement.goal, judgement.window) and self._begins(judgement.window)

    def booked(self, entry: LedgerEntry) -> bool:
        said = said_of(entry.id)
        own = said is None or said.version == self.agreement.version
        begins = entry.cause not in self.agreement.goals or self._begins(entry.window)
        return own and begins and self._is_own(entry.cause, entry.window)

    def _is_own(self, goal: str, window: Interval) -> bool:
        plan, switch = self.agreement.plan, self.reign.switch
        known = goal in self.agreement.goals or any(rule.name == goal for rule in plan.rules)
        ended = switch is None or window.end + plan.grace <= switch
        return known and window.end > self.reign.start and ended

    def _begins(self, window: Interval) -> bool:
        in_time = self.since is None or window.start >= self.since
        return in_time and (self.before is None or window.start < self.before)


def _owners(history: Sequence[AgreementVersion]) -> Iterator[_Own]:
    for group in successions(history):
        plans = [one.agreement.plan for one in group if one.agreement is not None]
        for reign in group:
            if reign.agreement is None:
                continue
            later = [plan.effective_start for plan in plans if plan.version > reign.version.version]
            takes_over = reign.agreement.checked.takes_over and plans[0].version < reign.version.version
            before = min(later, default=None)
            yield _Own(reign, reign.agreement, before=before, may_take_over=takes_over)
            if reign.taken_over_at is not None:
                # As it was before an amendment came that had taken effect by then.
                plan = evolve(
                    build_plan(reign.agreement.checked), judges_from=reign.agreement.plan.judges_from
                )
                earlier = evolve(reign.agreement, plan=plan)
                yield _Own(
                    evolve(reign, agreement=earlier, switch=reign.taken_over_at), earlier, since=before
                )


def _judge_again(
    store: Store,
    key: str,
    ours: _Own,
    said: _Said,
    far: int,
    result: Verified,
    step: Callable[[int], None],
) -> None:
    reign, agreement = ours.reign, ours.agreement
    start = max(reign.start, store.kept_from(key) or reign.start)
    windows = [one.judgement.window for one in said.judgements] + [one.entry.window for one in said.entries]
    # An outage ends with a sample at its very end, which is known a moment later.
    until = max(said.until, *(window.end + 1 for window in windows))
    # An amendment knows what was observed last before it took effect.
    since = agreement.plan.effective_start if agreement.plan.judges_from is None else EARLIEST
    stored = store.observations(key, since, until, late=False)
    observations = _counted((own for one in stored if (own := reign.own(one)) is not None), step)
    engine, found, decisions = _judged(agreement, observations, start, until)
    result.engines.add(engine)
    result.booked += len(said.entries)
    entries = [one for one in decisions if isinstance(one, LedgerEntry) and ours.booked(one)]
    for what, link, since in differing_entries(agreement, said.entries, entries, far, said.until):
        result.found(what, link, since)
    again = {(one.goal, one.labels, one.window): one for one in found}
    for number, one in ((one.link, one.judgement) for one in said.judgements):
        result.judged += 1
        now = again.get((one.goal, one.labels, one.window))
        if now is None or evolve(now, final=True, amounts=()) != evolve(one, final=True, amounts=()):
            verdict = "no verdict" if now is None else now.verdict.value
            same = now is not None and now.verdict is one.verdict
            window = _window(one.window.start, one.window.end)
            result.found(
                f"verdict {_of_goal(one.goal, one.labels)} in {window} was said to be "
                f"{one.verdict.value}; the stored observations give {verdict}{' by another value' if same else ''}",
                number,
                one.window.start,
            )


def _judged(
    agreement: Agreement, observations: Iterator[Observation], start: int, until: int
) -> tuple[str, Sequence[Judgement], Sequence[Decision]]:
    """The engine that judged, what it found, and what follows; not the one that the daemon runs, where there is
    another."""
    from wsla.api import judge, judge_columns
    from wsla.evaluation.reference import evaluate
    from wsla.remedies.decider import decide

    first = list(islice(observations, FEW + 1))
    if len(first) <= FEW:
        outcome = evaluate(agreement.plan, first, start, until)
        return "reference", outcome.judgements, decide(agreement.plan, outcome)
    everything = chain(first, observations)
    if find_spec("numpy") is not None:
        report = judge_columns(agreement, (), start, until, everything)
        return "columns", report.judgements, report.decisions
    report = judge(agreement, everything, start, until)
    return "stream", report.judgements, report.decisions


def _counted(observations: Iterator[Observation], step: Callable[[int], None]) -> Iterator[Observation]:
    count = 0
    for observation in observations:
        yield observation
        count += 1
        if count == _STEP:
            step(count)
            count = 0
    step(count)


def _window(start: int, end: int) -> str:
    return f"{format_instant(start)}..{format_instant(end)}"
