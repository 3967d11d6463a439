"""Panes: what is left of samples for each stream and minute, small enough to keep, and exact enough to judge by."""

from wsla.evaluation.panes.collect import PaneMaker, panes_of
from wsla.evaluation.panes.measures import PanesError
from wsla.evaluation.panes.reduction import PaneReduction, fitted
from wsla.evaluation.panes.table import PaneTable, merged

__all__ = ["PaneMaker", "PaneReduction", "PaneTable", "PanesError", "fitted", "merged", "panes_of"]
