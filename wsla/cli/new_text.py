"""The text of a new agreement: what was answered, with comments that teach, and examples that come out."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from wsla.cli.new_answers import Answers, cadence, file_kind, percent
from wsla.cli.new_examples import examples
from wsla.values.instants import format_length
from wsla.values.quantities import format_quantity, money

_TAKEN: Final = frozenset(
    [
        "main",
        "probe",
        "samples",
        "tickets",
        "up",
        "uptime",
        "available",
        "resolution",
        "on_time",
        "prompt",
        "customer",
        "internal",
        "underpinning",
        "measurer",
        "evaluator",
        "manager",
        "auditor",
    ]
)
_STANDS_FOR: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i"}
)
_SHORTEST_NAME: Final = 2
_LONGEST_NAME: Final = 30


def agreement_text(answers: Answers) -> str:
    """A commented agreement with its tests in the standard form, without a problem to report."""
    from wsla.diagnostics.source import SourceText
    from wsla.syntax.formatter import format_document
    from wsla.syntax.parse import parse

    provider, consumer = party_names(answers.provider, answers.consumer)
    text = "\n".join([*_head(answers, provider, consumer), *_measured(answers, provider, consumer), "}", ""])
    text += examples(answers, provider, consumer)
    source = SourceText(name="<new>", text=text)
    document, problems = parse(source)
    assert not problems, problems
    return format_document(document, source)


def party_names(provider: str, consumer: str) -> tuple[str, str]:
    """The short names of the parties: the first word of a title, else all of it, else what the party is."""
    first = _party_name(provider, "provider", _TAKEN)
    return first, _party_name(consumer, "consumer", _TAKEN | {first})


def _party_name(title: str, role: str, taken: frozenset[str]) -> str:
    from wsla.analysis.functions import FUNCTIONS
    from wsla.syntax.parse import reserved_words

    unusable = {word.casefold() for word in reserved_words()} | {*FUNCTIONS} | taken
    words = identifier(title).split("_")
    for name in (words[0], "_".join(words)[:_LONGEST_NAME].strip("_")):
        if len(name) >= _SHORTEST_NAME and name not in unusable:
            return name
    return f"{role}_party" if role in taken else role


def identifier(title: str) -> str:
    """Small ASCII letters, digits and single underscores that say about the same; empty where nothing can be kept."""
    spelled = unicodedata.normalize("NFKD", title.casefold().translate(_STANDS_FOR))
    kept = re.sub(r"[^a-z0-9]+", "_", re.sub(r"['’\u0300-\u036f]", "", spelled))
    return re.sub(r"^[0-9_]+|_+$", "", kept)


def _head(answers: Answers, provider: str, consumer: str) -> list[str]:
    from wsla.syntax.formatter_expressions import quoted

    lines = [
        "# Begun with `wsla new`. Change what does not fit, then let `wsla check` and `wsla test` look at it.",
        f"agreement {quoted(answers.title)} version 1 {{",
        f"  kind {answers.kind}",
        f"  effective {answers.start.isoformat()} in {quoted(answers.zone)}",
    ]
    if answers.fee is not None:
        lines.append(f"  currency {answers.fee[1]}")
    lines += [
        "",
        '  # Who signs. Whoever is to be told by mail gets a channel: `consumer { email "desk@company.example" }`.',
        f"  party {provider} {quoted(answers.provider)} provider",
        f"  party {consumer} {quoted(answers.consumer)} consumer",
        "",
    ]
    if answers.fee is not None:
        amount, currency = answers.fee
        fee = format_quantity(amount, money(currency))
        lines += [
            "  # What is paid for. Credits are shares of this fee.",
            f"  service main {quoted(answers.title)} {{ fee {fee} per month }}",
            "",
        ]
    return lines


def _measured(answers: Answers, provider: str, consumer: str) -> list[str]:
    match answers.measure:
        case "http":
            lines = _address(answers)
        case "tickets":
            lines = _tickets(answers)
        case _:
            lines = _samples(answers)
    name, metric = ("prompt", "on_time") if answers.measure == "tickets" else ("available", "uptime")
    lines += [
        "",
        "  # What is promised, and behind `otherwise` what follows when it is missed.",
        f"  goal {name}: {provider} guarantees {metric} >= {percent(answers.goal)} {{",
        *_credit(answers, consumer, metric),
        f"    otherwise notify {provider}, {consumer}",
        "  }",
    ]
    if answers.measure != "tickets":
        lines += [
            "",
            f"  # Nobody has to wait for the end of the {answers.each.value} to hear that something is wrong.",
            f"  when not {_condition(answers)} for 5m {{",
            f"    notify {provider}",
            f"    on recovery: notify {provider}, {consumer}",
            "  }",
        ]
    return lines + _cap(answers, consumer)


def _condition(answers: Answers) -> str:
    return "up" if answers.measure == "http" else "samples.ok"


def _address(answers: Answers) -> list[str]:
    from wsla.syntax.formatter_expressions import quoted

    every = format_length(cadence(answers.goal, answers.each))
    return [
        "  # Where the facts come from: `wsla run` asks this address again and again.",
        f"  source probe = http {quoted(answers.place)} every {every}",
        "",
        "  # What counts as up: a good answer, and not a slow one.",
        "  metric up = probe.ok and probe.elapsed < 2s",
        f"  # The share of the {answers.each.value} in which it was up.",
        f"  metric uptime = availability(up) each {answers.each.value}",
    ]


def _samples(answers: Answers) -> list[str]:
    from wsla.syntax.formatter_expressions import quoted

    return [
        "  # Where the facts come from. Left: the names used below; right: the columns of the file.",
        f"  source samples = {file_kind(answers.place)} {quoted(answers.place)} {{",
        "    at time",
        "    ok ok",
        "    # Each row holds until the next one. `holds 5m` would make longer gaps unknown.",
        "    holds until next",
        "  }",
        "",
        f"  # The share of the {answers.each.value} in which the column says true.",
        f"  metric uptime = availability(samples.ok) each {answers.each.value}",
    ]


def _tickets(answers: Answers) -> list[str]:
    from wsla.syntax.formatter_expressions import quoted

    each = answers.each.value
    return [
        "  # Where the facts come from: a row for each ticket.",
        "  # Left: the names used below; right: the columns of the file.",
        "  # `in local` says that the times of the file are those of the zone above.",
        f"  source tickets = records {file_kind(answers.place)} {quoted(answers.place)} {{",
        "    key number",
        f"    # A ticket counts in the {each} in which it was closed.",
        "    at closed_at in local",
        "    opened opened_at in local",
        "    solved solved_at in local",
        "  }",
        "",
        "  # How long each ticket took. To count business hours alone, declare them, for instance",
        "  # `schedule office { Monday-Friday 09:00-17:00 }`, and add `during office` here.",
        "  metric resolution = elapsed(tickets.opened, tickets.solved)",
        f"  # The share of tickets solved in time; a {each} without any counts as a good one.",
        f"  metric on_time = share(resolution <= {_one_quantity(answers.within)}) each {each}, or 100% when idle",
    ]


def _one_quantity(length: int) -> str:
    """A length as one token: ``90m`` where ``format_length`` would give ``1h 30m``."""
    from wsla.values.quantities import UNITS

    for unit in ("d", "h", "m", "s", "ms", "us"):
        size = UNITS[unit][1]
        if length % size == 0:
            return f"{length // size}{unit}"
    return f"{length}ns"


def _credit(answers: Answers, consumer: str, metric: str) -> list[str]:
    if not answers.tiers:
        return []
    if len(answers.tiers) == 1:
        return [f"    otherwise credit {consumer} {percent(answers.tiers[0][1])} of main.fee"]
    lines = [f"    # The first line that fits wins; `else` is what remains below {percent(answers.goal)}."]
    lines.append(f"    otherwise credit {consumer} by {metric} {{")
    for bound, share in answers.tiers:
        condition = "else" if bound is None else f">= {percent(bound)}"
        lines.append(f"      {condition}: {percent(share)} of main.fee")
    return [*lines, "    }"]


def _cap(answers: Answers, consumer: str) -> list[str]:
    """A cap where several periods of a month could together earn more than its fee."""
    periods = {"day": 28, "week": 4}.get(answers.each.value, 1)
    if not answers.tiers or periods * answers.tiers[-1][1] <= 1:
        return []
    return [
        "",
        "  # However bad a month is, credits end at its fee.",
        f"  cap credits to {consumer} at 100% of main.fee each month",
    ]
