"""``wsla demo``: one promise, made, broken, paid for and mended before one's eyes, by the real daemon."""

from __future__ import annotations

import json
import secrets
import signal
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from wsla.cli.demo_script import LONGEST, SHORTEST, USUAL
from wsla.cli.files import format_option

if TYPE_CHECKING:
    from wsla.cli.demo_facts import Facts
    from wsla.cli.demo_stage import Stage


@click.command("demo")
@click.option(
    "--seconds",
    type=click.IntRange(SHORTEST, LONGEST),
    default=USUAL,
    show_default=True,
    help="About how long it may take.",
)
@click.option(
    "--keep", "folder", metavar="DIR", help="Leave agreement, store and log in this folder, to look around."
)
@format_option("text", "json", default="text")
def command(seconds: int, folder: str | None, output_format: str) -> None:
    """Show an agreement at work, on this machine alone and without a network.

    A small service misbehaves on a script. The daemon measures it, judges its promise, books the credit and tells
    the parties; a receiver checks the signature of every message. Exit code 0: all of it happened, and the books are
    right; 1: something did not.
    """
    from wsla.cli.demo_screen import Screen
    from wsla.cli.paint import Paint

    screen = Screen(silent=output_format == "json", paint=Paint(sys.stdout))
    with ExitStack() as stack:
        _end_in_order_when_told(stack)
        if folder is None:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wsla-demo-")))
        else:
            place = _empty_folder(folder)
        passed = _play(screen, place, seconds, stack)
    if folder is not None:
        screen.say(f"\nKept in {place}: try `wsla ledger --store sqlite:///{place / 'demo.db'}`")
    raise click.exceptions.Exit(0 if passed else 1)


def _play(screen: Any, place: Path, seconds: int, stack: ExitStack) -> bool:
    from wsla.cli.demo_facts import checks, count_facts
    from wsla.cli.demo_script import Script
    from wsla.cli.demo_servers import CoffeeService, Receiver
    from wsla.cli.demo_stage import Stage
    from wsla.cli.stored import reading

    secret = secrets.token_hex(16)
    service = stack.enter_context(CoffeeService())
    receiver = stack.enter_context(Receiver(secret))
    stage = Stage(
        screen=screen,
        place=place,
        script=Script.lasting(seconds),
        service=service,
        receiver=receiver,
        secret=secret,
    )
    try:
        stage.prepare()
        stage.play()
    finally:
        screen.rest()
        code = stage.end_daemon()
    if not stage.store_file.exists():
        _show_failure(stage, "the daemon did not come up")
        return False
    with reading(str(stage.store_file)) as store:
        facts = count_facts(store, stage.agreement.title, stage.received, stage.slow_from)
        found = checks(facts, stage.agreement.plan)
        found["the daemon ended in the ordinary way"] = code == 0
        if screen.silent:
            _print_json(screen, facts, found)
        else:
            _print_closing(screen, stage, store, facts, found)
    if not all(found.values()):
        failed = "; ".join(f"not so: {name}" for name, holds in found.items() if not holds)
        _show_failure(stage, failed)
        return False
    return True


def _print_closing(screen: Any, stage: Stage, store: Any, facts: Facts, found: dict[str, bool]) -> None:
    from wsla.cli.demo_facts import facts_rows
    from wsla.cli.report_text import print_report
    from wsla.reporting.period import gather, latest_standing, whole_stretch

    plan, key = stage.agreement.plan, stage.agreement.title
    standing = latest_standing(store, key, stage.agreement)
    period = whole_stretch(store, key, standing)
    if period is not None:
        screen.say("\nWhat `wsla report` says of it\n", bold=True)
        at = period.end if standing is None else standing.at
        report = gather(store, key, stage.agreement, period, standing=standing, claims_at=at)
        print_report(report, None)
    screen.say("\nCounted afterwards in the store, and by the receiver\n", bold=True)
    for name, count, said in facts_rows(facts, plan):
        screen.say(f"  {name:<19}{count:>4}  {said}")
    screen.say()
    for name, holds in found.items():
        mark, style = ("yes", "green") if holds else ("NO ", "red")
        screen.say(f"  {screen.paint.text(mark, style)}  {name}")


def _print_json(screen: Any, facts: Facts, found: dict[str, bool]) -> None:
    from wsla.cli.demo_facts import facts_value

    value = {
        "passed": all(found.values()),
        "events": screen.events,
        "summary": facts_value(facts),
        "checks": found,
    }
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _show_failure(stage: Stage, what: str) -> None:
    click.echo(f"\nThe demo did not go as it should: {what}", err=True)
    tail = stage.log_tail()
    if tail:
        click.echo("The daemon's last lines:", err=True)
        for line in tail:
            click.echo(f"  {line}", err=True)


def _empty_folder(name: str) -> Path:
    folder = Path(name).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise click.ClickException(f"--keep {name}: this folder is not empty")
    except OSError as problem:
        reason = (problem.strerror or "it cannot be used").lower()
        raise click.ClickException(f"--keep {name}: {reason}") from None
    return folder


def _end_in_order_when_told(stack: ExitStack) -> None:
    # Only the main thread of a process can take signals.
    with suppress(ValueError):
        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, _interrupt))


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
