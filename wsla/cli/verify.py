"""``wsla verify``: whether a store is what it says, and whether two parties' records tell the same story."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsla.cli.files import format_option
from wsla.cli.progress import progress_bar
from wsla.cli.stored import reading

if TYPE_CHECKING:
    from wsla.reporting.verification import Finding, Verified
    from wsla.store.sqlite import Store

_MOST_SHOWN = 20


@click.command("verify")
@click.argument("store_url", metavar="STORE")
@click.option(
    "--against",
    metavar="OTHER",
    help="Another party's store, or a file with what `wsla report` or `wsla verify` printed as JSON.",
)
@format_option("text", "json", default="text")
def command(store_url: str, against: str | None, output_format: str) -> None:
    """Check that nothing in a store was altered, and judge its verdicts again.

    STORE is a store of `wsla run`, which may be running. Everything that was said and decided of an agreement hangs
    together in a chain of digests, and each final verdict names what it rests on: both are computed anew. Every
    final verdict is judged again from the stored observations, by another engine than the daemon's, and the ledger
    entries that follow are booked again. Exit code 0: all is as it was stored; 1: something differs, or a store cannot
    be read; 2: wrong usage.
    """
    from wsla.reporting.verification import verify_agreement

    with reading(store_url) as store, _other(against) as other:
        first_bad = store.first_altered_entry()
        first_claim = store.first_altered_claim()
        results = []
        with progress_bar("verifying") as advance:
            for version in store.agreements():
                results.append(verify_agreement(store, version.key, advance))
        if other is not None:
            _compare(store, other, results)
    shared = []
    if first_bad is not None:
        shared.append(f"the ledger was altered at the entry {first_bad}, or one before it is missing")
    if first_claim is not None:
        shared.append(f"the claims were altered at a step about {first_claim}, or one before it is missing")
    good = not shared and not any(one.findings for one in results)
    if output_format == "json":
        click.echo(json.dumps(_value(results, shared, good=good), indent=2, ensure_ascii=False))
    else:
        _print(results, shared)
    if not good:
        raise click.exceptions.Exit(1)


@contextmanager
def _other(against: str | None) -> Iterator[Store | dict[str, Any] | None]:
    """The other party's store, or what it printed; otherwise a message and exit code 1."""
    if against is None:
        yield None
        return
    if not against.endswith(".json"):
        with reading(against) as store:
            yield store
        return
    try:
        value = json.loads(Path(against).read_text("utf-8"))
    except OSError as problem:
        raise click.ClickException(f"{against} cannot be read: {problem.strerror or problem}") from None
    except ValueError:
        raise click.ClickException(f"{against} is not JSON") from None
    if not isinstance(value, dict) or not (
        "agreements" in value or {"agreement", "chain", "goals"} <= value.keys()
    ):
        raise click.ClickException(f"{against} is nothing that `wsla report` or `wsla verify` prints")
    yield value


def _compare(store: Store, other: Store | dict[str, Any], results: list[Verified]) -> None:
    from wsla.reporting.stored import in_force
    from wsla.reporting.verification import compare_chains, compare_end, compare_report

    own = {result.title: result for result in results}
    if not isinstance(other, dict):
        for result in results:
            compare_chains(store, other, result.title, result)
        return
    versions = {version.title: version for version in store.agreements()}
    told = other["agreements"] if "agreements" in other else [{**other, "title": other["agreement"]}]
    for one in told:
        version = versions.get(one["title"])
        if version is None:
            raise click.ClickException(f"the store {store.path} holds no agreement “{one['title']}”")
        result = own[version.key]
        try:
            compare_end(store, version.key, one["chain"], result)
            agreement = in_force(version)
            if "goals" in one and agreement is not None:
                compare_report(store, version.key, one, agreement, result)
        except (KeyError, TypeError, AttributeError):
            raise click.ClickException(
                "the other party's file is not what `wsla report` or `wsla verify` prints"
            ) from None


def _value(results: list[Verified], shared: list[str], *, good: bool) -> dict[str, Any]:
    return {
        "good": good,
        "findings": shared,
        "agreements": [
            {
                "title": one.title,
                "chain": {"links": one.links, "digest": one.digest},
                "evidence": one.evidence,
                "judged": one.judged,
                "booked": one.booked,
                "left": one.left,
                "engines": sorted(one.engines),
                "findings": [{"link": found.link, "what": found.what} for found in one.findings],
            }
            for one in results
        ],
    }


def _print(results: list[Verified], shared: list[str]) -> None:
    for sentence in shared:
        click.echo(sentence)
    for one in results:
        by = f" by the engine of {', '.join(sorted(one.engines))}" if one.engines else ""
        click.echo(
            f"“{one.title}”: {one.links} links, the last {one.digest[:16] or 'none'}; "
            f"what {one.evidence} verdicts rest on; {one.judged} verdicts judged again{by}"
            f"{f', and {one.booked} ledger entries' if one.booked else ''}"
        )
        if one.left:
            click.echo(
                f"  {one.left} verdicts rest on what is no longer kept or accepted; their links were checked"
            )
        for found in one.findings[:_MOST_SHOWN]:
            click.echo(f"  {_sentence(found)}")
        if len(one.findings) > _MOST_SHOWN:
            click.echo(f"  and {len(one.findings) - _MOST_SHOWN} more")
        click.echo("  all is as it was stored" if not one.findings else f"  {len(one.findings)} do not hold")


def _sentence(found: Finding) -> str:
    return found.what if found.link is None else f"link {found.link}: {found.what}"
