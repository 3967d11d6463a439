"""From the parser's tree to the surface tree. Method names are the grammar's rule names."""

from __future__ import annotations

from wsla.syntax.build.declarations import DeclarationBuilder
from wsla.syntax.build.expressions import ExpressionBuilder
from wsla.syntax.build.reuse import ReuseBuilder
from wsla.syntax.build.tests import TestBuilder


class SurfaceBuilder(DeclarationBuilder, ExpressionBuilder, ReuseBuilder, TestBuilder):
    """Builds surface nodes; not recursive, so that deep nesting cannot exhaust the stack."""
