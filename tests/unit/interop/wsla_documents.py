"""Small WSLA documents for tests: parts by name, and the rest around them."""

from __future__ import annotations

TERM = "<Start>2026-01-01T00:00:00Z</Start><End>2026-02-01T00:00:00Z</End>"
PARTIES = '<ServiceProvider name="Host"/><ServiceConsumer name="Shop"/>'
LEAF = '<Metric name="{}"><Source>Host</Source><MeasurementDirective xsi:type="Gauge"/></Metric>'
SPACES = 'xmlns="http://www.ibm.com/wsla" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def schedule(name: str, interval: str, period: str = TERM) -> str:
    return f'<Schedule name="{name}"><Period>{period}</Period><Interval>{interval}</Interval></Schedule>'


def metric(name: str, function: str) -> str:
    return f'<Metric name="{name}"><Source>Host</Source>{function}</Metric>'


def function(kind: str, inner: str) -> str:
    return f'<Function xsi:type="{kind}">{inner}</Function>'


def operand(inner: str) -> str:
    return f"<Operand>{inner}</Operand>"


def scalar(number: str) -> str:
    return f"<FloatScalar>{number}</FloatScalar>"


def series(metric: str, window: int = 12, schedule: str = "minutes") -> str:
    return function(
        "TSConstructor",
        f"<Schedule>{schedule}</Schedule><Metric>{metric}</Metric><Window>{window}</Window>",
    )


def predicate(kind: str, parameter: str, value: str = "1") -> str:
    return f'<Predicate xsi:type="{kind}"><SLAParameter>{parameter}</SLAParameter><Value>{value}</Value></Predicate>'


def expression(inner: str) -> str:
    return f"<Expression>{inner}</Expression>"


def objective(
    name: str,
    inner: str,
    *,
    validity: str = TERM,
    evaluated: str = "<EvaluationEvent>NewValue</EvaluationEvent>",
) -> str:
    return (
        f'<ServiceLevelObjective name="{name}"><Obliged>Host</Obliged><Validity>{validity}</Validity>'
        f"{expression(inner)}{evaluated}</ServiceLevelObjective>"
    )


def guarantee(inner: str, modality: str, action: str = '<Action actionName="notify"/>') -> str:
    return (
        f"<ActionGuarantee><Obliged>Host</Obliged>{expression(inner)}<EvaluationEvent>NewValue</EvaluationEvent>"
        f"<QualifiedAction><Party>Shop</Party>{action}</QualifiedAction>"
        f"<ExecutionModality>{modality}</ExecutionModality></ActionGuarantee>"
    )


def document(metrics: str, obligations: str = "", *, parties: str = PARTIES, schedules: str = "") -> str:
    """A document with an SLA parameter ``P`` of the metric ``M``, and schedules ``minutes`` (5) and ``hours``."""
    steps = schedule("minutes", "<Minutes>5</Minutes>") + schedule("hours", "<Hours>1</Hours>") + schedules
    objectives = obligations or objective("O", predicate("Less", "P"))
    return (
        f'<SLA {SPACES} name="Test"><Parties>{parties}</Parties><ServiceDefinition name="Service">{steps}'
        f'<SLAParameter name="P"><Metric>M</Metric></SLAParameter>{metrics}</ServiceDefinition>'
        f"<Obligations>{objectives}</Obligations></SLA>"
    )
