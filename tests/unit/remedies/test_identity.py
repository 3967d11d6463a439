"""Identities: readable, and different for different decisions whatever labels say."""

from __future__ import annotations

from itertools import combinations

from attrs import evolve

from wsla.plan.model import Plan
from wsla.remedies.identity import Occasion
from wsla.values.instants import parse_instant

MARCH = parse_instant("2026-03-01T00:00:00+01:00")


def identity(plan: Plan, labels: tuple[tuple[str, str], ...], cause: str = "available") -> str:
    occasion = Occasion(plan=plan, kind="goal", cause=cause, start=MARCH, labels=labels)
    return occasion.identity("otherwise 1")


def test_an_identity_can_be_read(plan: Plan) -> None:
    expected = "Search API Gold|v3|goal available|otherwise 1|2026-03-01T00:00:00+01:00|region=eu|0"
    assert identity(plan, (("region", "eu"),)) == expected


def test_identities_without_labels_leave_their_place_empty(plan: Plan) -> None:
    # M30: made of agreement, version, cause, window, labels and step.
    assert identity(plan, ()).endswith("+01:00||0")


def test_odd_label_values_give_different_identities(plan: Plan) -> None:
    odd = [
        "",
        "eu",
        "eu|0",
        "eu,zone=1",
        "eu%2Czone%3D1",
        "eu%7C0",
        "a=b",
        "|",
        "%",
        "%25",
        ",",
        "=",
        "\n",
        "%0A",
    ]
    labels = [(("region", value),) for value in odd]
    labels += [(("region", "eu"), ("zone", "1")), (("region", "eu"), ("zone", ""))]
    found = [identity(plan, label) for label in labels]
    assert len(set(found)) == len(found)
    assert all(text.count("|") == 6 and text.isprintable() for text in found)


def test_titles_and_names_cannot_imitate_each_other(plan: Plan) -> None:
    plans = [evolve(plan, title=title) for title in ("A|v3", "A", "A%7Cv3", "A|v3|goal x")]
    found = [identity(each, (), cause) for each in plans for cause in ("x", "x|v3", "v3|goal x")]
    assert all(one != other for one, other in combinations(found, 2))
