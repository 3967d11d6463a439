"""``wsla new``: a few questions, and an agreement to begin with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from attrs import frozen

if TYPE_CHECKING:
    from fractions import Fraction

    from wsla.cli.new_answers import Answers

Value = TypeVar("Value")


@click.command("new")
@click.argument("file", required=False)
@click.option("--title", help="What the agreement is called.")
@click.option("--kind", help="customer, internal (between departments) or underpinning (with a supplier).")
@click.option("--provider", help="Who promises.")
@click.option("--consumer", help="To whom.")
@click.option("--zone", help='The time zone of days and months, such as "Europe/Berlin".')
@click.option("--start", help="The first day, such as 2026-01-01. Not asked for: the first of this month.")
@click.option("--measure", help="http (a web address), tickets (a table) or file (samples in a table).")
@click.option("--url", help="The address to ask, for --measure http.")
@click.option("--file", "data", help="The table, for --measure tickets and file: .csv, .jsonl or .parquet.")
@click.option("--within", help="The time in which a ticket is to be solved, such as 8h.")
@click.option("--each", help="The period that the promise is for: day, week, month, quarter or year.")
@click.option("--goal", help="The share of the period, or of the tickets, that is promised, such as 99.9%.")
@click.option("--credit/--no-credit", default=None, help="Whether a missed goal is paid for, or told only.")
@click.option("--fee", help="The monthly fee that credits are shares of, such as '2000 EUR'.")
@click.option("--tiers", help="Credits, such as '10%, 99%: 25%, 95%: 50%': more below 99%, and below 95%.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing: take what is usual for all that is not given.")
@click.option("--force", is_flag=True, help="Replace FILE where there is one.")
def command(file: str | None, yes: bool, force: bool, **given: str | bool | None) -> None:
    """Start an agreement: asks a few questions on a terminal, or takes the answers as options.

    FILE is a name that ends in .sla, or - for standard output. What is written checks without a remark, and its tests
    pass.
    """
    from wsla.cli.new_answers import Unfit
    from wsla.cli.new_text import agreement_text, identifier

    interview = Interview(given=given, asks=not yes and sys.stdin.isatty(), usual=yes)

    def read_name(name: str) -> str:
        if name != "-" and not name.endswith(".sla"):
            raise Unfit(f"{name!r} is no name of an agreement: it ends in .sla")
        if name != "-" and Path(name).exists() and not force:
            raise Unfit(f"{name} is there already; --force would replace it")
        return name

    if file is not None:
        if Path(file).exists() and not force:
            raise click.ClickException(f"{file} is there already; --force replaces it")
        interview.read("FILE", file, read_name)
    answers = interview.answers()
    if file is None and interview.asks:
        file = interview.prompt(
            "Write it to (- for the screen)", f"{identifier(answers.title) or 'agreement'}.sla", read_name
        )
    text = agreement_text(answers)
    if file in (None, "-"):
        click.echo(text, nl=False)
        return
    assert file is not None
    try:
        with open(file, "w" if force else "x", encoding="utf-8", newline="\n") as out:
            out.write(text)
    except OSError as problem:
        reason = (problem.strerror or "unknown reason").lower()
        raise click.ClickException(f"{file} cannot be written: {reason}") from None
    click.echo(f"wrote {file}; now try `wsla check {file}` and `wsla test {file}`", err=True)


@frozen(kw_only=True)
class Interview:
    """Takes each answer from an option, else from the terminal (``asks``), else what is usual (``usual``)."""

    given: Mapping[str, str | bool | None]
    asks: bool
    usual: bool

    def answers(self) -> Answers:
        """All answers, in the order in which they are asked for."""
        from wsla.cli import new_answers as reading

        title = self.ask("title", "What is the agreement called", "Example service", reading.read_title)
        kind = self.ask(
            "kind",
            "With whom: customer, internal or underpinning (a supplier)",
            "customer",
            reading.choice("kind of agreement", reading.KINDS),
        )
        provider = self.ask("provider", "Who promises", "Provider Ltd", reading.read_title)
        consumer = self.ask("consumer", "To whom", "Consumer Ltd", reading.read_title)
        zone = self.ask("zone", "Whose days and months count: time zone", "UTC", reading.read_zone)
        measure = self.ask(
            "measure",
            "What is measured: http (a web address), tickets (a table), file (samples in a table)",
            "http",
            reading.choice("way to measure", reading.MEASURES),
        )
        self._belongs("url", measure == "http", "--measure http")
        self._belongs("data", measure != "http", "--measure tickets or file")
        self._belongs("within", measure == "tickets", "--measure tickets")
        if measure == "http":
            usual = "https://service.example/health"
            place = self.ask("url", "Which address", usual, reading.read_address)
        else:
            usual = "tickets.csv" if measure == "tickets" else "samples.csv"
            place = self.ask("data", "Which table (.csv, .jsonl or .parquet)", usual, reading.read_file)
        within = 0
        if measure == "tickets":
            within = self.ask("within", "In which time is a ticket to be solved", "8h", reading.read_within)
        each = self.ask("each", "For each day, week, month, quarter or year", "month", reading.read_period)

        def read_goal(text: str) -> Fraction:
            goal = reading.read_goal(text)
            if measure == "http":
                reading.cadence(goal, each)
            return goal

        question = "Which share of tickets in time" if measure == "tickets" else "Which share of the time"
        goal = self.ask("goal", question, "90%" if measure == "tickets" else "99.5%", read_goal)
        fee, tiers = None, None
        if self._credit(kind):
            fee = self.ask("fee", "The monthly fee", "1000 EUR", reading.read_fee)
            tiers = self.ask(
                "tiers", "Credits in shares of it", reading.usual_tiers(goal), reading.tiers_reader(goal)
            )
        start = self.given["start"]
        return reading.Answers(
            title=title,
            kind=kind,
            provider=provider,
            consumer=consumer,
            zone=zone,
            start=self.read("--start", start, reading.read_start)
            if isinstance(start, str)
            else datetime.now(UTC).date().replace(day=1),
            measure=measure,
            place=place,
            within=within,
            goal=goal,
            each=each,
            fee=fee,
            tiers=tiers or (),
        )

    def _credit(self, kind: str) -> bool:
        """Whether credits are due: as said, else where a fee or tiers are given, else as asked or usual."""
        from wsla.cli.new_answers import choice

        stated = self.given["credit"]
        for name in ("fee", "tiers"):
            self._belongs(name, stated is not False, "--credit")
        if isinstance(stated, bool):
            return stated
        if self.given["fee"] or self.given["tiers"]:
            return True
        usual = "no" if kind == "internal" else "yes"
        if not self.asks:
            return usual == "yes"
        return (
            self.prompt("Is a missed goal paid for (yes or no)", usual, choice("answer", ("yes", "no")))
            == "yes"
        )

    def _belongs(self, name: str, fits: bool, other: str) -> None:
        if self.given[name] is not None and not fits:
            raise click.UsageError(f"--{'file' if name == 'data' else name} goes with {other}")

    def ask(self, name: str, question: str, usual: str, reader: Callable[[str], Value]) -> Value:
        """One answer. Raises click.UsageError for an option that is wrong or missing."""
        option = f"--{'file' if name == 'data' else name}"
        answer = self.given[name]
        if isinstance(answer, str):
            return self.read(option, answer, reader)
        if self.asks:
            return self.prompt(question, usual, reader)
        if self.usual:
            return reader(usual)
        raise click.UsageError(
            f"{option} is not said, and there is no terminal to ask on; --yes takes what is usual"
        )

    def read(self, option: str, answer: str, reader: Callable[[str], Value]) -> Value:
        """The value of an option. Raises click.BadParameter."""
        from wsla.cli.new_answers import Unfit

        try:
            return reader(answer)
        except Unfit as problem:
            raise click.BadParameter(str(problem), param_hint=option) from None

    def prompt(self, question: str, usual: str, reader: Callable[[str], Value]) -> Value:
        """Asks until the answer can be taken."""

        def read(answer: str) -> Value:
            return self.read(question, answer, reader)

        value: Value = click.prompt(question, default=usual, value_proc=read, err=True)
        return value
