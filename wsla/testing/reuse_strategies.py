"""Hypothesis strategies for imports, templates and their uses: what a file can hold beside agreements."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from wsla.diagnostics.source import NOWHERE
from wsla.syntax import surface
from wsla.syntax.parameters import KINDS
from wsla.testing import surface_strategies as plain

_QUANTITY: Final = "the_quantity"
_TEXT: Final = "the_text"


def _node(kind: type[Any], /, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = list(parts)
    return st.tuples(*parts.values()).map(
        lambda drawn: kind(span=NOWHERE, **dict(zip(names, drawn, strict=True)))
    )


def _tuples(strategy: st.SearchStrategy[Any], smallest: int, largest: int) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=smallest, max_size=largest).map(tuple)


_values = plain.names | plain.quantities | plain.plain_texts
uses = _node(
    surface.Use,
    template=plain.names,
    arguments=_tuples(_node(surface.Argument, name=plain.all_words, value=_values), 0, 6),
)
amendments = _node(
    surface.Agreement,
    title=plain.plain_texts,
    version=plain.words("2", "3"),
    amends=plain.words("1", "2"),
    declarations=_tuples(
        uses
        | _node(
            surface.Effective,
            start=plain.words("2026-07-01"),
            until=st.none(),
            zone=st.none() | plain.plain_texts,
            under_way=st.sampled_from(((), ("windows", "under", "way"))).map(
                lambda words: tuple(surface.Word(text=word, span=NOWHERE) for word in words)
            ),
        )
        | plain.declarations,
        0,
        3,
    ),
)

_quantity = surface.Word(text=_QUANTITY, span=NOWHERE)
_text = surface.Text(value=_TEXT, environment=False, parameter=True, span=NOWHERE)
_amount = surface.Quantity(text=_QUANTITY, span=NOWHERE)
_filled = st.one_of(
    _node(
        surface.Source,
        name=plain.names,
        kinds=_tuples(plain.names, 1, 2),
        texts=st.just((_text,)),
        every=st.just(_quantity),
        timeout=st.none() | st.just(_quantity),
        measured_by=st.none(),
        fields=st.none(),
    ),
    _node(
        surface.Metric,
        name=plain.names,
        expression=_node(
            surface.Binary,
            operator=st.sampled_from(("+", "-", "of", ">=", "==")),
            left=plain.references,
            right=st.just(_amount) | st.just(surface.String(value=_TEXT, parameter=True, span=NOWHERE)),
        ),
        idle=st.none() | st.just(_amount),
    ),
    _node(
        surface.Goal,
        name=plain.names,
        party=plain.names,
        condition=plain.references,
        provided=st.none(),
        items=st.just((surface.Coverage(minimum=_quantity, span=NOWHERE),)),
    ),
    _node(
        surface.Rule,
        condition=plain.references,
        holding_for=st.just(_quantity),
        often=st.none(),
        items=st.just((surface.Repeat(every=_quantity, span=NOWHERE),)),
    ),
)


def _parameter(name: str, kind: str) -> st.SearchStrategy[surface.Parameter]:
    return _node(
        surface.Parameter,
        name=plain.words(name),
        kind=plain.words(kind),
        default=st.none() | _values,
    )


templates = _node(
    surface.Template,
    name=plain.names,
    parameters=st.tuples(
        _parameter(_QUANTITY, "quantity"),
        _parameter(_TEXT, "text"),
        _tuples(
            # A word that is no kind can be read, too.
            _node(
                surface.Parameter,
                name=plain.words("other", "further"),
                kind=plain.words(*(kind for kind in KINDS if kind not in ("quantity", "text")), "kind"),
                default=st.none() | _values,
            ),
            0,
            2,
        ),
    ).map(lambda parts: (parts[0], parts[1], *parts[2])),
    declarations=_tuples(_filled | uses | plain.declarations, 0, 3),
    body=st.just(NOWHERE),
)
imports = _node(surface.Import, path=plain.plain_texts)
sharing_documents = st.builds(
    surface.Document, items=_tuples(imports | templates | amendments, 0, 3), comments=st.just(())
)
"""Whole texts with everything that agreements share, and with amendments."""
