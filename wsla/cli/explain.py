"""``wsla explain``: the page on a code, as plain text; why a goal has its verdict is told in a file of its own.

A page has a fixed form: a heading with code and title, a few sentences, then `Wrong` and `Right` with an example each.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path

import click
from attrs import frozen

from wsla.cli.files import format_option
from wsla.cli.paint import Paint
from wsla.cli.stored import store_option
from wsla.diagnostics.codes import TITLES

_WIDTH = 80
_PAGE = re.compile(
    r"# (?P<code>\w+): (?P<title>[^\n]+)\n+(?P<text>.+?)\n+## Wrong\n+(?P<wrong>.+?)\n+## Right\n+(?P<right>.+)",
    re.DOTALL,
)
_EXAMPLE = re.compile(r"^```(?!text$|sh$)\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@frozen
class Page:
    """A page on a code. ``wrong`` and ``right`` are examples, or None where the page only describes them."""

    code: str
    title: str
    text: str
    wrong: str | None
    right: str | None
    source: str


def pages_folder() -> Path:
    """Where the pages are: in the installed package, else in the checkout around it.

    Raises FileNotFoundError where they are in neither.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "errors", package.parent / "docs" / "reference" / "errors"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError("the pages on codes are missing from this installation of wsla")


def load_page(code: str) -> Page:
    """The page on a registered code. Raises ValueError for a page that has not the form of one."""
    return read_page((pages_folder() / f"{code}.md").read_text(encoding="utf-8"))


def read_page(source: str) -> Page:
    """A page from its Markdown. Raises ValueError where that has not the form of a page."""
    match = _PAGE.fullmatch(source)
    if match is None:
        raise ValueError("a page has a heading, a text, and the parts Wrong and Right")
    return Page(
        code=match["code"],
        title=match["title"],
        text="\n\n".join(" ".join(_LINK.sub(r"\1", part).split()) for part in match["text"].split("\n\n")),
        wrong=_example(match["wrong"]),
        right=_example(match["right"]),
        source=source,
    )


def _example(part: str) -> str | None:
    found = _EXAMPLE.search(part)
    return None if found is None else found.group(1)


def render_page(source: str, paint: Paint) -> str:
    """Markdown as plain text: headings by themselves, blocks indented, sentences filled to 80 columns."""
    out: list[str] = []
    sentences: list[str] = []
    inside = False

    def fill() -> None:
        if sentences:
            text = _LINK.sub(r"\1", " ".join(sentences))
            out.extend(textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False))
            sentences.clear()

    for line in source.splitlines():
        if line.startswith("```"):
            fill()
            inside = not inside
        elif inside:
            out.append(f"    {line}".rstrip())
        elif line.startswith("#"):
            fill()
            out.append(paint.text(line.lstrip("# "), bold=True))
        elif line.strip():
            sentences.append(line.strip())
        else:
            fill()
            out.append("")
    fill()
    return "\n".join(out)


@click.command("explain")
@click.argument("subject", metavar="[CODE | FILE.sla]", required=False)
@click.argument("goal", metavar="[GOAL]", required=False)
@store_option()
@click.option("--data", multiple=True, metavar="SOURCE=FILE", help="Explain recorded observations instead.")
@click.option(
    "--window",
    metavar="PERIOD",
    help="2026, 2026-Q1, 2026-03, 2026-W10, 2026-03-04, or `at TIME`; by default the last window.",
)
@click.option(
    "--label", "labels", multiple=True, metavar="NAME=VALUE", help="Only windows of this label's value."
)
@click.option("--most", default=5, show_default=True, help="How many windows to explain, the worst first.")
@click.option("--from", "start", metavar="TIME", help="With --data: as `wsla eval` takes it.")
@click.option("--until", metavar="TIME", help="With --data: as `wsla eval` takes it.")
@click.option("--map", "columns", multiple=True, metavar="SOURCE.FIELD=COLUMN", help="With --data: likewise.")
@click.option("--where", multiple=True, metavar="SOURCE.COLUMN=VALUE", help="With --data: likewise.")
@click.option("--zone", metavar="ZONE", help="With --data: likewise.")
@click.option(
    "--time-unit", "time_units", multiple=True, metavar="SOURCE=UNIT", help="With --data: likewise."
)
@format_option("text", "json", default="text")
def command(
    subject: str | None,
    goal: str | None,
    store_url: str,
    data: tuple[str, ...],
    window: str | None,
    labels: tuple[str, ...],
    most: int,
    start: str | None,
    until: str | None,
    columns: tuple[str, ...],
    where: tuple[str, ...],
    zone: str | None,
    time_units: tuple[str, ...],
    output_format: str,
) -> None:
    """Say more about a problem that was found, or why a goal has its verdict.

    CODE stands in the brackets of a message, as in error[E0302]; without anything, all codes are listed. FILE.sla and
    GOAL tell why the goal was met or missed in a window, from the store of `wsla run` or from data files: which bound
    or policy decided, what was measured, which observations it rests on, and what followed.
    """
    if goal is not None or _is_file(subject):
        from wsla.cli.explain_goal import Asked, explain_goal

        assert subject is not None
        explain_goal(
            Asked(
                path=subject,
                goal=goal,
                window=window,
                labels=labels,
                most=most,
                store_url=store_url,
                data=data,
                start=start,
                until=until,
                columns=columns,
                where=where,
                zone=zone,
                time_units=time_units,
            ),
            output_format,
        )
        return
    if data or window or labels:
        raise click.UsageError("a window is explained of a file and a goal: `wsla explain FILE.sla GOAL`")
    _explain_code(subject, output_format)


def _is_file(subject: str | None) -> bool:
    return subject is not None and (subject.endswith(".sla") or Path(subject).exists())


def _explain_code(code: str | None, output_format: str) -> None:
    if code is None:
        if output_format == "json":
            listed = [{"code": known, "title": title} for known, title in TITLES.items()]
            click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        else:
            for known, title in TITLES.items():
                click.echo(f"{known}  {title}")
        return
    page = load_page(registered(code))
    if output_format == "json":
        names = ("code", "title", "text", "wrong", "right")
        click.echo(json.dumps({name: getattr(page, name) for name in names}, indent=2, ensure_ascii=False))
    else:
        click.echo(render_page(page.source, Paint(sys.stdout)))


def registered(code: str) -> str:
    """A code as it is registered, large or small letters alike. Raises UsageError, naming the nearest one."""
    wanted = code.strip("[]").upper()
    if wanted in TITLES:
        return wanted
    from difflib import get_close_matches

    near = get_close_matches(wanted, TITLES, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}` ({TITLES[near[0]]})?" if near else "`wsla explain` lists all codes"
    raise click.UsageError(f"there is no code `{code}`: {hint}")
