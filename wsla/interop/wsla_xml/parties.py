"""Parties, how they are reached, and the actions that are asked of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import define, field

from wsla.interop.writing import Names, quoted
from wsla.interop.wsla_xml.context import Context, Unreadable
from wsla.interop.wsla_xml.tree import Element
from wsla.interop.wsla_xml.vocabulary import ROLES

VERBS: Final = ("notify", "escalate", "call", "ticket", "publish")
KINDS: Final = ("email", "webhook", "log", "pagerduty", "opsgenie", "slack", "teams", "sms", "apprise")
_WEB: Final = re.compile(r"https?://[^\s\"<>{}]+")
_MAIL: Final = re.compile(r"mailto:([^\s@?]+@[^\s@?]+)")
_OWN_KIND: Final = re.compile(r"urn:wsla:([a-z]+):(.+)")
_ENVIRONMENT: Final = re.compile(r"env:([A-Z_][A-Z0-9_]*)")
_SIGNATORIES: Final = {"ServiceProvider": "provider", "ServiceConsumer": "consumer"}


@define
class Parties:
    """The parties of a document: ``own`` maps their names there to those in the agreement."""

    context: Context
    own: dict[str, str] = field(factory=dict)
    channels: dict[tuple[str, str], str] = field(factory=dict)
    _provider: str | None = None
    _names: dict[str, Names] = field(factory=dict)

    def read(self, parties: Element | None, root: Element) -> Iterator[str]:
        """The declarations of all parties, with the comments before them. An absent signatory is made up, and told."""
        found = [] if parties is None else parties.children
        for one in found:
            if one.name in ("ServiceProvider", "ServiceConsumer", "SupportingParty"):
                name = one.attribute("name") or _SIGNATORIES.get(one.name, "supporter")
                if name in self.own:
                    self.context.remark(
                        "W1101",
                        one.span,
                        f"a second party is called `{name}`; the first is meant by that name",
                    )
                    continue
                self.own[name] = self.context.names.of("party", name)
                self._provider = self._provider or (self.own[name] if one.name == "ServiceProvider" else None)
            else:
                self.context.remark("W1101", one.span, f"`{one.name}` is no party")
        for tag, role in _SIGNATORIES.items():
            if not any(one.name == tag for one in found):
                self.context.remark(
                    "W1101", (parties or root).span, f"there is no {tag}; a party `{role}` stands for it"
                )
                name = self.context.names.fresh(role)
                self.own.setdefault(name, name)
                self._provider = self._provider or (name if role == "provider" else None)
                yield f"party {name} {role}"
        known = set()
        for one in found:
            name = one.attribute("name") or _SIGNATORIES.get(one.name, "supporter")
            if name in self.own and name not in known:
                known.add(name)
                yield from self._declaration(one, name)

    def _declaration(self, party: Element, name: str) -> Iterator[str]:
        own = self.own[name]
        roles = [_SIGNATORIES[party.name]] if party.name in _SIGNATORIES else list(self._roles(party))
        channels: list[str] = []
        kept: list[Element] = []
        for action in party.all("Action"):
            line, whole = self._channel(action, name, own)
            channels += [line] if line else []
            kept += [action] if not whole else []
        contact = party.first("Contact")
        kept = [*([contact] if contact is not None else []), *kept, *party.all("Sponsor")]
        if kept:
            words = {"Contact": "the address", "Action": "the binding of an action", "Sponsor": "a sponsor"}
            what = ", ".join(dict.fromkeys(words[one.name] for one in kept))
            yield self.context.keep(
                Element(
                    name=party.name,
                    attributes=(("name", party.attribute("name")),),
                    children=tuple(kept),
                    span=party.span,
                ),
                f"what describes the party `{own}` ({what})",
            )
        title = f" {quoted(name)}" if name != own else ""
        block = f" {{ {'  '.join(channels)} }}" if channels else ""
        yield f"party {own}{title} {' '.join(roles)}{block}".replace("  {", " {")

    def _roles(self, party: Element) -> Iterator[str]:
        written = [(one.text, one.inside) for one in party.all("Role")]
        if party.attribute("role"):
            self.context.remark(
                "W1101",
                party.span,
                "the role of a party is an element in WSLA 1.0, and read from the attribute",
            )
            written.append((party.attribute("role"), party.span))
        if not written:
            self.context.remark(
                "W1101", party.span, "a supporting party has a role in WSLA 1.0; this one has none"
            )
        by_word = {word.casefold(): role for word, role in ROLES.items()}
        for text, span in written:
            role = by_word.get(text.casefold())
            if role is None:
                self.context.remark("W1101", span, f"there is no role `{text}` in WSLA 1.0; it is left out")
            else:
                yield role

    def _channel(self, action: Element, party: str, own: str) -> tuple[str, bool]:
        """The line of a channel for an action that a party offers, and whether it says all of the action."""
        name = action.attribute("name") or "action"
        key = self._names.setdefault(party, Names()).fresh(name, "action")
        self.channels[party, name] = key
        address = action.text_in("Address")
        bound = action.first("WSDLFile") is not None
        if action.type == "WSDLSOAPOperationDescriptionType":
            self.context.remark(
                "W1101", action.span, "the type of an action ends in `ActionDescriptionType` in WSLA 1.0"
            )
        kind, where = "webhook", ""
        if mail := _MAIL.fullmatch(address):
            kind, where = "email", quoted(mail[1])
        elif (other := _OWN_KIND.fullmatch(address)) and other[1] in KINDS:
            kind, where = other[1], quoted(other[2])
        elif variable := _ENVIRONMENT.fullmatch(address):
            where = f"env {variable[1]}"
        elif _WEB.fullmatch(address):
            where = quoted(address)
        whole = (
            bool(where)
            and not bound
            and not action.attribute("partyName")
            and action.first("ServiceName") is None
        )
        if not where:
            # What it is called, and where, is in a file that is not here.
            where = f"env {re.sub(r'[^A-Z0-9_]', '_', f'{own}_{key}'.upper())}"
        return f"{key} {kind} {where}" if key != kind else f"{key} {where}", whole

    def known(self, element: Element) -> str | None:
        """The name in the agreement of the party that an element names, or of the one that it most probably means."""
        found = self.context.resolve("party", element, self.own, "party")
        return None if found is None else self.own[found]

    def obliged(self, elements: Sequence[Element], owner: Element) -> str:
        """The party that guarantees an objective: the provider where it cannot be known, which is told."""
        known = [one for one in (self.known(element) for element in elements) if one is not None]
        if len(known) > 1:
            self.context.remark(
                "W1104", elements[1].span, "one party guarantees an objective; the first one is read"
            )
        if not known:
            if not elements:
                self.context.remark(
                    "W1101", owner.span, "an objective needs a party that is obliged; the provider is read"
                )
            if self._provider is None:
                raise Unreadable
            return self._provider
        return known[0]

    def action(self, qualified: Element) -> str:
        """What is done: ``notify PARTY.CHANNEL "message"``."""
        party = qualified.first("Party")
        action = qualified.first("Action")
        if party is None or action is None:
            raise self.context.error(qualified.span, "a qualified action needs a party and an action")
        found = self.context.resolve("party", party, self.own, "party")
        if found is None:
            raise self.context.error(party.inside, f"nobody is known by the name `{party.text}`")
        called = action.attribute("actionName")
        own, verb = self.own[found], "notify"
        offered = [name for owner, name in self.channels if owner == found]
        wanted = Element(name="Action", text=called, span=action.span, inside=action.span)
        if called in offered:
            own = f"{own}.{self.channels[found, called]}"
        elif called in VERBS:
            verb = called
        else:
            near = self.context.resolve(f"action of {found}", wanted, offered, f"action of `{found}`")
            if near is not None:
                own = f"{own}.{self.channels[found, near]}"
        message = message_of(action)
        return f"{verb} {own}{f' {quoted(message)}' if message else ''}"


def message_of(action: Element) -> str:
    """The words of a notification: ``Violation: cause (parameters)``; a violation of nothing in particular is its cause
    alone.
    """
    kind, cause = action.text_in("NotificationType"), action.text_in("CausingGuarantee")
    parameters = [word for word in action.text_in("SLAParameter").split() if word != "NONE"]
    if not kind and not cause:
        return ""
    if kind == "Violation" and not parameters and cause and not re.match(r"(Violation|Information): ", cause):
        return cause
    return f"{kind or 'Violation'}: {cause}" + (f" ({', '.join(parameters)})" if parameters else "")
