"""The benchmarks run, and refuse to show times for answers that differ."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import wsla

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Carries out `python -m benchmarks` with small data."""
    command = [sys.executable, "-m", "benchmarks", "--quick", "--data-dir", str(folder), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the batch workloads say of small data; B2 has the programs of B1, and B4 is shown as a table below."""
    done = run(tmp_path_factory.mktemp("data"), "--json", "--only", "B1,B3")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("workload", ["B1", "B3"])
def test_product_and_programs_by_hand_agree(measured: dict[str, Any], workload: str) -> None:
    roles = [program["role"] for program in measured[workload]["programs"]]
    assert roles.count("product") == 1
    assert roles.count("peer") >= 2
    assert all(len(program["work_s"]) == 1 for program in measured[workload]["programs"])
    assert measured[workload]["goals"]


def test_a_table_says_that_the_answers_are_equal(tmp_path: Path) -> None:
    done = run(tmp_path, "--only", "B4")
    assert done.returncode == 0, done.stderr
    assert "All answers are equal." in done.stdout
    assert "goal" not in done.stdout


def test_an_unknown_workload_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, "--only", "B9")
    assert done.returncode == 2
    assert "there is no B9" in done.stderr


@pytest.mark.parametrize("name", ["month.sla", "buckets.sla", "partials.sla"])
def test_the_agreements_are_free_of_remarks(name: str) -> None:
    text = (ROOT / "benchmarks" / name).read_text("utf-8")
    assert wsla.check(text, name) == ()


def test_answers_that_differ_are_refused() -> None:
    code = "from benchmarks.rounds import agree; agree([('one', {'7': [1]}), ('two', {'7': [2]})])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "for 7 (and 0 more) one says [1], two says [2]" in done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="its services need the addresses of Linux")
def test_looks_at_many_services_are_measured() -> None:
    command = [
        sys.executable,
        "benchmarks/probes.py",
        "--json",
        "--sources",
        "100",
        "--every",
        "2",
        "--seconds",
        "4",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    product = found["wsla"]
    assert product["code"] == 0
    assert product["probes"] > 0
    assert product["cpu_s"] > 0
    assert product["ends"]["good"] > product["ends"]["timeout"] > 0
    if "exporter" in found:
        assert found["exporter"]["probes"] > 0
