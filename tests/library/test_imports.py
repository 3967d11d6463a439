"""Imports at the edges: the library, the command line and what the daemon keeps (M67)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsla.api import AgreementError, check, load, loads
from wsla.daemon.agreements import alone, find_agreements, sha256_of
from wsla.plan.build import build_plan

Run = Callable[..., Any]

TERMS = """\
template hosting(shop: party, target: quantity = 99.9%) {
  party host "Host" provider
  source probe = http "https://shop.example/health" every 30s
  metric uptime = availability(probe.ok) each month
  goal available: host guarantees uptime >= target { otherwise notify shop }
}
"""
SHOP = """\
import "terms/hosting.sla"

agreement "Shop" version 2 {
  effective 2026-01-01
  party shop "Shop" consumer
  use hosting(shop = shop)
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "terms").mkdir()
    (tmp_path / "terms" / "hosting.sla").write_text(TERMS, "utf-8")
    (tmp_path / "shop.sla").write_text(SHOP, "utf-8")
    return tmp_path


def test_the_library_reads_imports_from_the_folder_of_the_file(folder: Path) -> None:
    assert load(folder / "shop.sla").goals == ("available",)


def test_the_library_takes_texts_by_path() -> None:
    agreement = loads(SHOP, files={"terms/hosting.sla": TERMS})
    assert agreement.goals == ("available",)
    assert check(SHOP, files={"terms/hosting.sla": TERMS}) == ()
    with pytest.raises(AgreementError, match="E0901"):
        loads(SHOP)


def test_the_text_of_an_agreement_can_be_loaded_by_itself(folder: Path) -> None:
    agreement = load(folder / "shop.sla")
    assert build_plan(loads(agreement.text).checked) == agreement.plan


def test_a_path_may_lead_up_and_may_be_absolute(folder: Path) -> None:
    inner = folder / "customers"
    inner.mkdir()
    for path in ("../terms/hosting.sla", str(folder / "terms" / "hosting.sla")):
        (inner / "shop.sla").write_text(SHOP.replace("terms/hosting.sla", path), "utf-8")
        assert load(inner / "shop.sla").goals == ("available",)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "there is no such file"),
        (lambda path: path.write_bytes(b"\xff"), "the text is not UTF-8 (line 1)"),
        (lambda path: (path.unlink(), path.mkdir()), "this is a folder"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_mistake_of_its_import(
    folder: Path, run_wsla: Run, spoil: Callable[[Path], object], reason: str
) -> None:
    spoil(folder / "terms" / "hosting.sla")
    finished = run_wsla("check", "--format", "json", folder / "shop.sla")
    (problem,) = json.loads(finished.out)
    assert (problem["code"], problem["line"], problem["column"]) == ("E0901", 1, 8)
    assert problem["message"] == f"`terms/hosting.sla` cannot be read: {reason}"


def test_a_mistake_that_several_files_import_is_said_once(folder: Path, run_wsla: Run) -> None:
    hosting = folder / "terms" / "hosting.sla"
    hosting.write_text(TERMS.replace("probe.ok", "probe.okay"), "utf-8")
    (folder / "blog.sla").write_text(SHOP.replace('"Shop" version', '"Blog" version'), "utf-8")
    finished = run_wsla("check", "--format", "json", folder / "shop.sla", folder / "blog.sla")
    (problem,) = json.loads(finished.out)
    assert (problem["path"], problem["code"]) == (str(hosting), "E0203")
    assert [Path(one["path"]).name for one in problem["related"]] == ["shop.sla", "blog.sla"]


def test_fixing_a_file_leaves_what_it_imports_alone(folder: Path, run_wsla: Run) -> None:
    hosting = folder / "terms" / "hosting.sla"
    hosting.write_text(TERMS.replace("guarantees", "guarantee"), "utf-8")
    before = hosting.read_bytes(), (folder / "shop.sla").read_bytes()
    assert run_wsla("check", "--fix", folder / "shop.sla").code == 1
    assert (hosting.read_bytes(), (folder / "shop.sla").read_bytes()) == before


def test_coverage_names_lines_of_a_template_at_the_use(folder: Path, run_wsla: Run) -> None:
    test = 'test "an outage" {\n  given probe.ok = false every 30s from 2026-03-01 until 2026-04-01\n  expect available violated in 2026-03\n}\n'  # noqa: E501
    (folder / "shop.sla").write_text(SHOP + test, "utf-8")
    assert "covered 2 of 2" in run_wsla("test", "--cover", folder / "shop.sla").said
    (folder / "shop.sla").write_text(SHOP + test.replace("false", "true").replace("violated", "met"), "utf-8")
    assert "shop.sla:6:3: `otherwise notify shop`" in run_wsla("test", "--cover", folder / "shop.sla").said


def test_the_daemon_sees_a_changed_import_as_a_changed_agreement(folder: Path) -> None:
    first = find_agreements([str(folder)]).agreements["Shop"]
    (folder / "terms" / "hosting.sla").write_text(TERMS.replace("99.9%", "99.5%"), "utf-8")
    second = find_agreements([str(folder)]).agreements["Shop"]
    assert first.source.text == second.source.text
    assert sha256_of(first) != sha256_of(second)
    assert first.plan != second.plan


def test_a_broken_import_breaks_the_file_that_imports(folder: Path) -> None:
    (folder / "terms" / "hosting.sla").write_text(TERMS.replace("guarantees", ""), "utf-8")
    found = find_agreements([str(folder / "shop.sla")])
    assert (found.agreements, found.broken) == ({}, {str(folder / "shop.sla")})
    assert "hosting.sla:5:" in found.messages[0]


def test_an_amendment_that_runs_alone_takes_over_the_windows_under_way() -> None:
    amendment = loads(SHOP.replace("version 2", "version 2 amends 1"), files={"terms/hosting.sla": TERMS})
    assert amendment.plan.judges_from == amendment.plan.effective_start
    assert alone(amendment).plan.judges_from is None
    plain = loads(SHOP, files={"terms/hosting.sla": TERMS})
    assert alone(plain) is plain
