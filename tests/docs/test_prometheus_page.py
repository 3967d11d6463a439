"""The how-to for Prometheus shows the rules that are made of its agreement, and promtool accepts them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import wsla
from wsla.interop.formats import FORMATS, Exported, exporter

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "export-prometheus.md").read_text("utf-8")
PROMTOOL = shutil.which("promtool")


def shown(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def exported() -> Exported:
    agreement = wsla.loads(shown("sla"), "checkout.sla")
    return exporter(FORMATS["prometheus"]).export_agreement(agreement.checked, agreement.source)


def test_the_rules_on_the_page_are_what_the_agreement_becomes() -> None:
    assert exported().files[0].text == shown("yaml")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian's prometheus) is not installed")
def test_promtool_does_what_the_page_says(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    (tmp_path / "rules").mkdir()
    for one in exported().files:
        (tmp_path / "rules" / one.name).write_text(one.text, "utf-8")
    commands = re.findall(r"^promtool (.*)$", PAGE, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        subprocess.run([PROMTOOL, *command.split()], cwd=tmp_path, check=True, capture_output=True)
