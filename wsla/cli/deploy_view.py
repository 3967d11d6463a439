"""``wsla deploy-view``: the part of an agreement that one party needs for its role."""

from __future__ import annotations

import json

import click

from wsla.cli.files import format_option, the_agreement


@click.command("deploy-view")
@click.argument("file", metavar="FILE.sla")
@click.option("--for", "party", required=True, metavar="PARTY", help="The party, by its name or title.")
@format_option("text", "json", default="text")
def command(file: str, party: str, output_format: str) -> None:
    """Show what one party needs of an agreement for its role, and nothing else.

    Who measures gets its sources, the metrics over them and whom to send these to; who evaluates the metrics that are
    judged, the goals and rules, and whom to tell; who manages what calls upon it. Signatories get all of it.
    """
    from wsla.interop.wsla_xml.deployment import view_for

    agreement = the_agreement(file)
    view = view_for(agreement.checked, agreement.source, party)
    if view is None:
        known = ", ".join(one.name for one in agreement.checked.parties)
        click.echo(f"{file}: there is no party `{party}`; there are: {known}", err=True)
        raise click.exceptions.Exit(1)
    if output_format == "json":
        shown = {
            "agreement": agreement.title,
            "version": agreement.version,
            "party": view.party,
            "roles": list(view.roles),
            "whole": agreement.text if view.whole else None,
            "measures": list(view.measures),
            "computes": list(view.computes),
            "sends": [{"metric": metric, "to": to} for metric, to in view.sends],
            "evaluates": list(view.evaluates),
            "judges": list(view.judges),
            "tells": list(view.tells),
            "acts": list(view.acts),
        }
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    click.echo(f"# {view.party} ({', '.join(view.roles)}) in “{agreement.title}” version {agreement.version}")
    if view.whole:
        click.echo(agreement.text, nl=False)
        return
    sends = [f"{metric} to {to}" for metric, to in view.sends]
    for title, lines in (
        ("measures", view.measures),
        ("computes", view.computes),
        ("sends", sends),
        ("evaluates", view.evaluates),
        ("judges", view.judges),
        ("tells", view.tells),
        ("is called upon by", view.acts),
    ):
        if lines:
            click.echo(f"\n# {title}")
            for line in lines:
                click.echo(line)
