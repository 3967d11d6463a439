"""``wsla run``: the daemon in the foreground, after every agreement has been checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import evolve

from wsla.cli.files import read_sources, show_diagnostics
from wsla.diagnostics.diagnostic import Diagnostic, has_errors

if TYPE_CHECKING:
    from wsla.daemon.daemon import Daemon
    from wsla.daemon.member import Member
    from wsla.values.instants import Interval

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
@click.option("--check", is_flag=True, help="Start nothing; say what would run, and what is wrong.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    help="With --check: how to print it.  [default: text]",
)
def command(
    paths: tuple[str, ...],
    config: str | None,
    store_url: str | None,
    check: bool,
    output_format: str | None,
) -> None:
    """Measure, judge and act by agreements until told to stop.

    PATHS are .sla files, or folders that are searched for them. Ctrl-C or SIGTERM ends it in the ordinary way: what
    has begun is finished, and nothing that was observed, decided or booked is lost. SIGHUP reads agreements and
    configuration anew. Exit code 0: told to stop; 1: it could not start, or not go on; 2: wrong usage.

    With --check nothing is started, asked or made: exit code 0 where it would start, 1 where not.
    """
    if output_format is not None and not check:
        raise click.UsageError("--format goes with --check")
    from wsla.analysis.check import check_together
    from wsla.diagnostics.assembled import merged

    sources, unreadable = read_sources(paths)
    diagnostics: list[Diagnostic] = list(merged(check_together(sources)))
    if (unreadable or has_errors(diagnostics)) and output_format != "json":
        show_diagnostics(diagnostics, unreadable, "full", err=True)
        raise click.exceptions.Exit(1)
    if config is None and Path(_USUAL_CONFIG).exists():
        config = _USUAL_CONFIG

    from wsla.daemon.config import ConfigError, load_config
    from wsla.daemon.daemon import run_daemon

    try:
        settings = load_config(config, os.environ)
    except ConfigError as problem:
        if output_format == "json":
            from wsla.cli.run_preview import show_problems

            show_problems(problem.problems)
            raise click.exceptions.Exit(1) from None
        raise click.ClickException("\n".join(problem.problems)) from None
    if check:
        from wsla.cli.run_preview import show
        from wsla.daemon.preview import preview
        from wsla.web.serving import missing

        found = preview(paths, settings, store_url, os.environ)
        if settings.http is not None and (reason := missing()) is not None:
            found = evolve(found, problems=(*found.problems, reason))
        show(found, settings.http, output_format or "text")
        raise click.exceptions.Exit(1 if found.problems else 0)
    from wsla.web.serving import Serving

    try:
        serving = Serving(settings.http, _say if settings.log_format == "text" else None)
    except ValueError as problem:
        raise click.ClickException(str(problem)) from None

    def started(daemon: Daemon) -> None:
        serving.begin(daemon, store_url or settings.store)

    def stands_by(member: Member) -> None:
        serving.begin_beside(member, store_url or settings.store)

    try:
        code = run_daemon(
            paths, settings, store_url, say=_say, started=started, stands_by=stands_by, report=_report
        )
    finally:
        serving.close()
    raise click.exceptions.Exit(code)


def _report(store_url: str, title: str, period: Interval, claims_at: int) -> tuple[str, dict[str, Any]]:
    # What writes reports is loaded with the first one.
    from wsla.cli.report_mail import write_report

    return write_report(store_url, title, period, claims_at)


def _say(text: str) -> None:
    from wsla.daemon.logs import one_line

    click.echo(one_line(text), err=True)
