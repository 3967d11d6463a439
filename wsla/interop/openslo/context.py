"""What the parts of an import share: the objects of the file by kind and name, and what was said of them."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from attrs import define, field, frozen

from wsla.diagnostics.diagnostic import Diagnostic, Severity
from wsla.diagnostics.source import SourceText, Span
from wsla.interop.openslo.kept import has_secrets, in_one_line, value_of
from wsla.interop.openslo.schema import Problem
from wsla.interop.openslo.tree import Node
from wsla.interop.writing import Names, comment, kept, kept_as_comment
from wsla.values.records import Record


@frozen(kw_only=True, eq=False, repr=False)
class Thing(Record):
    """An object: its version (``openslo/v1`` …), kind and name, and what it says."""

    version: str
    kind: str
    name: str
    node: Node

    @property
    def title(self) -> str:
        """What readers call it: its name for display, or its name."""
        return self.node.string("metadata", "displayName") or self.name

    @property
    def place(self) -> Span:
        """Where its name stands."""
        named = self.node.get("metadata", "name")
        return self.node.span if named is None else named.span


@define
class Context:
    """One import: its text, the names given, what is said, and which objects something referred to."""

    source: SourceText
    names: Names = field(factory=Names)
    found: list[Diagnostic] = field(factory=list)
    things: dict[tuple[str, str], Thing] = field(factory=dict)
    used: set[tuple[str, str]] = field(factory=set)

    def problem(self, one: Problem) -> None:
        """Tells what is wrong."""
        self._say(one.code, one.span, one.message, one.notes, Severity.ERROR)

    def remark(self, code: str, span: Span, message: str, *notes: str) -> None:
        """A warning: something was read as it was most probably meant."""
        self._say(code, span, message, notes, Severity.WARNING)

    def keep(self, span: Span, value: dict[str, Any], what: str) -> str:
        """The comment that keeps a part of an object, of which is told."""
        self.found.append(kept_as_comment(self.source, span, what))
        return kept("openslo", in_one_line(value))

    def keep_whole(self, thing: Thing) -> Iterator[str]:
        """The comments that keep an object as it is."""
        secret = ", without what looks like a secret," if has_secrets(thing.node) else ""
        yield comment(f"{thing.kind} {thing.name}")
        value = {"kind": thing.kind, **value_of(thing.node), "apiVersion": thing.version}
        yield self.keep(thing.place, value, f"the {thing.kind} `{thing.name}`{secret}")

    def find(self, kind: str, reference: Node) -> Thing | None:
        """The object that a reference means, or None, of which is told."""
        name = reference.text.strip()
        found = self.things.get((kind, name))
        if found is not None:
            self.used.add((kind, name))
            return found
        near = get_close_matches(name, [one for known, one in self.things if known == kind], n=1, cutoff=0.75)
        notes = (f"did you mean `{near[0]}`?",) if near else ()
        self.remark("W1205", reference.span, f"no {kind} in this file is named `{name}`", *notes)
        return None

    def _say(self, code: str, span: Span, message: str, notes: tuple[str, ...], severity: Severity) -> None:
        said = Diagnostic(
            code=code, message=message, source=self.source, span=span, severity=severity, notes=notes
        )
        if said not in self.found:
            self.found.append(said)
