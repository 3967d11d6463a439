"""``wsla run``: the daemon in the foreground, after every agreement has been checked."""

from __future__ import annotations

import os
from pathlib import Path

import click

from wsla.cli.files import read_sources, show_diagnostics
from wsla.diagnostics.diagnostic import Diagnostic, has_errors

_USUAL_CONFIG = "wsla.toml"


@click.command("run")
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--config",
    metavar="FILE",
    help="Bindings, secrets, mail, limits.  [default: wsla.toml, where there is one]",
)
@click.option(
    "--store",
    "store_url",
    metavar="URL",
    help="Where everything is kept.  [default: what the configuration says, else sqlite:///wsla.db]",
)
def command(paths: tuple[str, ...], config: str | None, store_url: str | None) -> None:
    """Measure, judge and act by agreements until told to stop.

    PATHS are .sla files, or folders that are searched for them. Ctrl-C or SIGTERM ends it in the ordinary way: what
    has begun is finished, and nothing that was observed, decided or booked is lost. SIGHUP reads agreements and
    configuration anew. Exit code 0: told to stop; 1: it could not start, or not go on; 2: wrong usage.
    """
    from wsla.analysis.check import check_together
    from wsla.diagnostics.assembled import merged

    sources, unreadable = read_sources(paths)
    diagnostics: list[Diagnostic] = list(merged(check_together(sources)))
    if unreadable or has_errors(diagnostics):
        show_diagnostics(diagnostics, unreadable, "full", err=True)
        raise click.exceptions.Exit(1)
    if config is None and Path(_USUAL_CONFIG).exists():
        config = _USUAL_CONFIG

    from wsla.daemon.config import ConfigError, load_config
    from wsla.daemon.daemon import run_daemon

    try:
        settings = load_config(config, os.environ)
    except ConfigError as problem:
        raise click.ClickException("\n".join(problem.problems)) from None
    code = run_daemon(paths, settings, store_url, say=_say)
    raise click.exceptions.Exit(code)


def _say(text: str) -> None:
    click.echo(text, err=True)
