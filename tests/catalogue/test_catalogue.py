"""The catalogue of mistakes: agreements broken as people break them, and the whole of what is said of each.

An entry of a page replaces the lines behind `-` in `agreement.sla` by those behind `+`; below stands what is printed.
`<U+00A0>` stands for a character that cannot be seen. One mistake gives one message, unless the title says how many.
To write the messages anew after a change, and then read them: `PYTHONPATH=. python tests/catalogue/test_catalogue.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from wsla.analysis.check import check_text
from wsla.diagnostics.codes import TITLES
from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.render import render_full
from wsla.syntax.parse import decode

FOLDER = Path(__file__).parent
RIGHT = (FOLDER / "agreement.sla").read_text("utf-8")
UNSEEN = re.compile(r"<U\+([0-9A-F]{4,5})>")
NUMBER = re.compile(r"\((\d+) messages\)$")
NOTHING = "no problems"


@frozen
class Mistake:
    """An entry: ``old`` stands once in the agreement; ``said`` is the whole of what is printed."""

    page: str
    title: str
    old: str
    new: str
    said: str

    @property
    def messages(self) -> int:
        """How many messages the mistake gives."""
        number = NUMBER.search(self.title)
        return int(number[1]) if number else 0 if self.said == NOTHING else 1

    @property
    def text(self) -> str:
        """The broken agreement."""
        if not self.old:
            return self.new
        assert RIGHT.count(self.old) == 1, self.title
        return RIGHT.replace(self.old, self.new)


def read(page: Path) -> Iterator[Mistake]:
    """The entries of a page."""
    for entry in page.read_text("utf-8").split("\n## ")[1:]:
        title, _, rest = entry.partition("\n")
        lines = rest.split("\n")
        old = [line[2:] for line in lines if line.startswith("- ")]
        new = [line[2:] if line != "+" else "" for line in lines if line.startswith("+ ") or line == "+"]
        said = rest.split("\n\n", 1)[1].strip("\n") if "\n\n" in rest else ""
        yield Mistake(
            page.stem,
            title,
            "\n".join(old),
            UNSEEN.sub(lambda found: chr(int(found[1], 16)), "\n".join(new)),
            said,
        )


def diagnostics_of(text: str) -> tuple[Diagnostic, ...]:
    source, problems = decode("a.sla", text.encode("utf-8", "surrogatepass"))
    return problems or check_text(source)[1]


def printed(text: str) -> str:
    return "\n".join(render_full(found) for found in diagnostics_of(text)) or NOTHING


PAGES = sorted(FOLDER.glob("*.md"))
MISTAKES = [mistake for page in PAGES for mistake in read(page)]


def test_the_agreement_itself_is_right() -> None:
    assert printed(RIGHT) == NOTHING


def test_there_are_many_and_no_two_are_the_same() -> None:
    assert len(MISTAKES) >= 120
    assert len({mistake.text for mistake in MISTAKES}) == len(MISTAKES)
    assert len({(mistake.page, mistake.title) for mistake in MISTAKES}) == len(MISTAKES)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.page}: {mistake.title}")
def test_what_is_said_of_a_mistake(mistake: Mistake) -> None:
    assert printed(mistake.text) == mistake.said


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.page}: {mistake.title}")
def test_one_mistake_gives_one_message_with_one_piece_of_advice(mistake: Mistake) -> None:
    found = diagnostics_of(mistake.text)
    assert len(found) == mistake.messages
    for one in found:
        assert one.code in TITLES
        assert not one.message.endswith(".")
        assert not any(word in one.message for word in ("Unexpected", "token", "Traceback", "None", "LBRACE"))


def main() -> None:
    """Writes what is said now into the pages."""
    for page in PAGES:
        head = page.read_text("utf-8").split("\n## ")[0]
        entries = []
        for mistake in read(page):
            shown = "".join(f"- {line}\n" for line in mistake.old.split("\n") if mistake.old)
            unseen = re.sub(
                r"[^\n\x20-\x7e\u00a1-\u00ac\u00ae-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\ufefe]",
                lambda found: f"<U+{ord(found[0]):04X}>",
                mistake.new,
            )
            shown += "".join(f"+ {line}".rstrip() + "\n" for line in unseen.split("\n"))
            entries.append(f"## {mistake.title}\n{shown}\n{printed(mistake.text)}\n")
        page.write_text("\n".join([head, *entries]), "utf-8")


if __name__ == "__main__":
    main()
