"""The command line: one file a verb, each loaded when it is called."""

from __future__ import annotations

import atexit
import gc
import sys
from importlib import import_module
from keyword import iskeyword

import click

VERBS = {
    "new": "start an agreement from a few questions",
    "check": "find every mistake in agreements",
    "explain": "say more about a problem by its code, or why a goal was met or missed",
    "fmt": "lay agreements out in the one standard way",
    "test": "run the examples that agreements state",
    "diff": "say what changed for whom from one version to the next",
    "prove": "say whether promises can be kept by the agreements that they stand on",
    "import": "turn agreements of other formats into .sla files",
    "export": "write an agreement in another format",
    "deploy-view": "show what one party needs of an agreement for its role",
    "dump": "print a form that a text takes on its way to a plan",
    "eval": "judge recorded observations by an agreement",
    "run": "measure, judge and act until told to stop",
    "calendar": "show when windows end, reports and reviews are due and credits must be claimed",
    "report": "say what was promised, measured, missed and owed",
    "ledger": "show entries and balances between parties",
    "verify": "check that nothing in a store was altered, and judge it again",
    "correct": "judge again, with what came too late, what was final",
    "claim": "note that a credit was claimed",
    "settle": "note that a claimed credit was issued or refused",
    "backup": "copy a store while the daemon writes it",
    "restore": "make a store from a backup",
    "outbox": "show messages that wait or were given up, and try them again",
    "ack": "acknowledge an episode, so that nobody is reminded of it again",
    "silence": "send no messages of an agreement for a while",
    "demo": "show all of this in a minute, on this machine alone",
}
"""Every verb, with one line of help that needs no loading."""


class LazyGroup(click.Group):
    """Loads the file of a verb when the verb is used, so that each loads only what it needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs in the order in which one meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command, or None."""
        if cmd_name not in VERBS:
            return None
        # A word of Python cannot be the name of a file that is imported.
        file = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name.replace("-", "_")
        command = import_module(f"wsla.cli.{file}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest verb where there is none of that name."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], VERBS, n=1)
            hint = f" Did you mean `wsla {near[0]}`?" if near else ""
            raise click.UsageError(f"there is no verb `{args[0]}`.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of verbs, without loading any."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="wsla", message="%(prog)s %(version)s")
def cli() -> None:
    """Service level agreements that run."""


def _end_quickly() -> None:
    """What is in memory need not be taken apart; but DuckDB tells on stderr of all that is not."""
    if "_duckdb" not in sys.modules:
        gc.freeze()


def main() -> None:
    """Entry point. Bad input ends with a message and exit code 1, wrong usage with 2; never with a traceback."""
    # Modules and trees are many objects that stay: looking for garbage among them at every 700 costs time for nothing.
    gc.set_threshold(20_000, 10, 10)
    # And what is left at the end goes with the process.
    atexit.register(_end_quickly)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    try:
        # Without its standalone mode, click hands the code of `Exit` back instead of raising it.
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone (`wsla … | head`): nobody is left to tell.
        sys.stderr.close()
        sys.exit(1)
