"""A second opinion on WSLA documents: the content of each type by the published schema, as patterns of names."""

from __future__ import annotations

import re
from xml.etree import ElementTree

NAMESPACE = "{http://www.ibm.com/wsla}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
OBJECT = "Schedule* Trigger* Constant* MetricMacroDefinition* MetricMacroExpansion* SLAParameter* Metric*"
SOAP = "WSDLFile ServiceName? SOAPBindingName SOAPOperationName"
SCALAR = "(Metric|Function|LongScalar|FloatScalar|StringScalar|Constant)"
LOGIC = "(Predicate|And|Or|Not|Implies)"
PERIOD = (
    "(Start End|ConditionTime ConditionMonthOfYearMask ConditionDayOfMonthMask ConditionDayOfWeekMask "
    "ConditionTimeOfDayMask ConditionTimeZone ConditionLocalOrUtcTime)"
)
EVALUATED = "(EvaluationEvent|Schedule)"
MODELS = {
    "SLA": "Parties ServiceDefinition+ Obligations",
    "Parties": "ServiceProvider ServiceConsumer SupportingParty*",
    "ServiceProvider": "Contact? Action*",
    "ServiceConsumer": "Contact? Action*",
    "SupportingParty": "Contact? Action* Sponsor Sponsor? Role+",
    "Contact": "Street City",
    "WSDLSOAPActionDescriptionType": SOAP,
    "WSDLGetPostActionDescriptionType": "ServiceName? Address",
    "ServiceDefinition": f"{OBJECT} (Operation|WSDLSOAPOperation)* OperationGroup* WebHosting*",
    "Operation": OBJECT,
    "WSDLSOAPOperationDescriptionType": f"{OBJECT} {SOAP}",
    "Schedule": "Period Interval",
    "Period": PERIOD,
    "Validity": PERIOD,
    "Interval": "Years? Months? Days? Hours? Minutes? Seconds? MilliSeconds?",
    "TimeOut": "Years? Months? Days? Hours? Minutes? Seconds? MilliSeconds?",
    "SLAParameter": "Metric Communication?",
    "Communication": "Source Pull? Push?",
    "Metric": "Source MetricURI? (MeasurementDirective|Function|MeasurementDirectiveVariable)",
    "Operand": SCALAR,
    "Value": SCALAR,
    "Digits": SCALAR,
    "Gauge": "ReadingSchedule? MeasurementURI",
    "Counter": "ReadingSchedule? MeasurementURI",
    "ResponseTime": "ReadingSchedule? MeasurementURI",
    "Status": "ReadingSchedule? MeasurementURI TimeOut",
    "SumResponseTime": "ReadingSchedule?",
    "Downtime": "ReadingSchedule?",
    "MaintenancePeriodQuery": "ReadingSchedule?",
    "InvocationCount": "ReadingSchedule? CounterURI?",
    "StatusRequest": "ReadingSchedule? RequestURI",
    "QConstructor": "(Metric|Function) Window?",
    "TSConstructor": "Schedule (Metric|Function) Window?",
    "Size": "Operand",
    "TSSelect": "Operand Element",
    "Round": "(Metric|Function) Digits",
    "RateOfChange": "(Metric|Function) Interval",
    "QualifyMeasurementTimeSeries": "BaseMetric ValidationMetric Value",
    **dict.fromkeys(("Plus", "Minus", "Times", "Divide"), "Operand Operand"),
    **dict.fromkeys(("Average", "Mean", "Median", "Mode", "Sum", "Max"), "(Metric|Function)"),
    **dict.fromkeys(
        (
            *("ValueOccurs", "Span", "PercentageGreaterThanThreshold", "PercentageLessThanThreshold"),
            *("NumberGreaterThanThreshold", "NumberLessThanThreshold"),
        ),
        "(Metric|Function) Value",
    ),
    "Obligations": "Constant* ServiceLevelObjective* ActionGuarantee* ObligationGroup*",
    "ServiceLevelObjective": f"Obliged Validity+ Expression {EVALUATED}",
    "ActionGuarantee": f"Obliged+ Expression {EVALUATED} QualifiedAction+ ExecutionModality",
    "QualifiedAction": "Party Action",
    "Notification": "NotificationType CausingGuarantee SLAParameter",
    "Expression": LOGIC,
    "Expresssion": LOGIC,
    "And": "Expression Expression",
    "Or": "Expression Expression",
    "Implies": "Expression Expression",
    "Not": "Expresssion",
    **dict.fromkeys(("Greater", "Less", "Equal", "GreaterEqual", "LessEqual"), "SLAParameter Value"),
    "NewValue": "(SLAParameter|SLAParameterList)",
    "Violation": "ServiceLevelObjective",
    "True": "",
    "False": "",
}
WORDS = {
    "Role": "MeasurementService|ManagementService|ConditionEvaluationService",
    "EvaluationEvent": "NewValue",
    "ExecutionModality": "Always|OnEnteringCondition|OnEnteringAndOnLeavingCondition|OnEveryEvaluation",
    "NotificationType": "Violation|Information",
    "LongScalar": r"-?\d+",
    "FloatScalar": r"-?\d+(\.\d+)?",
    "Window": r"\d+",
    "Element": r"-?\d+",
    "Start": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    "End": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
}
# What stands in these is a name or a text, whatever an element of that name has in it elsewhere.
TEXTS = {
    "Metric": {"SLAParameter", "Function", "Operand", "Digits", "Value"},
    "SLAParameter": {"Predicate", "Action"},
    "Schedule": {"Function", "ServiceLevelObjective", "ActionGuarantee"},
    "ServiceLevelObjective": {"Predicate"},
    "Value": {"Predicate"},
}


def pattern(model: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\w+", lambda name: f"(?:{name.group()};)", model).replace(" ", ""))


def broken(text: str) -> list[str]:
    """What the schema would say against a document."""
    root = ElementTree.fromstring(text)
    found: list[str] = []
    _look(root, "", found)
    return found


def _look(element: ElementTree.Element, inside: str, found: list[str]) -> None:
    name = element.tag.removeprefix(NAMESPACE)
    children = [child.tag.removeprefix(NAMESPACE) for child in element]
    if inside in TEXTS.get(name, ()):
        if children:
            found.append(f"{name} in {inside} holds a name")
        return
    kind = element.get(TYPE, name)
    words = WORDS.get(name)
    if words is not None and not re.fullmatch(words, element.text or ""):
        found.append(f"{name} cannot be {element.text!r}")
    model = MODELS.get(kind, "")
    if kind in ("Function", "Predicate", "MeasurementDirective"):
        found.append(f"{name} needs a type")
    if not pattern(model).fullmatch("".join(f"{child};" for child in children)):
        found.append(f"{kind} holds {children}")
    for child in element:
        _look(child, name, found)
