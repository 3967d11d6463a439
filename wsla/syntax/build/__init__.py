"""From the parser's tree to the surface tree. Method names are the grammar's rule names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wsla.syntax.build.declarations import DeclarationBuilder
from wsla.syntax.build.expressions import ExpressionBuilder
from wsla.syntax.build.reuse import ReuseBuilder
from wsla.syntax.build.tests import TestBuilder
from wsla.syntax.build.words import Token

if TYPE_CHECKING:
    import lark


class SurfaceBuilder(DeclarationBuilder, ExpressionBuilder, ReuseBuilder, TestBuilder):
    """Builds surface nodes: one method a rule, with the place of the rule and what it is made of."""

    def transform(self, tree: lark.Tree[lark.Token]) -> Any:
        """What a tree of lark's means; not recursive, so that deep nesting cannot exhaust the stack."""
        waiting: list[Any] = [tree]
        order: list[Any] = []
        while waiting:
            node = waiting.pop()
            order.append(node)
            if hasattr(node, "children"):
                waiting += node.children
        built: list[Any] = []
        for node in reversed(order):
            if hasattr(node, "children"):
                size = len(node.children)
                parts = built[len(built) - size :]
                del built[len(built) - size :]
                built.append(getattr(self, node.data)(node.meta, *parts))
            elif hasattr(node, "start_pos"):
                token = Token(node)
                token.type, token.start_pos = node.type, node.start_pos
                built.append(token)
            else:
                built.append(node)
        (result,) = built
        return result
