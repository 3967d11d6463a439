"""The independent judge of a run: reads the store's file, the receivers' logs and what was acknowledged, no more."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Final

from attrs import define, evolve

from wsla.daemon.outbox import REPEATED
from wsla.daemon.reigns import latest, reigns
from wsla.engine import Engine, Output
from wsla.evaluation.reference import evaluate
from wsla.evaluation.stream import JudgementFinal
from wsla.evaluation.verdicts import Judgement
from wsla.plan.model import Plan
from wsla.remedies.corrections import ADJUSTMENT
from wsla.remedies.decider import decide
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.remedies.ledger import balances, positions
from wsla.reporting.stored import EARLIEST, LATEST, in_force
from wsla.reporting.verification import verify_agreement
from wsla.store.finding import Identity
from wsla.store.records import AgreementVersion
from wsla.store.sqlite import Store
from wsla.testing.simulation.calendar import missed_by_calendar, of_calendar, reported_twice
from wsla.testing.simulation.outside import Arrival, Outside
from wsla.testing.simulation.owing import owed_otherwise
from wsla.testing.simulation.people import Acknowledged
from wsla.values.instants import MINUTE
from wsla.values.observations import Observation

_LONGEST_DELAY: Final = 21 * MINUTE
"""Between two attempts: the longest backoff, and what a receiver may ask for on top."""
_TABLES: Final = (
    "agreements", "agreement_texts", "registrations", "streams", "observations", "segments", "judgements", "intents",
    "entries", "outbox", "claims", "corrections", "rollups", "thinned", "chain", "interventions", "withheld",
)  # fmt: skip


@define
class Looked:
    """What was looked at: how much of everything there was, and a digest of all of it."""

    digest: str = ""
    observations: int = 0
    acknowledged: int = 0
    verdicts: int = 0
    entries: int = 0
    intents: int = 0
    arrivals: int = 0
    dead: int = 0


_BY_OTHER_TERMS: Final = (
    "was said to be",
    "follows from no verdict",
    "would be",
    "is owed and was never booked",
)
"""`wsla verify` judges all of a version by the last of its texts, and says so of what other texts gave before."""


@define
class Known:
    """What is known of a run besides its file: when (by the machine's clock) the faults ended, how long deliveries
    are tried and how often at most, what an operator has handled by hand,
    which agreements are kept at the end, what the daemon logged that it should not,
    whether `wsla verify` is to judge everything as well, and whether windows were judged again."""

    healed_at: int
    attempts: int
    deliver_within: int
    handled: set[tuple[str, str]]
    kept: set[str]
    logged: list[str]
    thorough: bool
    corrected: bool


class Checker:
    """Looks at one file. ``problems`` takes a sentence for everything that is not as it should be."""

    def __init__(self, path: str, outside: Outside, known: Known, problems: list[str]) -> None:
        self._path: Final = path
        self._outside: Final = outside
        self._known: Final = known
        self._problems: Final = problems
        self._seen: Final = Looked()
        self._settled = True

    def look(self, acknowledged: Sequence[Acknowledged]) -> Looked:
        """Everything."""
        with Store.open(self._path, writer=False) as store:
            for one in store.agreements():
                self._look_at_agreement(store, one.key)
            self._look_at_acknowledged(store, acknowledged)
            self._look_at_money(store)
            for what, altered in (
                ("entry", store.first_altered_entry()),
                ("claim", store.first_altered_claim()),
            ):
                if altered is not None:
                    self._found(f"the chain of the ledger is broken at the {what} {altered}")
            self._look_at_deliveries(store)
        for what in self._known.logged:
            if self._settled or "what is stored stands" not in what:
                self._found(f"logged: {what}")
        connection = sqlite3.connect(f"{Path(self._path).as_uri()}?mode=ro", uri=True)
        try:
            self._seen.digest = self._digest(connection)
        finally:
            connection.close()
        return self._seen

    def _found(self, what: str) -> None:
        self._problems.append(what)

    # Observations

    def _look_at_acknowledged(self, store: Store, acknowledged: Sequence[Acknowledged]) -> None:
        self._seen.acknowledged = len(acknowledged)
        groups: dict[tuple[str, str], dict[Identity, Acknowledged]] = defaultdict(dict)
        for one in acknowledged:
            groups[one.title, one.source][Identity(one.stream, one.at, one.row)] = one
        for (title, source), wanted in groups.items():
            held = store.held(title, source, wanted)
            for identity, one in wanted.items():
                found = held.get(identity)
                if found is None:
                    self._found(f"an acknowledged observation of {title}.{source} is lost: {identity}")
                elif found.fields is not None and any(
                    found.fields.get(name) != value for name, value in one.fields
                ):
                    self._found(
                        f"an acknowledged observation of {title}.{source} is another now: {identity} {found.fields}"
                    )

    def _look_for_doubles(self, plan: Plan, observations: Iterable[Observation]) -> None:
        labels = {source.name: source.labels for source in plan.sources if not source.records}
        counted = Counter(
            (one.source, one.at, tuple(one.fields.get(name) for name in labels[one.source]))
            for one in observations
            if one.source in labels
        )
        for which, count in counted.items():
            if count > 1:
                self._found(f"an observation is stored {count} times: {which}")

    # Verdicts and decisions

    def _look_at_agreement(self, store: Store, key: str) -> None:
        history = store.agreement_history(key)
        settled = _terms_stand(history)
        self._settled &= settled
        until = store.snapshot_at(key)
        # What is not kept at the end may have ended with a crash: more was said than its state knows.
        kept = key in self._known.kept and store.kept_from(key) is None
        # What was final when an amendment came too late follows from terms that have bounds by now.
        in_time = all(one.taken_over_at is None for one in reigns(history))
        compared = settled and until is not None and kept and in_time
        # What is compared with the reference here need not be compared once more there, but in some runs it is.
        verified = verify_agreement(store, key, lambda *_: None, anew=not compared or self._known.thorough)
        for finding in verified.findings:
            if settled or not any(words in finding.what for words in _BY_OTHER_TERMS):
                self._found(f"verify {key}: {finding.what}")
        agreement = in_force(history[-1])
        stored = list(store.judgements(key, EARLIEST, LATEST, final_only=True))
        self._seen.verdicts += len(stored)
        if agreement is None:
            self._found(f"{key}: the text in force is not accepted")
            return
        plan = agreement.plan
        everything = list(store.observations(key, EARLIEST, LATEST))
        self._seen.observations += len(everything)
        self._look_for_doubles(plan, everything)
        if not compared or until is None:
            return
        if len({one.sha256 for one in history}) == len({one.version for one in history}):
            # Computed anew for another text, an episode may begin at another instant than it did as it was known then.
            self._look_at_episodes(store, key)
        observations = list(store.observations(key, EARLIEST, LATEST, late=False))
        said = {(one.goal, one.labels, one.window): one for one in stored}
        entries = {
            entry.id: entry for _, entry in store.entries(key, EARLIEST, LATEST) if entry.kind != ADJUSTMENT
        }
        decided = [intent for _, intent in store.intents(key, EARLIEST, LATEST)]
        plans = [found.plan for one in history if (found := in_force(one)) is not None]
        by_calendar = of_calendar(plans, decided)
        for what in reported_twice(by_calendar):
            self._found(f"{key}: {what}")
        if len({one.version for one in history}) == 1:
            for what in missed_by_calendar(plan, history, until, by_calendar):
                self._found(f"{key}: {what}")
        intents = {one.id: one for one in decided if one not in by_calendar and not _corrects(one)}
        if any(source.kind == "push" for source in plan.sources):
            # What rules do rests on what was known at that moment, and what is sent may tell otherwise afterwards.
            rules = {rule.name for rule in plan.rules}
            entries = {name: one for name, one in entries.items() if one.cause not in rules}
            intents = {name: one for name, one in intents.items() if one.cause not in rules}
        for reign in reigns(history):
            assert reign.agreement is not None
            self._judge_anew(
                reign.agreement.plan,
                [own for one in observations if (own := reign.own(one)) is not None],
                reign.start,
                until if reign.switch is None else reign.switch,
                said,
                entries,
                intents,
            )
        for leftover in (*said, *entries, *intents):
            self._found(f"{key}: nothing stored gives {leftover}")
        if self._known.corrected and len(latest(history)) == 1:
            for what in owed_otherwise(store, key, agreement, everything):
                self._found(f"{key}: {what}")

    def _judge_anew(
        self,
        plan: Plan,
        everything: Sequence[Observation],
        start: int,
        until: int,
        said: dict[Any, Judgement],
        entries: dict[str, LedgerEntry],
        intents: dict[str, Intent],
    ) -> None:
        """A run without faults over the same observations, and the reference: what it gives has to be there; it is
        taken out."""
        known = {source.name for source in plan.sources}
        sent = any(source.kind == "push" for source in plan.sources)
        rules = {rule.name for rule in plan.rules} if sent else set()
        observations = [one for one in everything if one.source in known and one.at <= until]
        engine = Engine(plan, start)
        outputs: list[Output] = []
        for one in observations:
            outputs.extend(engine.observe(one))
        outputs.extend(engine.advance(until))
        outcome = evaluate(plan, [one for one in observations if one.at < until], start, until)
        judged = {(one.goal, one.labels, one.window): one for one in outcome.judgements}
        by_rules = {
            one.id: one
            for one in decide(plan, outcome)
            if one.cause not in rules
            and (one.window is None or one.window.end + plan.grace <= until or one.id in entries | intents)
        }
        for output in outputs:
            match output:
                case JudgementFinal(judgement=judgement):
                    which = (judgement.goal, judgement.labels, judgement.window)
                    stored = said.pop(which, None)
                    if not _same(stored, judgement):
                        self._found(f"{plan.title}: the verdict of {which} is not {judgement.verdict.value}")
                    if judgement.window.end < until and not _same(judged.get(which), judgement):
                        self._found(f"{plan.title}: the verdict of {which} is another by the rules")
                case LedgerEntry() | Intent() if output.cause in rules:
                    continue
                case LedgerEntry():
                    self._compare("entry", output, entries.pop(output.id, None), by_rules)
                case Intent():
                    self._compare("intent", output, intents.pop(output.id, None), by_rules)
        for identity in by_rules:
            self._found(f"{plan.title}: by the rules there is {identity} too")

    def _compare(
        self,
        what: str,
        expected: LedgerEntry | Intent,
        stored: LedgerEntry | Intent | None,
        by_rules: dict[str, LedgerEntry | Intent],
    ) -> None:
        if stored is None:
            self._found(f"the {what} {expected.id} is not stored")
        elif stored != expected:
            self._found(f"the {what} {expected.id} is {stored}, and should be {expected}")
        ruled = by_rules.pop(expected.id, None)
        if ruled != expected:
            self._found(f"the {what} {expected.id} is {ruled} by the rules, and not {expected}")

    def _look_at_episodes(self, store: Store, key: str) -> None:
        """A rule that has acted acts again only after it has recovered, whatever came late and whoever crashed."""
        recovering = {
            (f"v{version.version}", f"rule {rule.name}")
            for version in store.agreement_history(key)
            if (agreement := in_force(version)) is not None
            for rule in agreement.plan.rules
            if rule.on_recovery
        }
        episodes: dict[tuple[str, str, str], dict[int, dict[str, int]]] = defaultdict(dict)
        for _, intent in store.intents(key, EARLIEST, LATEST):
            _, version, cause, step, _, labels, _ = intent.id.split("|")
            if (version, cause) in recovering and intent.window is not None:
                acts = episodes[version, cause, labels].setdefault(intent.window.start, {})
                acts[step.split()[0]] = intent.at
        for which, found in episodes.items():
            ended = EARLIEST
            for start, acts in sorted(found.items()):
                if "fired" not in acts:
                    self._found(f"{key}: {which} went on at {start} without having begun: {acts}")
                elif acts["fired"] < ended:
                    self._found(f"{key}: {which} began at {start} again before it had recovered")
                ended = acts.get("recovery", LATEST)

    # Money

    def _look_at_money(self, store: Store) -> None:
        booked = [entry for _, entry in store.entries(None, EARLIEST, LATEST)]
        self._seen.entries = len(booked)
        for identity, count in Counter(entry.id for entry in booked).items():
            if count > 1:
                self._found(f"{identity} is booked {count} times")
        for entry in booked:
            if entry.amount <= 0 or entry.debtor == entry.creditor:
                self._found(f"{entry.id} is no debt: {entry.amount} from {entry.debtor} to {entry.creditor}")
        sums: dict[str, Any] = defaultdict(int)
        for position in positions(booked):
            sums[position.currency] += position.amount
        for currency, total in sums.items():
            if total:
                self._found(f"the ledger's positions in {currency} sum to {total}")
        balances(booked)

    # Deliveries

    def _look_at_deliveries(self, store: Store) -> None:
        intents = {intent.id: (key, intent) for key, intent in store.intents(None, EARLIEST, LATEST)}
        self._seen.intents = len(intents)
        arrived: dict[tuple[str, str], list[Arrival]] = defaultdict(list)
        for address, receiver in self._outside.receivers.items():
            self._seen.arrivals += len(receiver.log)
            for arrival in receiver.log:
                arrived[_host(address), arrival.key].append(arrival)
                if arrival.key not in intents:
                    self._found(f"{address} was sent {arrival.key}, which is not stored")
        for (host, identity), found in arrived.items():
            contents = {one.content.replace(f"\n\n{REPEATED}", "") for one in found}
            if len(contents) > 1:
                self._found(f"{host} was told different things under the key {identity}")
        plans = {
            one.key: agreement.plan for one in store.agreements() if (agreement := in_force(one)) is not None
        }
        withheld = store.withheld()
        lanes: dict[tuple[str, str, str], list[tuple[int, int, str]]] = defaultdict(list)
        for number, (identity, (key, intent)) in enumerate(
            sorted(intents.items(), key=lambda one: one[1][1].at)
        ):
            items = store.delivery(identity)
            if {str(one.target) for one in items} != {str(target) for target in intent.targets}:
                self._found(f"{identity} has deliveries to {[str(one.target) for one in items]}")
            for item in items:
                host = _host_of(plans[key], str(item.target)) if key in plans else ""
                found = arrived.get((host, identity), [])
                taken = [one.at for one in found if one.taken]
                held = withheld.get((identity, str(item.target)))
                handled = (identity, str(item.target)) in self._known.handled
                self._look_at_delivery(item, found, held is not None or handled)
                if (
                    taken
                    and not handled
                    and not _corrects(intent)
                    and not _acts_late(plans.get(key), intent.cause)
                ):
                    lanes[key, str(item.target), f"{intent.cause}{intent.labels}"].append(
                        (number, min(taken), identity)
                    )
        for lane, deliveries in lanes.items():
            for (_, before, _), (_, after, identity) in pairwise(deliveries):
                if after < before:
                    self._found(f"{lane}: {identity} came before what was decided earlier")

    def _look_at_delivery(self, item: Any, found: list[Arrival], withheld: bool) -> None:
        name = f"{item.intent.id} to {item.target}"
        taken = [one for one in found if one.taken]
        match item.state.value:
            case "delivered":
                if not taken:
                    self._found(f"{name} is marked as delivered, and never came")
            case "dead":
                self._seen.dead += 1
                said = item.last_error or ""
                if not said:
                    self._found(f"{name} is dead, and nobody knows why")
                elif not withheld and not (
                    any(one.refused_for_good for one in found)
                    or item.attempts >= self._known.attempts
                    or "switched off" in said
                    or "not kept" in said
                    or item.last_attempt_at + _LONGEST_DELAY >= item.intent.at + self._known.deliver_within
                ):
                    self._found(f"{name} was given up after {item.attempts} attempts: {said}")
            case "pending":
                # What is not kept at the moment may come back.
                if item.intent.at < self._known.healed_at and item.agreement in self._known.kept:
                    self._found(f"{name} is still pending: {item.last_error}")

    def _digest(self, connection: sqlite3.Connection) -> str:
        ((checked,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
        if checked != "ok":
            self._found(f"the file is damaged: {checked}")
        digest = hashlib.sha256()
        for table in _TABLES:
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2"):
                digest.update(f"{table}{row}\n".encode())
        return digest.hexdigest()


def _same(stored: Judgement | None, judged: Judgement) -> bool:
    return stored is not None and evolve(stored, amounts=()) == evolve(judged, amounts=())


def _terms(version: AgreementVersion) -> str:
    """A text without the addresses in it."""
    return version.text.replace("/oncall2", "/oncall").replace("/healthy", "/health")


def _terms_stand(history: Sequence[AgreementVersion]) -> bool:
    """True where no terms changed without a new version: windows that are final stay as they are then, others are
    judged by the new terms, and nobody can tell them apart by the numbers alone."""
    groups = [list(group) for _, group in groupby(history, key=lambda one: one.version)]
    # Nor where a version came back after another: its numbers name two reigns then.
    again = len({group[0].version for group in groups}) < len(groups)
    return not again and all(len({_terms(one) for one in group}) == 1 for group in groups)


def _acts_late(plan: Plan | None, cause: str) -> bool:
    """True for a rule on what is sent: what it does later may be dated earlier, by what came late."""
    if plan is None or not any(source.kind == "push" for source in plan.sources):
        return False
    return any(rule.name == cause for rule in plan.rules)


def _corrects(intent: Intent) -> bool:
    """True for the notice of a correction: it is dated by the clock of whoever asked for it."""
    return intent.id.rpartition("|")[2].startswith("correction ")


def _host(address: str) -> str:
    return address.replace("/oncall2", "/oncall")


def _host_of(plan: Plan, target: str) -> str:
    name, _, channel = target.partition(".")
    for party in plan.parties:
        if party.name == name:
            chosen = next((one for one in party.channels if one.name == channel), party.channels[0])
            return _host(str(chosen.address))
    return ""
