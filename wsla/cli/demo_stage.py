"""The demo as it runs: the daemon as a child, the script on the service, and what happens told line by line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from queue import Empty
from typing import Final

from attrs import define, field

from wsla.api import Agreement, loads
from wsla.cli.demo_screen import Screen
from wsla.cli.demo_script import TITLE, Script, shipped_agreement
from wsla.cli.demo_servers import CoffeeService, Mood, Received, Receiver
from wsla.cli.demo_watch import Look, News, Watch, look_of, look_text
from wsla.evaluation.verdicts import Judgement, Verdict
from wsla.remedies.decisions import LedgerEntry
from wsla.values.calendars import ExactWindow, window_containing
from wsla.values.instants import MILLISECOND, SECOND, Interval, format_instant, format_length
from wsla.values.money import format_money
from wsla.values.quantities import format_percentage

SECRET_VARIABLE: Final = "WSLA_DEMO_SECRET"
_SLOW_FROM: Final = 250 * MILLISECOND
_STEP_SECONDS: Final = 0.1
_STARTING_SECONDS: Final = 15
_CLOSING_SECONDS: Final = 8
_ENDING_SECONDS: Final = 10
_LOG_LINES: Final = 15
# A window in the subject of a message: its bounds, of which the times of day are enough here.
_BOUNDS: Final = re.compile(r"\S+T(\d\d:\d\d:\d\d)\S*?\.\.\S+?T(\d\d:\d\d:\d\d)\S*")
_MOODS: Final = {
    Mood.UP: ("answers at once again", "green"),
    Mood.SLOW: ("becomes slow: it answers, but takes a third of a second", "yellow"),
    Mood.DOWN: ("goes down: every answer is an error now", "red"),
}
_LOOK_STYLES: Final = {Look.GOOD: "green", Look.SLOW: "yellow", Look.BAD: "red", Look.UNKNOWN: "yellow"}
_VERDICT_STYLES: Final = {Verdict.MET: "green", Verdict.VIOLATED: "red"}
_CONFIG: Final = """\
# What is not part of the agreement: where it is measured here, and where its messages go here.
[bindings.sources.probe]
url = "{service}/coffee"

[bindings.channels."office.hook"]
kind = "webhook"
address = "{receiver}/office.hook"
secret = {{ env = "{variable}" }}

[bindings.channels."brewer.oncall"]
kind = "webhook"
address = "{receiver}/brewer.oncall"
secret = {{ env = "{variable}" }}
"""


@define(kw_only=True)
class Stage:
    """One performance in a folder. ``received`` grows as messages arrive."""

    screen: Screen
    place: Path
    script: Script
    service: CoffeeService
    receiver: Receiver
    secret: str = field(repr=False)
    agreement: Agreement = field(init=False)
    received: list[Received] = field(factory=list)
    slow_from: int = _SLOW_FROM
    _daemon: subprocess.Popen[bytes] | None = None
    _looks: list[tuple[int, Look]] = field(factory=list)
    _boundary: int | None = None
    _moods: list[tuple[int, Mood]] = field(factory=list)
    _judged_until: int = 0
    _due: set[tuple[str, str]] = field(factory=set)

    @property
    def store_file(self) -> Path:
        """The daemon's store."""
        return self.place / "demo.db"

    def prepare(self) -> None:
        """Writes agreement and configuration into the folder, and starts the daemon."""
        text = self.script.text(shipped_agreement())
        sla, config = self.place / "demo.sla", self.place / "wsla.toml"
        sla.write_text(text, encoding="utf-8")
        config.write_text(
            _CONFIG.format(
                service=self.service.address, receiver=self.receiver.address, variable=SECRET_VARIABLE
            ),
            encoding="utf-8",
        )
        self.agreement = loads(text, str(sla))
        self._introduce()
        paths = [str(sla), "--config", str(config), "--store", f"sqlite:///{self.store_file}"]
        with (self.place / "daemon.log").open("wb") as log:
            # The same modules as here, whatever lies in the current folder.
            environment = os.environ | {
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "PYTHONUNBUFFERED": "1",
                SECRET_VARIABLE: self.secret,
            }
            self._daemon = subprocess.Popen(
                [sys.executable, "-P", "-m", "wsla", "run", *paths],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.screen.event("service", f"answers at once, on {self.service.address}", "green")
        self.screen.event("daemon", f"started: wsla run demo.sla (process {self._daemon.pid})")

    def play(self) -> None:
        """Until the script is over and everything that followed from it has arrived, or it takes too long."""
        watch = Watch(path=self.store_file, key=self.agreement.title)
        give_up = time.monotonic() + _STARTING_SECONDS
        finished: float | None = None
        try:
            while time.monotonic() < give_up:
                time.sleep(_STEP_SECONDS)
                self._misbehave()
                news = watch.news()
                self._tell(news)
                self._receive()
                if self._boundary is None and news.observations:
                    self._begin()
                    give_up = time.monotonic() + 4 * self.script.window / SECOND + _CLOSING_SECONDS
                if self._daemon is not None and self._daemon.poll() is not None:
                    return
                if self._over():
                    # A moment longer, so that nothing that comes twice is missed.
                    finished = finished or time.monotonic()
                    if time.monotonic() - finished > 1:
                        return
        finally:
            watch.close()

    def end_daemon(self) -> int | None:
        """Asks the daemon to end, and waits for it; returns its exit code, None where it had to be killed."""
        daemon, self._daemon = self._daemon, None
        if daemon is None:
            return None
        if daemon.poll() is None:
            daemon.terminate()
        try:
            code = daemon.wait(_ENDING_SECONDS)
        except BaseException as problem:
            daemon.kill()
            daemon.wait()
            if isinstance(problem, subprocess.TimeoutExpired):
                return None
            raise
        self._receive()
        return code

    def log_tail(self) -> list[str]:
        """The last lines that the daemon wrote."""
        try:
            text = (self.place / "daemon.log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        return text.splitlines()[-_LOG_LINES:]

    # --- the script

    def _begin(self) -> None:
        spec = self.agreement.plan.goals[0].window
        assert isinstance(spec, ExactWindow)
        self._boundary = window_containing(spec, time.time_ns()).end
        self._moods = list(self.script.moods(self._boundary))

    def _misbehave(self) -> None:
        while self._moods and time.time_ns() >= self._moods[0][0]:
            _, mood = self._moods.pop(0)
            self.service.mood = mood
            self.screen.event("service", *_MOODS[mood])

    def _over(self) -> bool:
        if self._boundary is None or self._judged_until < self.script.end(self._boundary):
            return False
        return self._due <= {(message.id, message.to) for message in self.received}

    # --- telling

    def _introduce(self) -> None:
        window, limit = format_length(self.script.window), format_length(self.slow_from)
        self.screen.say("An agreement at work, on this machine alone", bold=True)
        self.screen.say()
        self.screen.paragraph(
            f"“{TITLE}”: Brewer Ltd promises Office Four a service that is up for at least 90 % of every {window}, "
            f"where up means that it answers without an error within {limit}. A window that falls short is "
            "credited by tiers, up to 50 EUR a day; an outage that lasts is told to both."
        )
        self.screen.paragraph(
            "A small service will now misbehave. The daemon measures it, judges, books and tells; a receiver "
            "checks the signature of every message. Ctrl-C ends it."
        )
        self.screen.say(f"  probes: {self.screen.legend()}\n")

    def _tell(self, news: News) -> None:
        source = self.agreement.plan.sources[0]
        for observation in news.observations:
            look = look_of(observation, self.slow_from)
            if not self._looks or self._looks[-1][1] is not look:
                self.screen.event("probe", look_text(observation, look, source), _LOOK_STYLES[look])
            self._looks.append((observation.at, look))
        self._due.update((intent.id, str(target)) for intent in news.intents for target in intent.targets)
        for judgement in news.standings:
            if judgement.verdict is Verdict.LOST:
                self.screen.event("verdict", "the promise can no longer be kept in this window", "red")
        for judgement in news.verdicts:
            self._tell_verdict(judgement)
        for entry in news.entries:
            self._tell_entry(entry)
        self.screen.move(tuple(look for _, look in self._looks))

    def _tell_verdict(self, judgement: Judgement) -> None:
        window = judgement.window
        self._judged_until = max(self._judged_until, window.end)
        goal = next(goal for goal in self.agreement.plan.goals if goal.name == judgement.goal)
        if judgement.verdict is Verdict.UNKNOWN:
            known = format_percentage(judgement.coverage, 0).removeprefix("~")
            said = f"unknown: only {known} of the window was observed, too little to judge it"
        else:
            value = judgement.value
            measured = "unknown"
            if isinstance(value, int) or hasattr(value, "numerator"):
                target = goal.budget.target if goal.budget is not None else None
                measured = format_percentage(value, 1, target).removeprefix("~")  # type: ignore[arg-type]
            said = f"{judgement.verdict.value}: {measured} up, promised {' '.join(goal.text.split())}"
        looks = tuple(look for at, look in self._looks if window.contains(at))
        style = _VERDICT_STYLES.get(judgement.verdict, "yellow")
        self.screen.event("verdict", f"{_clock(window)} {said}", style, looks)

    def _tell_entry(self, entry: LedgerEntry) -> None:
        amount = format_money(entry.amount, entry.currency)
        debtor, creditor = self._party(entry.debtor), self._party(entry.creditor)
        if entry.kind == "cap":
            self.screen.event("ledger", f"{amount} of it are above the day's cap, and taken back", "yellow")
        else:
            self.screen.event("ledger", f"{entry.kind}: {debtor} owes {creditor} {amount}", "yellow")

    def _receive(self) -> None:
        while True:
            try:
                message = self.receiver.arrived.get_nowait()
            except Empty:
                return
            self.received.append(message)
            valid = "signature valid" if message.valid else "SIGNATURE NOT VALID, refused"
            subject = _BOUNDS.sub(r"\1–\2", message.subject.removeprefix(f"{TITLE}: "))
            self.screen.event(
                "message", f"{message.to} got “{subject}”: {valid}", "cyan" if message.valid else "red"
            )

    def _party(self, name: str) -> str:
        return next((party.title for party in self.agreement.plan.parties if party.name == name), name)


def _clock(window: Interval) -> str:
    start, end = (format_instant(at)[11:19] for at in (window.start, window.end))
    return f"{start}–{end}"
