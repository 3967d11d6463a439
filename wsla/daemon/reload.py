"""What a new look at the files changes: compared first, carried out later, so that a broken file changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import define, field

from wsla.api import Agreement
from wsla.daemon.agreements import Found, concise
from wsla.daemon.bindings import Deployment, deploy_together, unused_bindings
from wsla.daemon.config import Config
from wsla.plan.build import build_plan
from wsla.plan.model import Plan
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
        versions = _with_earlier((*found.before.get(title, ()), agreement), before)
        after, problems, warnings = deploy_together(versions, config, environ, clock)
        changes.warnings.extend(warnings)
        if problems:
            changes.messages.extend(problems)
        elif before is None:
            changes.added.append(after)
        elif _plans(before) != _plans(after):
            changes.changed.append(after)
            changes.warnings.extend(_changed_without_version(before, after))
        elif before != after or before.sha256 != after.sha256:
            changes.adjusted.append(after)
    for title, deployment in running.items():
        if title not in found.agreements and not _is_broken(deployment.agreement, found.broken):
            changes.removed.append(title)
    kept = {
        **{title: [version.agreement for version in one.versions] for title, one in running.items()},
        **{title: [*found.before.get(title, ()), one] for title, one in found.agreements.items()},
    }
    for deployment in (*changes.added, *changes.changed, *changes.adjusted):
        kept[deployment.agreement.title] = [one.agreement for one in deployment.versions]
    if not found.broken:
        changes.messages.extend(unused_bindings(config, kept))
    return changes


def _with_earlier(versions: tuple[Agreement, ...], before: Deployment | None) -> tuple[Agreement, ...]:
    """Versions with those in front of them that run and are in no file any more: an amendment may take the place of
    what it amends."""
    if before is None:
        return versions
    running = [one.agreement for one in before.versions]
    first = versions[0]
    places = [
        place
        for place, one in enumerate(running)
        if one.version == first.checked.amends and one.plan.effective_start < first.plan.effective_start
    ]
    return (*running[: places[0] + 1], *versions) if places else versions


def _plans(deployment: Deployment) -> list[Plan]:
    return [one.agreement.plan for one in deployment.versions]


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


def _changed_without_version(before: Deployment, after: Deployment) -> list[str]:
    known = {one.agreement.version: one.agreement.checked for one in before.versions}
    return [
        f"“{one.agreement.title}”: its terms changed, but it is still version {one.agreement.version}. Windows that "
        "are final stay as they are; the others are judged anew. A new version number would keep the two apart."
        for one in after.versions
        if one.agreement.version in known
        and build_plan(known[one.agreement.version]) != build_plan(one.agreement.checked)
    ]
