"""What a new look at the files changes: compared first, carried out later, so that a broken file changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import define, field

from wsla.api import Agreement
from wsla.daemon.agreements import Found, concise, sha256_of
from wsla.daemon.bindings import Deploying, Deployment, unused_bindings
from wsla.daemon.config import Config
from wsla.ports import Clock


@define
class Changes:
    """``added`` and ``changed`` (their terms are others) need an engine, ``adjusted`` only other probes and channels.

    ``messages`` say what could not be taken and why; ``warnings`` what runs, but not quite as written.
    """

    added: list[Deployment] = field(factory=list)
    changed: list[Deployment] = field(factory=list)
    adjusted: list[Deployment] = field(factory=list)
    removed: list[str] = field(factory=list)
    messages: list[str] = field(factory=list)
    warnings: list[str] = field(factory=list)


def compare(
    running: Mapping[str, Deployment],
    found: Found,
    config: Config,
    environ: Mapping[str, str],
    clock: Clock,
) -> Changes:
    """What to do so that what runs is what was found. What cannot be taken stays as it runs."""
    changes = Changes(messages=list(found.messages))
    for title, agreement in found.agreements.items():
        before = running.get(title)
        if agreement.source.name in found.broken:
            continue
        if before is not None and before.agreement.source.name in found.broken - {agreement.source.name}:
            # It may only look as if it had moved: the file that it came from cannot be read now.
            changes.messages.append(f"“{title}” stays as it was: {before.agreement.source.name} is broken")
            continue
        deploying = Deploying(agreement, config, environ, clock)
        after = deploying.deploy()
        changes.warnings.extend(deploying.warnings)
        if deploying.problems:
            changes.messages.extend(deploying.problems)
        elif before is None:
            changes.added.append(after)
        elif before.agreement.plan != agreement.plan:
            changes.changed.append(after)
            changes.warnings.extend(_changed_without_version(before.agreement, agreement))
        elif before != after or sha256_of(before.agreement) != sha256_of(agreement):
            changes.adjusted.append(after)
    for title, deployment in running.items():
        if title not in found.agreements and not _is_broken(deployment.agreement, found.broken):
            changes.removed.append(title)
    kept = {title: one.agreement for title, one in running.items()} | found.agreements
    if not found.broken:
        changes.messages.extend(unused_bindings(config, kept))
    return changes


def _is_broken(agreement: Agreement, broken: set[str]) -> bool:
    """True where the file of an agreement, or a folder that it lies in, could not be read."""
    path = Path(agreement.source.name)
    return any(str(one) in broken for one in (path, *path.parents))


def remarks(found: Found) -> list[str]:
    """What the checker remarks on agreements that can be used."""
    seen: dict[str, None] = {}
    for agreement in found.agreements.values():
        seen.update((concise(warning), None) for warning in agreement.warnings)
    return list(seen)


def _changed_without_version(before: Agreement, after: Agreement) -> list[str]:
    if before.version != after.version:
        return []
    return [
        f"“{after.title}”: its terms changed, but it is still version {after.version}. Windows that are final stay as "
        "they are; the others are judged anew. A new version number would keep the two apart."
    ]
