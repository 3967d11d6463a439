"""The streaming evaluator: one observation at a time, exact at every instant, with a state that stays small."""

from wsla.evaluation.stream.evaluator import StreamEvaluator
from wsla.evaluation.stream.events import Event, JudgementFinal, StandingChanged, TooLate, TriggerChanged

__all__ = ["Event", "JudgementFinal", "StandingChanged", "StreamEvaluator", "TooLate", "TriggerChanged"]
