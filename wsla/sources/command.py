"""The command source: runs a program that the deployment allows, and looks at its exit code and its output."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from contextlib import suppress
from fractions import Fraction
from typing import Final

from attrs import define, field, frozen

from wsla.ports import Clock
from wsla.sources.network.failures import Failure, ProbeFailed, Stage, from_os_error
from wsla.sources.network.looking import BoundedProber, Trace, millionths
from wsla.sources.targets import Deployed
from wsla.values.observations import Raw

FIELDS: Final = ("ok", "elapsed", "exit_code", "output", "matched")
"""The names of the fields of every observation of a command source."""

LARGEST_OUTPUT: Final = 64 * 1024
LONGEST_ARGUMENTS: Final = 32 * 1024

_MILLIONTHS: Final = 1_000_000
_CODES: Final = re.compile(r"([0-9]{1,3})(?:\s*-\s*([0-9]{1,3}))?")
_HIGHEST_CODE: Final = 255
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?")
_ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
}


@frozen(kw_only=True)
class CommandTarget:
    """The program that one command source runs. ``timeout`` is nanoseconds; ``arguments`` never see a shell."""

    source: str
    path: str
    timeout: int
    arguments: tuple[str, ...] = field(default=(), repr=False)
    expected: tuple[range, ...] = (range(1),)
    expected_text: str | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """The program: at most as many of it run at once as looks at one host."""
        return self.path

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields of every observation."""
        return FIELDS

    @property
    def shown(self) -> str:
        """The program; its arguments can hold secrets."""
        return self.path


def from_options(deployed: Deployed) -> CommandTarget:
    """The target of a command source. Raises SourceError where an option cannot be used."""
    path = deployed.text("path") or ""
    if not os.path.isabs(path) or os.path.normpath(path) != path or "\0" in path:
        raise deployed.wrong("a program is named by its whole path, such as /usr/bin/true")
    if path not in deployed.commands:
        raise deployed.wrong(f'wsla.toml does not allow this program: [commands] allow = ["{path}"]')
    arguments = deployed.texts("argument")
    if sum(len(os.fsencode(one)) for one in arguments) > LONGEST_ARGUMENTS or any(
        "\0" in x for x in arguments
    ):
        raise deployed.wrong("the arguments are too long, or hold a null character")
    contains = deployed.text("contains")
    if contains == "":
        raise deployed.wrong("the expected text is empty")
    return CommandTarget(
        source=deployed.name,
        path=path,
        timeout=deployed.timeout,
        arguments=arguments,
        expected=_codes(deployed),
        expected_text=contains,
    )


def _codes(deployed: Deployed) -> tuple[range, ...]:
    found = []
    for part in (deployed.text("expected") or "0").split(","):
        match = _CODES.fullmatch(part.strip())
        codes = range(0) if match is None else range(int(match[1]), int(match[2] or match[1]) + 1)
        if not codes or codes[-1] > _HIGHEST_CODE:
            raise deployed.wrong('expected exit codes are written "0", "0-1" or "0, 2", up to 255')
        found.append(codes)
    return tuple(found)


@define
class CommandTrace(Trace):
    """What a run of a program has found out so far."""

    stage: Stage = Stage.RUN
    exit_code: int | None = None
    output: int | None = None
    matched: bool | None = None


class _Run(asyncio.SubprocessProtocol):
    """A program that runs. ``finished`` once it has ended and its output too, ``gone`` once nothing of it is left."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.output = bytearray()
        self.finished: asyncio.Future[None] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.output += data[: LARGEST_OUTPUT + 1 - len(self.output)]
        if len(self.output) > LARGEST_OUTPUT and not self.finished.done():
            self.finished.set_exception(
                ProbeFailed(Failure.OUTPUT_TOO_LARGE, f"the program wrote more than {LARGEST_OUTPUT} bytes")
            )

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_result(None)
        self.gone.set_result(None)


class CommandProber(BoundedProber[CommandTrace]):
    """Runs one program: with its arguments as they are, hardly an environment, no input, and an end."""

    def __init__(self, target: CommandTarget, clock: Clock) -> None:
        super().__init__(target, clock)
        self._target = target

    def _begin(self) -> CommandTrace:
        return CommandTrace()

    async def _look(self, trace: CommandTrace, deadline: float) -> None:
        transport, run = await self._start()
        try:
            await run.finished
        finally:
            if not run.gone.done():
                _kill(transport.get_pid())
            transport.close()
            await run.gone
        self._judge(transport.get_returncode() or 0, bytes(run.output), trace)

    async def _start(self) -> tuple[asyncio.SubprocessTransport, _Run]:
        target = self._target
        try:
            return await asyncio.get_running_loop().subprocess_exec(
                _Run,
                target.path,
                *target.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd="/" if os.path.isdir("/") else None,
                env=_ENVIRONMENT,
                start_new_session=True,
            )
        except OSError as error:
            failed = from_os_error(error, Stage.RUN, target.path)
            if failed.failure is Failure.OBSERVER_RESOURCES:
                raise failed from None
            detail = (error.strerror or "unknown reason").lower()
            raise ProbeFailed(
                Failure.OBSERVER_COMMAND, f"the program {target.path} cannot be run: {detail}"
            ) from None

    def _judge(self, code: int, output: bytes, trace: CommandTrace) -> None:
        target = self._target
        text = output.decode("utf-8", "replace")
        number = text.strip()
        if _NUMBER.fullmatch(number):
            trace.output = round(Fraction(number) * _MILLIONTHS)
        if target.expected_text is not None:
            trace.matched = target.expected_text in text
        if code < 0:
            raise ProbeFailed(Failure.SIGNAL, f"the program was ended by signal {-code}")
        trace.exit_code = code
        if not any(code in codes for codes in target.expected):
            raise ProbeFailed(Failure.EXIT, f"the exit code is {code}")
        if trace.matched is False:
            raise ProbeFailed(Failure.TEXT, "the expected text is not in the output")

    def _values(self, trace: CommandTrace) -> dict[str, Raw]:
        return {
            "exit_code": millionths(trace.exit_code),
            "output": trace.output,
            "matched": trace.matched,
        }


def _kill(number: int) -> None:
    """Ends a program with everything that it started."""
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            os.kill(number, signal.SIGTERM)
        else:
            # The program leads a session of its own, so its number is that of its group.
            os.killpg(number, signal.SIGKILL)
