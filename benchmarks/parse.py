"""P1: how long checking agreements takes, beside lark's own LALR parse of the same texts with positions.

Run from the top folder: `python benchmarks/parse.py [--json] [--quick] [--rounds N]`. The texts are the shipped
agreements, over and over under other titles: one file of a megabyte, the same as files of their own size, and, for the
growth, a file of ten. lark gets the same grammar and lexer, builds its tree, and leaves the collector on, as it is by
itself; all it says is compared with what was checked: how many agreements, metrics and goals there are.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from wsla.analysis.check import check_text  # noqa: E402
from wsla.diagnostics.source import SourceText  # noqa: E402
from wsla.syntax.grammar import build_parser  # noqa: E402

MEGABYTE = 1_000_000
GOAL = 1.3
GROWTH = 13.0
Counts = tuple[int, int, int]


def agreements() -> Iterator[str]:
    """Shipped agreements that need no other file, each time under another title, for ever."""
    shipped = [path.read_text("utf-8") for path in sorted((ROOT / "specs").rglob("*.sla"))]
    alone = [
        text for text in shipped if not any(f"\n{word} " in f"\n{text}" for word in ("import", "template"))
    ]
    number = 0
    while True:
        for text in alone:
            number += 1
            yield text.replace('agreement "', f'agreement "No. {number} ')


def texts(size: int) -> list[str]:
    """Agreements that together have at least so many characters."""
    found: list[str] = []
    length = 0
    for text in agreements():
        if length >= size:
            return found
        found.append(text)
        length += len(text) + 1
    raise AssertionError


def by_product(files: list[str]) -> Counts:
    """Agreements, metrics and goals of texts that are checked, each by itself."""
    found = [0, 0, 0]
    for text in files:
        checked, problems = check_text(SourceText(name="a.sla", text=text))
        if any(problem.severity.value == "error" for problem in problems):
            sys.exit(f"an error in {text[:80]!r}: {problems[0].message}")
        for agreement in checked:
            found[0] += 1
            found[1] += len(agreement.metrics)
            found[2] += len(agreement.goals)
    return found[0], found[1], found[2]


def by_lark(files: list[str]) -> Counts:
    """The same, of lark's trees."""
    found = {"agreement": 0, "metric": 0, "goal": 0}
    for text in files:
        tree = PARSER.parse(text, start="document")
        for item in tree.children:
            for node in (item, *item.children):
                if getattr(node, "data", None) in found:
                    found[node.data] += 1
    return found["agreement"], found["metric"], found["goal"]


PARSER = build_parser((ROOT / "grammar" / "wsla.lark").read_bytes())


def timed(work: Callable[[list[str]], Counts], files: list[str]) -> tuple[float, Counts]:
    """Processor seconds of one piece of work, and what it found."""
    gc.collect()
    start = time.process_time()
    found = work(files)
    return time.process_time() - start, found


def compare(files: list[str], rounds: int) -> dict[str, Any]:
    """Product and lark by turns: medians, and the median of the rounds' ratios."""
    ours: list[float] = []
    larks: list[float] = []
    for _ in range(rounds):
        product, counts = timed(by_product, files)
        lark, parsed = timed(by_lark, files)
        if counts != parsed:
            sys.exit(f"checked {counts}, parsed {parsed}")
        ours.append(product)
        larks.append(lark)
    return {
        "characters": sum(map(len, files)),
        "files": len(files),
        "agreements": counts[0],
        "check s": median(ours),
        "lark s": median(larks),
        "ratio": median(own / peer for own, peer in zip(ours, larks, strict=True)),
    }


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the text, one round")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    rounds = 1 if chosen.quick else chosen.rounds
    size = MEGABYTE // 20 if chosen.quick else MEGABYTE
    small = texts(size)
    by_product(small[:3])
    found: dict[str, Any] = {
        "one file": compare(["\n".join(small)], rounds),
        "many files": compare(small, rounds),
    }
    large, _ = timed(by_product, ["\n".join(texts(10 * size))])
    found["ten times the text"] = {"check s": large, "growth": large / found["one file"]["check s"]}
    if chosen.json:
        print(json.dumps(found, indent=1))
        return
    for name in ("one file", "many files"):
        one = found[name]
        print(
            f"{name}: {one['characters']:,} characters, {one['agreements']} agreements: check {one['check s']:.2f} s,"
            f" lark {one['lark s']:.2f} s, ratio {one['ratio']:.2f} (goal {GOAL})"
        )
    print(
        f"ten times the text in one file: {large:.2f} s, {found['ten times the text']['growth']:.1f} x (goal {GROWTH})"
    )


if __name__ == "__main__":
    main()
