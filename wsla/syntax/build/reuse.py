"""Imports, templates and their uses: from the parser's tree to the surface tree."""

from __future__ import annotations

from typing import Any

from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.syntax.build.words import Meta, Token, items, span_of, to_text, to_word, token_span

TemplateHeader = tuple[surface.Word, tuple[surface.Parameter, ...], int]


class ReuseBuilder:
    """What several agreements share."""

    parameters = use_arguments = items

    def import_file(self, meta: Meta, path: Token) -> surface.Import:
        return surface.Import(path=to_text(path), span=span_of(meta))

    def template_header(self, meta: Meta, name: Token, parameters: Any) -> TemplateHeader:
        return to_word(name), parameters, span_of(meta).end

    def template(self, meta: Meta, header: TemplateHeader, *rest: Any) -> surface.Template:
        """``rest`` is the declarations, and behind them the places of parameters that the reader of pieces found."""
        name, parameters, begin = header
        *declarations, holes = rest
        span = span_of(meta)
        return surface.Template(
            name=name,
            parameters=parameters,
            declarations=tuple(declarations),
            body=Span(begin, span.end - 1),
            holes=holes,
            span=span,
        )

    def parameter(
        self, meta: Meta, name: Token, kind: surface.Word, default: surface.ArgumentValue | None
    ) -> surface.Parameter:
        return surface.Parameter(name=to_word(name), kind=kind, default=default, span=span_of(meta))

    def argument_value(self, _: Meta, token: Token) -> surface.ArgumentValue:
        match token.type:
            case "NAME":
                return to_word(token)
            case "STRING":
                return to_text(token)
            case _:
                return surface.Quantity(text=to_word(token).text, span=token_span(token))

    def use(self, meta: Meta, template: Token, arguments: Any) -> surface.Use:
        return surface.Use(template=to_word(template), arguments=arguments, span=span_of(meta))

    def argument(self, meta: Meta, name: surface.Word, value: surface.ArgumentValue) -> surface.Argument:
        return surface.Argument(name=name, value=value, span=span_of(meta))
