"""Stores that speak Prometheus' query language: counts and extremes of whole panes, and samples where panes need them.

Ranges are half open whatever the store's rule for their edges: one that counts a sample exactly at the start of a range
is asked for a millisecond less.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, Self

from attrs import frozen

from wsla.evaluation.encoding import DataError, quoted

_MOST_POINTS: Final = 11_000
_LONGEST_LOOK: Final = 6 * 3600 * 1000

Labels = tuple[tuple[str, str], ...]


@frozen
class Point:
    """A number as the store writes it, at a millisecond."""

    at: int
    text: str


class PrometheusClient:
    """Asks one server. ``address`` ends before ``/api/v1``. Methods raise DataError where it does not answer."""

    def __init__(self, address: str, shown: str) -> None:
        import httpx

        self._shown: Final = shown
        self._errors: Final = (httpx.HTTPError, httpx.InvalidURL)
        self._client: Final = httpx.Client(base_url=address, timeout=120, trust_env=False)
        self._closed: Final = self._counts_both_edges()

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def over_panes(
        self, function: str, selector: str, first: int, count: int, length: int
    ) -> Iterator[tuple[Labels, list[Point]]]:
        """A function over each of so many panes of ``length`` milliseconds (2 at least) from ``first`` on; points are
        dated at the starts of their panes. ``timestamp`` gives the instant of the latest sample, in or before a pane.
        """
        # A range ends with the millisecond before its pane's end.
        window = length - 1 if self._closed else length
        query = f"timestamp({selector})" if function == "timestamp" else f"{function}({selector}[{window}ms])"
        for begin in range(0, count, _MOST_POINTS):
            number = min(_MOST_POINTS, count - begin)
            asked = first + begin * length + length - 1
            found = self._ask(
                "query_range",
                query=query,
                start=_seconds(asked),
                end=_seconds(asked + (number - 1) * length),
                step=_seconds(length),
                # Without it VictoriaMetrics moves the start to a whole step.
                nocache="1",
            )
            for one in found:
                points = [Point(_milliseconds(at) - (length - 1), text) for at, text in one["values"]]
                yield _labels(one), points

    def samples(self, selector: str, start: int, until: int) -> Iterator[tuple[Labels, list[Point]]]:
        """The samples of ``[start, until)``, in milliseconds, a few hours at a time."""
        for begin in range(start, until, _LONGEST_LOOK):
            end = min(begin + _LONGEST_LOOK, until)
            # A little more than is wanted, so that the rule for edges does not matter.
            found = self._ask(
                "query", query=f"{selector}[{end - begin + 1}ms]", time=_seconds(end), nocache="1"
            )
            for one in found:
                points = [Point(_milliseconds(at), text) for at, text in one["values"]]
                inside = [point for point in points if begin <= point.at < end]
                if inside:
                    yield _labels(one), inside

    def _counts_both_edges(self) -> bool:
        """True where a range counts what is exactly at its start, as in Prometheus 2, not 3 nor VictoriaMetrics."""
        # Points of a minute's grid, of which a minute holds two where both its edges count.
        found = self._ask("query", query="count_over_time(vector(1)[60s:60s])", time="600", nocache="1")
        return bool(found) and found[0]["value"][1] == "2"

    def _ask(self, what: str, **form: str) -> list[Any]:
        try:
            answer = self._client.post(f"/api/v1/{what}", data=form)
            said = answer.json(parse_float=Decimal)
        except self._errors as problem:
            raise DataError(
                f"{quoted(self._shown)} cannot be read: {str(problem) or type(problem).__name__}"
            ) from None
        except ValueError:
            raise DataError(
                f"{quoted(self._shown)} cannot be read: it answered with status {answer.status_code}, and no JSON"
            ) from None
        if not isinstance(said, Mapping) or said.get("status") != "success":
            reason = said.get("error", "") if isinstance(said, Mapping) else ""
            raise DataError(f"{quoted(self._shown)} cannot be read: {reason or answer.status_code}")
        result: list[Any] = said["data"]["result"]
        return result


def _labels(series: Mapping[str, Any]) -> Labels:
    return tuple(sorted((name, value) for name, value in series["metric"].items() if name != "__name__"))


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"


def _milliseconds(seconds: Decimal | int | str) -> int:
    return int((Decimal(seconds) * 1000).to_integral_value())


def joined(parts: Iterable[tuple[Labels, list[Point]]]) -> dict[Labels, list[Point]]:
    """The points of each series, which may have come in several answers."""
    found: dict[Labels, list[Point]] = {}
    for labels, points in parts:
        found.setdefault(labels, []).extend(points)
    return found
