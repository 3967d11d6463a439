"""The how-to for OpenSLO shows the agreement that is made of its file, and that comes back from an export."""

from __future__ import annotations

import re
from pathlib import Path

from wsla.analysis.check import check_text
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import FORMATS, exporter, import_text

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "import-openslo.md").read_text("utf-8")


def shown(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_agreement_on_the_page_is_what_the_file_becomes_and_comes_back_as_it_is() -> None:
    _, found = import_text(SourceText(name="checkout.yaml", text=shown("yaml")))
    assert found.text == shown("sla")
    made = SourceText(name="checkout.sla", text=shown("sla"))
    (checked,), _ = check_text(made)
    (file,) = exporter(FORMATS["openslo"]).export_agreement(checked, made).files
    _, again = import_text(SourceText(name="again.yaml", text=file.text))
    assert again.text == shown("sla")
