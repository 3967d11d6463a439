"""What changed in who is told, called or granted something, and the words that all consequences share."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import assert_never

from wsla.comparing.changes import Change, Direction, Effect, Renamed, effects
from wsla.plan.model import Action, Credit, Grant, Notify


def name_now(party: str, names: Renamed | dict[str, str]) -> str:
    """The name that a party has in the newer version."""
    parties = names.parties if isinstance(names, Renamed) else names
    return parties.get(party, party)


def money_effects(debtor: str, creditor: str, more: Fraction | int) -> tuple[Effect, ...]:
    """That more is owed (above 0), less (below 0), or something else."""
    if more == 0:
        return effects((debtor, creditor), Direction.CHANGED)
    return (
        Effect(party=debtor, direction=Direction.DEARER if more > 0 else Direction.CHEAPER),
        Effect(party=creditor, direction=Direction.GAINS if more > 0 else Direction.LOSES),
    )


def changes_of_messages(
    kind: str, name: str, when: str, before: Sequence[Action], after: Sequence[Action], names: Renamed
) -> list[Change]:
    """Who is told, called or granted something now, and who is no longer. ``when`` leads the sentence."""
    old = [words for action in before for words in messages(action, names)]
    new = [words for action in after for words in messages(action, None)]
    found = []
    for party, words in dict.fromkeys(new):
        if (party, words) not in old:
            text = f"{when}, {words}"
            found.append(_message(kind, name, text, party, Direction.GAINS))
    for party, words in dict.fromkeys(old):
        if (party, words) not in new:
            text = f"{when}, no longer: {words}"
            found.append(_message(kind, name, text, party, Direction.LOSES))
    return found


def _message(kind: str, name: str, text: str, party: str, direction: Direction) -> Change:
    return Change(kind=kind, name=name, text=text, effects=(Effect(party=party, direction=direction),))


def messages(action: Action, names: Renamed | None) -> list[tuple[str, str]]:
    """Who gets what, for each party that an action reaches."""
    known = {} if names is None else names.parties
    match action:
        case Notify(verb=verb, targets=targets, message=message):
            said = f" “{message}”" if message else ""
            words = {
                "notify": "is notified",
                "escalate": "is escalated to",
                "call": "is called",
                "ticket": "gets a ticket",
                "publish": "is published to",
            }
            found = []
            for target in targets:
                party = known.get(target.party, target.party)
                reached = party if target.channel is None else f"{party}.{target.channel}"
                found.append((party, f"{reached} {words.get(verb, verb)}{said}"))
            return found
        case Grant(party=party, right=right):
            party = known.get(party, party)
            return [(party, f"{party} is granted “{right}”")]
        case Credit():
            return []
        case _:
            assert_never(action)
