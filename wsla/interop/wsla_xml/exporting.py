"""A checked agreement becomes a document, as far as WSLA has words for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import define, evolve, field

from wsla.analysis.checked import CheckedAgreement, Goal, Notify, Rule, Source
from wsla.analysis.checked import Party as CheckedParty
from wsla.analysis.types import TextType
from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText, Span
from wsla.interop.formats import Exported, ExportedFile
from wsla.interop.writing import cannot_be_said, identifier
from wsla.interop.wsla_xml.expressions import Expressions
from wsla.interop.wsla_xml.functions import Functions
from wsla.interop.wsla_xml.guarantees import guarantees_of_goal, guarantees_of_rule
from wsla.interop.wsla_xml.importing import LATE
from wsla.interop.wsla_xml.parties import VERBS
from wsla.interop.wsla_xml.restoring import kept_elements, restored
from wsla.interop.wsla_xml.ticks import Ticks, Unsayable, interval_of
from wsla.interop.wsla_xml.tree import Element, element
from wsla.interop.wsla_xml.vocabulary import ROLES
from wsla.interop.wsla_xml.writing import document_text
from wsla.syntax import surface
from wsla.syntax.parse import parse

_TITLE = "WSLA 1.0"
_BOUND = {"webhook": "", "email": "mailto:"}


def export_document(agreement: CheckedAgreement, source: SourceText) -> Exported:
    """The document, and what of the agreement is not in it."""
    exporting = _Export(agreement=agreement, source=source)
    root = exporting.root()
    name = identifier(agreement.title) or "agreement"
    found = tuple(sorted(dict.fromkeys(exporting.unsaid), key=lambda one: one.span.start))
    return Exported(files=(ExportedFile(name=f"{name}.xml", text=document_text(root)),), diagnostics=found)


@define
class _Export:
    """One export: the agreement, its declarations as written, and what could not be said."""

    agreement: CheckedAgreement
    source: SourceText
    unsaid: list[Diagnostic] = field(factory=list)
    _places: dict[tuple[str, str], Span] = field(factory=dict)

    def root(self) -> Element:
        """The whole document."""
        self._find_places()
        self._head()
        agreement = self.agreement
        provider = next((one.name for one in agreement.parties if "provider" in one.roles), "")
        ticks = Ticks(
            start=agreement.effective_start, end=agreement.effective_end, schedules=agreement.schedules
        )
        functions = Functions(agreement=agreement, ticks=ticks, provider=provider)
        leaves = [leaf for one in agreement.sources for leaf in self._leaves(one, functions)]
        self._metrics(functions)
        expressions = Expressions(functions=functions)
        objectives: list[Element] = []
        guarantees: list[Element] = []
        for goal in agreement.goals:
            self._guarded(
                goal.span,
                self._goal,
                goal,
                expressions,
                objectives,
                guarantees,
                lost=f", so the goal `{goal.name}` is missing",
            )
        for rule in agreement.rules:
            self._guarded(
                rule.span, self._rule, rule, expressions, guarantees, lost=", so this rule is missing"
            )
        first, *others = agreement.services or (None,)
        definition = element(
            "ServiceDefinition",
            *ticks.elements(),
            *functions.parameters(),
            *leaves,
            *functions.metrics(),
            *(element("Operation", name=one.name) for one in others if one is not None),
            name=first.name if first is not None else "",
        )
        for schedule in agreement.schedules:
            if schedule.name not in ticks.said:
                self.cannot(
                    self.place("schedule", schedule.name), f"the schedule `{schedule.name}` like this"
                )
        root = element(
            "SLA",
            element("Parties", *self._parties()),
            definition,
            element("Obligations", *objectives, *guarantees),
            name=agreement.title,
        )
        titled = {one.name: one.title for one in agreement.parties if _by_title(one)}
        return restored(_with_titles(root, titled), kept_elements(self.source))

    def _metrics(self, functions: Functions) -> None:
        """Declares all metrics that can be said; what refers to another one is written out, and judged, without it."""
        sayable = dict(self.agreement.metrics)
        while True:
            functions.begin(sayable)
            lost = [
                name
                for name, operation in sayable.items()
                if not self._guarded(self.place("metric", name), functions.declare, name, operation)
            ]
            if not lost:
                return
            for name in lost:
                del sayable[name]

    # --- what is said of what cannot be

    def cannot(self, place: Span, what: str) -> None:
        """Names something that WSLA has no words for."""
        self.unsaid.append(cannot_be_said(self.source, place, what, _TITLE))

    def place(self, kind: str, name: str = "") -> Span:
        """Where something is declared, or the beginning of the text."""
        return self._places.get((kind, name), Span(0, 0))

    def _guarded(self, place: Span, work: Callable[..., None], *arguments: object, lost: str = "") -> bool:
        """Does it, or names what cannot be said, and what of the agreement is ``lost`` with it."""
        try:
            work(*arguments)
        except Unsayable as problem:
            at = place if lost else problem.place or place
            self.cannot(at, problem.what + lost)
            return False
        return True

    def _find_places(self) -> None:
        document, _ = parse(self.source)
        for item in document.items:
            match item:
                case surface.Agreement(declarations=declarations, version=version, title=title):
                    if title.value == self.agreement.title:
                        self._places["version", ""] = version.span
                        for one in declarations:
                            self._places[_key(one)] = one.span
                case surface.Test(title=title, span=span):
                    self._places["test", title.value] = span
                case _:
                    pass

    def _head(self) -> None:
        agreement = self.agreement
        if agreement.version != 1 or agreement.amends is not None:
            self.cannot(self.place("version"), "which version of an agreement it is")
        if agreement.kind != "customer":
            self.cannot(self.place("setting", "kind"), "of which kind an agreement is")
        if agreement.currency is not None:
            self.cannot(self.place("setting", "currency"), "a currency")
        if agreement.grace != LATE:
            self.cannot(self.place("setting", "grace"), "how long late observations are waited for")
        if agreement.zone != "UTC":
            self.cannot(self.place("effective"), "in which zone local times are meant")
        for service in agreement.services:
            parts = (service.fee, service.needs, service.origin, service.assumed)
            if any(part is not None for part in parts) or service.title != service.name:
                self.cannot(self.place("service", service.name), "more of a service than its name")
        for cap in agreement.caps:
            self.cannot(cap.span, "a cap")
        for example in agreement.examples:
            self.cannot(example.span, "a test")

    # --- parties

    def _parties(self) -> list[Element]:
        made: list[Element] = []
        signatories: set[str] = set()
        for tag, role in (("ServiceProvider", "provider"), ("ServiceConsumer", "consumer")):
            for party in self.agreement.parties:
                if role in party.roles and role not in signatories and party.name not in signatories:
                    signatories |= {role, party.name}
                    made.append(self._party(party, tag))
                    if len(party.roles) > 1:
                        self.cannot(self.place("party", party.name), "a signatory with a second role")
            if role not in signatories:
                self.cannot(self.place("agreement"), f"an agreement without a {role}")
                made.append(element(tag, name=role))
        for party in self.agreement.parties:
            if party.name in signatories:
                continue
            roles = [word for word, role in ROLES.items() if role in party.roles]
            if len(roles) < len(party.roles) or not roles:
                self.cannot(self.place("party", party.name), f"the roles of `{party.name}`")
            sponsors = [one.attribute("name") for one in made[:2]]
            made.append(
                self._party(
                    party,
                    "SupportingParty",
                    *(element("Sponsor", text=one) for one in sponsors),
                    *(element("Role", text=one) for one in roles or ["MeasurementService"]),
                )
            )
        return made

    def _party(self, party: CheckedParty, tag: str, *rest: Element) -> Element:
        name = party.name
        if party.title != party.name:
            if _by_title(party):
                name = party.title
            else:
                self.cannot(self.place("party", party.name), f"the title of `{party.name}` beside its name")
        actions: list[Element] = []
        for channel in party.channels:
            if channel.secret is not None:
                self.cannot(self.place("party", party.name), "that messages are signed")
            address = channel.address
            if isinstance(address, str):
                prefix = _BOUND.get(channel.kind, f"urn:wsla:{channel.kind}:")
                where = f"{prefix}{address}"
            else:
                where = f"env:{address.variable}"
                if channel.kind != "webhook":
                    self.cannot(
                        self.place("party", party.name), f"`{channel.kind}` with an address from elsewhere"
                    )
            actions.append(
                element(
                    "Action",
                    element("Address", text=where),
                    kind="WSDLGetPostActionDescriptionType",
                    name=channel.name,
                )
            )
        return element(tag, *actions, *rest, name=name)

    # --- sources

    def _leaves(self, source: Source, functions: Functions) -> list[Element]:
        place = source.span
        if source.records or source.kind not in ("push", "http"):
            self.cannot(place, f"a source of kind `{source.kind}`" if not source.records else "records")
            return []
        every = source.every or 60_000_000_000
        party = source.measured_by
        if party is None:
            self.cannot(place, f"that nobody in particular measures `{source.name}`")
            party = functions.provider
        usual = (3 * every, ())
        if (source.staleness, source.labels) != usual:
            self.cannot(place, f"how long a sample of `{source.name}` holds, or its labels")
        reading = element("ReadingSchedule", text=functions.ticks.schedule(every))
        made: list[Element] = []
        if source.kind == "http":
            address = source.options.get("url")
            if not isinstance(address, str) or set(source.options) - {"url"}:
                self.cannot(place, f"how the address of `{source.name}` is asked")
            uri = element("MeasurementURI", text=address if isinstance(address, str) else "")
            patience = element("TimeOut", *interval_of(source.timeout or every))
            status = element("MeasurementDirective", reading, uri, patience, kind="Status")
            elapsed = element("MeasurementDirective", reading, uri, kind="ResponseTime")
            for name, directive in (("ok", status), ("elapsed", elapsed)):
                made.append(functions.leaf(source.name, name, name, party, directive))
            return made
        for one in source.fields:
            if one.name == source.at:
                continue
            # What is never compared with anything has no type of its own.
            said = functions.plain(one.type) or isinstance(one.type, TextType)
            if said and one.column == one.name:
                gauge = element("MeasurementDirective", reading, element("MeasurementURI"), kind="Gauge")
                made.append(functions.leaf(source.name, one.name, "value", party, gauge))
            else:
                self.cannot(place, f"the field `{one.name}` of `{source.name}`, which is no plain number")
        return made

    # --- obligations

    def _goal(
        self, goal: Goal, expressions: Expressions, objectives: list[Element], guarantees: list[Element]
    ) -> None:
        self._unsaid_of_goal(goal)
        during = expressions.validity(goal)
        ticks = expressions.functions.ticks
        validity = [element("Validity", *period) for period in ticks.validity(during)]
        objective = element(
            "ServiceLevelObjective",
            element("Obliged", text=goal.party),
            *validity,
            expressions.of_goal(goal),
            element("EvaluationEvent", text="NewValue"),
            name=goal.name,
        )
        objectives.append(objective)
        made, lost = guarantees_of_goal(goal)
        guarantees += made
        for what in lost:
            self.cannot(goal.span, what)

    def _unsaid_of_goal(self, goal: Goal) -> None:
        if goal.by:
            raise Unsayable("labels")
        if goal.unknown_time.value != "is excluded" or goal.minimum_coverage * 10 != 9:
            self.cannot(goal.span, "what unknown time counts as")
        if goal.refunds:
            self.cannot(goal.span, "what is earned back")
        if goal.service is not None:
            self.cannot(goal.span, "which service a goal is about")

    def _rule(self, rule: Rule, expressions: Expressions, guarantees: list[Element]) -> None:
        said = [one for one in rule.actions if isinstance(one, Notify) and one.verb in VERBS]
        if len(said) < len(rule.actions):
            self.cannot(rule.span, "credits and rights")
        guarantees += guarantees_of_rule(rule, expressions)


def _by_title(party: CheckedParty) -> bool:
    """True where the title alone says the name too."""
    return identifier(party.title) == party.name


def _with_titles(element: Element, titled: Mapping[str, str]) -> Element:
    """The document with the names that its parties have there."""
    children = tuple(_with_titles(child, titled) for child in element.children)
    name = element.text if element.name in ("Obliged", "Party", "Source", "Sponsor") else ""
    return evolve(element, children=children, text=titled.get(name, element.text))


def _key(declaration: surface.Declaration) -> tuple[str, str]:
    match declaration:
        case surface.Setting(name=name):
            return "setting", name.text
        case surface.Effective():
            return "effective", ""
        case surface.Party(name=name):
            return "party", name.text
        case surface.Service(name=name):
            return "service", name.text
        case surface.Schedule(name=name):
            return "schedule", name.text
        case surface.Metric(name=name):
            return "metric", name.text
        case _:
            return "other", str(declaration.span.start)
