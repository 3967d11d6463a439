"""Every link from one of our pages to another leads somewhere, to the heading."""

from __future__ import annotations

import re
from pathlib import Path

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def anchors(markdown: str) -> set[str]:
    """The anchors that the headings of a page give, by the rule of the common forges."""
    headings = HEADING.findall(FENCE.sub("", markdown))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> list[str]:
    """The relative links of a page that lead to no file or to no heading."""
    dead = []
    for link in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            dead.append(link)
    return dead


def test_every_link_leads_somewhere(root: Path, project_files: list[Path]) -> None:
    pages = [path for path in project_files if path.suffix == ".md"]
    assert root / "README.md" in pages
    assert {str(page.relative_to(root)): dead for page in pages if (dead := dead_links(page))} == {}


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b` c!\n[x](page.md#a-b-c) [y](#nothing) [z](gone.md) [w](https://example.org/)\n", "utf-8"
    )
    assert dead_links(page) == ["#nothing", "gone.md"]
