"""The words of WSLA 1.0, so that a name in other capitals is known too."""

from __future__ import annotations

from typing import Final

DIRECTIVES: Final = (
    "Counter",
    "Gauge",
    "ResponseTime",
    "SumResponseTime",
    "Status",
    "InvocationCount",
    "StatusRequest",
    "Downtime",
    "MaintenancePeriodQuery",
)
FUNCTIONS: Final = (
    "QConstructor",
    "TSConstructor",
    "Size",
    "TSSelect",
    "Plus",
    "Minus",
    "Times",
    "Divide",
    "Average",
    "Mean",
    "Median",
    "Mode",
    "Sum",
    "Max",
    "Round",
    "ValueOccurs",
    "PercentageGreaterThanThreshold",
    "PercentageLessThanThreshold",
    "NumberGreaterThanThreshold",
    "NumberLessThanThreshold",
    "RateOfChange",
    "Span",
    "QualifyMeasurementTimeSeries",
)
PREDICATES: Final = (
    "Greater",
    "Less",
    "Equal",
    "GreaterEqual",
    "LessEqual",
    "NewValue",
    "Violation",
    "True",
    "False",
)
MODALITIES: Final = (
    "Always",
    "OnEnteringCondition",
    "OnEnteringAndOnLeavingCondition",
    "OnEveryEvaluation",
)
INTERVAL_PARTS: Final = ("Years", "Months", "Days", "Hours", "Minutes", "Seconds", "MilliSeconds")
ROLES: Final = {
    "MeasurementService": "measurer",
    "ConditionEvaluationService": "evaluator",
    "ManagementService": "manager",
}

_ELEMENTS: Final = """
    SLA Parties ServiceProvider ServiceConsumer SupportingParty Contact Street City Action Sponsor Role
    WSDLFile ServiceName SOAPBindingName SOAPOperationName Address ServiceDefinition Schedule Trigger
    Constant MetricMacroDefinition MetricMacroExpansion SLAParameter Metric Operation WSDLSOAPOperation
    OperationGroup WebHosting Coverage Description Period Interval Start End ConditionTime
    ConditionMonthOfYearMask ConditionDayOfMonthMask ConditionDayOfWeekMask ConditionTimeOfDayMask
    ConditionTimeZone ConditionLocalOrUtcTime Time String Integer Float Communication Source Pull Push
    MetricURI MeasurementDirective Function MeasurementDirectiveVariable MeasurementDirectiveAssignment
    ReadingSchedule MeasurementURI RequestURL TimeOut CounterURI RequestURI Window Operand LongScalar
    FloatScalar StringScalar Element Digits Value BaseMetric ValidationMetric Obligations ObligationGroup
    ServiceLevelObjective ActionGuarantee Obliged Validity Expression Expresssion EvaluationEvent Predicate
    And Or Not Implies SLAParameterList QualifiedAction Party NotificationType CausingGuarantee
    ExecutionModality
"""
_CANONICAL: Final = {
    word.lower(): word
    for word in (*_ELEMENTS.split(), *INTERVAL_PARTS, *DIRECTIVES, *FUNCTIONS, *PREDICATES, *MODALITIES)
}


def canonical(word: str) -> str:
    """The word of the language that differs from this one in its capitals at most; else the word itself."""
    return _CANONICAL.get(word.lower(), word)
