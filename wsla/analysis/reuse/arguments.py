"""What a use gives to the parameters of its template."""

from __future__ import annotations

from collections.abc import Mapping

from wsla.analysis.reporter import Reporter, nearest, replace
from wsla.diagnostics.diagnostic import Suggestion
from wsla.syntax import surface

_EXAMPLES = {"quantity": "99.9%", "text": '"…"'}


def kind_of_value(value: surface.ArgumentValue | str) -> str:
    """What is written for a kind of parameter, or what a value is: ``quantity``, ``text`` or ``name``."""
    match value:
        case surface.Quantity():
            return "quantity"
        case surface.Text():
            return "text"
        case str():
            return value if value in _EXAMPLES else "name"
        case _:
            return "name"


def said_of_value(value: surface.ArgumentValue) -> str:
    """`` `99%` is a quantity``."""
    match value:
        case surface.Quantity(text=text):
            return f"`{text}` is a quantity"
        case surface.Text(value=text):
            return f'`"{text}"` is a text'
        case surface.Word(text=text):
            return f"`{text}` is a name"


def checked_arguments(
    reporter: Reporter, use: surface.Use, template: surface.Template, declared: Mapping[str, str]
) -> dict[str, surface.ArgumentValue] | None:
    """The arguments by parameter, without those left to their defaults; None, and errors, where one is wrong.

    ``declared`` maps the names that the using agreement itself declares to what they are.
    """
    parameters = {parameter.name.text: parameter for parameter in template.parameters}
    given: dict[str, surface.ArgumentValue] = {}
    sound = True
    for argument in use.arguments:
        name = argument.name.text
        parameter = parameters.get(name)
        if parameter is None:
            _unknown(reporter, use, argument, parameters)
        elif name in given:
            reporter.error("E0907", f"`{name}` is given twice", argument.name.span)
        elif _fits(reporter, argument, parameter, declared):
            given[name] = argument.value
            continue
        else:
            given[name] = argument.value
        sound = False
    missing = [name for name, one in parameters.items() if one.default is None and name not in given]
    if missing and given.keys() >= {one.name.text for one in use.arguments}:
        kind = parameters[missing[0]].kind.text
        example = _EXAMPLES.get(kind, missing[0])
        reporter.error(
            "E0907",
            f"`{use.template.text}` needs {_listed(missing)} too",
            use.template.span,
            notes=(f"`{missing[0]}` is a {kind}: write `{missing[0]} = {example}`",),
        )
    return given if sound and not missing else None


def _listed(names: list[str]) -> str:
    shown = [f"`{name}`" for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _unknown(
    reporter: Reporter,
    use: surface.Use,
    argument: surface.Argument,
    parameters: Mapping[str, surface.Parameter],
) -> None:
    given = {one.name.text for one in use.arguments}
    left = [name for name in parameters if name not in given]
    near = nearest(argument.name.text, left) or nearest(argument.name.text, parameters)
    takes = f"it takes {_listed(list(parameters))}" if parameters else "it takes nothing"
    reporter.error(
        "E0907",
        f"`{use.template.text}` has no parameter named `{argument.name.text}`",
        argument.name.span,
        notes=() if near else (takes,),
        suggestion=replace(argument.name.span, near) if near else None,
    )


def _fits(
    reporter: Reporter,
    argument: surface.Argument,
    parameter: surface.Parameter,
    declared: Mapping[str, str],
) -> bool:
    name, kind, value = parameter.name.text, parameter.kind.text, argument.value
    if kind_of_value(value) != kind_of_value(kind):
        reporter.error(
            "E0908",
            f"`{name}` is a {kind}, and {said_of_value(value)}",
            value.span,
            notes=(f"write for instance `{name} = {_EXAMPLES[kind]}`",) if kind in _EXAMPLES else (),
            suggestion=_quotes(kind, value),
        )
        return False
    if isinstance(value, surface.Word) and kind != "name":
        is_a = declared.get(value.text, kind)
        if is_a != kind:
            near = nearest(value.text, [other for other, what in declared.items() if what == kind])
            reporter.error(
                "E0908",
                f"`{name}` is a {kind}, and `{value.text}` is a {is_a}",
                value.span,
                suggestion=replace(value.span, near) if near else None,
            )
            return False
    return True


def _quotes(kind: str, value: surface.ArgumentValue) -> Suggestion | None:
    """A text without its quotes, or a name with quotes that it should not have."""
    if kind == "text" and isinstance(value, surface.Word | surface.Quantity):
        return replace(value.span, f'"{value.text}"')
    if kind not in _EXAMPLES and isinstance(value, surface.Text) and value.value.isidentifier():
        return replace(value.span, value.value)
    return None
