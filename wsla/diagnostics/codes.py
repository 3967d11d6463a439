"""The registry of codes: every diagnostic that wsla can give, with a title of one line.

To add one: put a line into the mapping, in order. A code is never used again for something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "E0001": "a file that cannot be read",
        # E01: the text itself
        "E0100": "the file is not UTF-8 text",
        "E0101": "a character that cannot stand in an agreement",
        "E0102": "the text is too large",
        "E0103": "braces or parentheses are nested too deeply",
        "E0104": "an expression is too deep",
        "E0105": "too many syntax errors to show",
        "E0110": "something is missing or stands in the wrong place",
        "E0111": "a quoted text is not closed",
        "E0112": "a brace is not closed",
        "E0113": "a brace or a declaration stands outside of an agreement",
        "E0114": "a number or a unit in another notation",
        "E0115": "a word of the language used as a name",
        "E0116": "a misspelt or unknown word",
        "E0117": "a sign of another language",
        "E0120": "there is no agreement in the file",
        # E02: names
        "E0201": "a name that nothing has",
        "E0202": "a name is defined twice, or a thing said twice",
        "E0203": "a field that a source or service does not have",
        "E0204": "a metric that is defined by itself",
        "E0205": "a function that does not exist",
        "E0206": "a function called with the wrong arguments",
        "E0207": "a label that a source does not have",
        "E0208": "a kind, role or currency that does not exist",
        "E0209": "a setting that does not exist",
        "E0210": "an address that cannot be one",
        "W0211": "a secret written in the agreement",
        "W0212": "something that is never used",
        # E03: units, types and shapes
        "E0301": "a unit that does not exist",
        "E0302": "quantities of different dimensions",
        "E0303": "a value of the wrong type",
        "E0304": "a percentage and a plain number mixed up",
        "E0305": "a period that does not exist",
        "E0306": "an exact length of time is needed",
        "E0307": "two windows for one formula",
        "E0308": "a window is missing, or has nothing to be laid over",
        "E0309": "a value of the wrong shape for its place",
        "E0310": "two formulas over different windows",
        "E0311": "two formulas over different sources",
        "E0312": "a value for idle windows that cannot be given here",
        "E0313": "labels that do not fit",
        "E0314": "a filter that does not belong here",
        # E04: tables of values and credits
        "E0401": "a table without lines",
        "E0402": "a line of a table that can never be reached",
        "E0403": "a table that says nothing for some values",
        "E0404": "a credit that is never due",
        "W0405": "a worse value that earns a smaller credit",
        "E0406": "a line that claims values for which nothing follows",
        "E0407": "two lines that claim the same value",
        "E0408": "ties that cannot be settled",
        "E0409": "a line of two comparisons that cannot be",
        "W0410": "a limit that never acts",
        "E0411": "a credit and a reward for the same value",
        "W0412": "a goal that is missed without any credit",
        "W0413": "a goal that is met without any reward",
        "W0414": "a better value that earns a smaller reward",
        "W0415": "a limit below the smallest credit",
        "W0416": "a limit that no credit passes",
        # E05: goals and what follows
        "E0501": "a condition that is not judged over windows",
        "E0502": "a policy for unknown time that does not exist",
        "E0503": "a coverage that is no percentage",
        "E0504": "a credit without a clear payer or payee",
        "E0505": "a rule that repeats nothing",
        "W0506": "a goal without consequence",
        "E0507": "a goal that can never be met",
        "E0508": "a goal that is always met",
        "W0509": "a goal whose violation the sources cannot see",
        "E0510": "goals that contradict each other",
        "W0511": "a goal that adds nothing",
        "W0512": "a party without a part",
        "E0513": "a rule that can never act",
        "W0514": "a rule whose condition is always true",
        "W0515": "a wait longer than the term",
        "W0519": "an agreement of more than five pages",
        # E06: time
        "E0601": "a date or time that does not exist",
        "E0602": "an end before its start, or no start at all",
        "E0603": "a count that can never come true",
        "E0604": "a verdict that a rule cannot look at",
        "E0605": "a time zone that does not exist",
        "E0606": "hours that are empty",
        "W0607": "an exact length where a calendar period may be meant",
        "E0608": "holidays of a place that is not known",
        "E0610": "a filter that leaves no time",
        "E0611": "windows that are not those of the goal",
        "W0612": "a local time that a clock change removes or repeats",
        "W0613": "a schedule without time in the term",
        "W0614": "more windows than the term has room for",
        # E07: sources
        "E0701": "a source that does not say how often it is looked at",
        "E0702": "a timeout longer than the time between two looks",
        "E0703": "a source with the wrong number of texts",
        "E0704": "a source that does not say how long a sample holds",
        "E0705": "records without an instant",
        # E08: tests
        "E0801": "a test that expects nothing",
        "E0802": "observations of a test without a time",
        "E0803": "a value with more digits than its field keeps",
        "E0804": "an expectation that cannot be checked",
        "E0805": "a test before any agreement",
    }
)
"""Code to title, sorted by code."""


def title(code: str) -> str:
    """The title of a code. Raises KeyError for a code that is not registered."""
    return TITLES[code]
