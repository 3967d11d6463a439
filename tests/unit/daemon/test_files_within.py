"""Agreements of others: what they name is read and written only where the deployment says, wherever links lead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wsla.daemon.agreements import Found, find_agreements
from wsla.daemon.bindings import Deploying
from wsla.daemon.config import Bindings, Config, SourceBinding, load_config
from wsla.texts import OUTSIDE, lies_within

TEMPLATE = "template secret(who: party) {\n  goal g: who guarantees up >= 99%\n}\n"
SECRETS = {"HOOK_SECRET": "s"}


@pytest.fixture
def places(tmp_path: Path, agreements: Any) -> Path:
    """``inside`` may be read, ``outside`` holds a secret."""
    (tmp_path / "inside" / "below").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.sla").write_text(TEMPLATE)
    (tmp_path / "outside" / "environ").write_text("PASSWORD=hunter2")
    (tmp_path / "inside" / "below" / "good.sla").write_text(TEMPLATE)
    (tmp_path / "inside" / "link.sla").symlink_to(tmp_path / "outside" / "secret.sla")
    (tmp_path / "inside" / "door").symlink_to(tmp_path / "outside")
    (tmp_path / "inside" / "inner.sla").symlink_to("below/good.sla")
    return tmp_path


def found(places: Path, agreements: Any, path: str, within: tuple[str, ...] | None = ()) -> Found:
    file = places / "inside" / "quick.sla"
    quoted = path.replace("\\", "\\\\").replace('"', '\\"')
    file.write_text(f'import "{quoted}"\n' + agreements.text())
    return find_agreements([file], within=(str(places / "inside"),) if within == () else within)


@pytest.mark.parametrize(
    "path",
    [
        "../outside/secret.sla",
        "below/../../outside/secret.sla",
        "./././../outside/secret.sla",
        "link.sla",
        "door/secret.sla",
        "door/environ",
        "{root}/outside/secret.sla",
        "/etc/passwd",
        "/proc/self/environ",
        "/dev/zero",
        "../inside2/../outside/secret.sla",
    ],
)
def test_an_import_does_not_lead_out(places: Path, agreements: Any, path: str) -> None:
    result = found(places, agreements, path.format(root=places))
    assert result.agreements == {}
    assert OUTSIDE in result.messages[0]
    assert "hunter2" not in "".join(result.messages)


@pytest.mark.parametrize(
    "path",
    [
        "C:\\Windows\\win.ini",
        "\\\\server\\share\\x.sla",
        "..\\outside\\secret.sla",
        "file:///etc/passwd",
        "\0",
        "~/x",
    ],
)
def test_paths_of_other_systems_lead_nowhere(places: Path, agreements: Any, path: str) -> None:
    result = found(places, agreements, path)
    assert result.agreements == {}
    assert len(result.messages) == 1


@pytest.mark.parametrize("path", ["below/good.sla", "inner.sla", "../inside/below/good.sla"])
def test_within_the_folder_links_and_ways_round_are_free(places: Path, agreements: Any, path: str) -> None:
    assert list(found(places, agreements, path).agreements) == ["Quick"]


def test_without_the_setting_any_file_can_be_imported(places: Path, agreements: Any) -> None:
    assert list(found(places, agreements, "../outside/secret.sla", None).agreements) == ["Quick"]


def test_an_agreement_that_is_a_link_out_is_refused(places: Path, agreements: Any) -> None:
    (places / "outside" / "other.sla").write_text(agreements.text())
    folder = places / "inside"
    for name in ("link.sla", "inner.sla"):
        (folder / name).unlink()
    (folder / "below" / "good.sla").unlink()
    (folder / "quick.sla").symlink_to("../outside/other.sla")
    result = find_agreements([folder], within=(str(folder),))
    assert result.messages == [f"{folder / 'quick.sla'}: error: {OUTSIDE}"]
    assert list(find_agreements([folder], within=(str(folder), str(places))).agreements) == ["Quick"]


def test_a_folder_of_a_longer_name_is_another(tmp_path: Path) -> None:
    assert lies_within(tmp_path / "a" / "x", (str(tmp_path / "a"),))
    assert lies_within(tmp_path / "a", (str(tmp_path / "a") + "/",))
    assert not lies_within(tmp_path / "ab" / "x", (str(tmp_path / "a"),))
    assert not lies_within(tmp_path / "a" / ".." / "x", (str(tmp_path / "a"),))
    assert not lies_within("\0", (str(tmp_path),))
    assert not lies_within(tmp_path, ())
    assert lies_within("/anywhere", None)


def deployed(places: Path, agreements: Any, clock: Any, text: str, **settings: Any) -> Deploying:
    file = places / "inside" / "quick.sla"
    file.write_text(text)
    [agreement] = find_agreements([file]).agreements.values()
    config = Config(within=(str(places / "inside"),), **settings)
    deploying = Deploying(agreement, config, SECRETS, clock)
    deploying.deploy()
    return deploying


@pytest.mark.parametrize(
    ("path", "fine"),
    [
        ("data.csv", True),
        ("below/*.csv", True),
        ("/etc/passwd", False),
        ("../outside/*", False),
        ("door/*.csv", False),
        ("*/../../outside/environ", False),
    ],
)
def test_a_source_reads_files_only_there(
    places: Path, agreements: Any, clock: Any, path: str, fine: bool
) -> None:
    text = agreements.text(source=f'csv "{path}" every 1s {{\n  at at\n  ok ok\n}}')
    problems = deployed(places, agreements, clock, text).problems
    assert any(OUTSIDE in problem for problem in problems) is not fine, problems


@pytest.mark.parametrize(
    ("path", "fine"), [("shop.db", True), ("/etc/shop.db", False), ("door/shop.db", False)]
)
def test_a_database_that_is_a_file_is_read_only_there(
    places: Path, agreements: Any, clock: Any, path: str, fine: bool
) -> None:
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
    text = agreements.text(source=f'sql "sqlite:///{path}" "SELECT 1 AS ok" every 1s')
    problems = deployed(places, agreements, clock, text).problems
    assert any(OUTSIDE in problem for problem in problems) is not fine, problems


def test_what_the_deployment_itself_names_may_lie_anywhere(places: Path, agreements: Any, clock: Any) -> None:
    text = agreements.text(source='csv "data.csv" every 1s {\n  at at\n  ok ok\n}')
    bindings = Bindings(sources={"probe": SourceBinding(options={"path": "/srv/data.csv"})})
    assert deployed(places, agreements, clock, text, bindings=bindings).problems == []


@pytest.mark.parametrize(
    ("path", "fine"), [("/etc/cron.d/x", False), ("{root}/inside/ops.log", True), ("stdout", True)]
)
def test_a_log_is_written_only_there(
    places: Path, agreements: Any, clock: Any, path: str, fine: bool
) -> None:
    text = agreements.text().replace("oncall pagerduty env PAGER", f'oncall log "{path.format(root=places)}"')
    problems = deployed(places, agreements, clock, text).problems
    assert any(OUTSIDE in problem for problem in problems) is not fine


def test_the_setting(tmp_path: Path) -> None:
    config = tmp_path / "wsla.toml"
    config.write_text('[files]\nwithin = ["agreements", "/srv/data"]\n')
    assert load_config(config, {}).within == (str(tmp_path / "agreements"), "/srv/data")
    config.write_text("[files]\nwithin = []\n")
    assert load_config(config, {}).within == ()
    config.write_text("")
    assert load_config(config, {}).within is None
