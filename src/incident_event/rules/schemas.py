"""The bodies of requests and answers about rules."""

import math
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from incident_event.incidents.lifecycle import IncidentType
from incident_event.rules.lifecycle import Condition, ConditionState
from incident_event.rules.models import Rule, RuleState
from incident_event.rules.service import ThresholdRule
from incident_event.rules.times import from_microseconds
from utils.http import NORMALIZED, FiniteFloat, Integer, Name, RequestModel, Text

Tag = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", examples=["pump-1"])]
Metric = Annotated[Text, Field(min_length=1, max_length=100, examples=["Accelerometer1RMS"]), NORMALIZED]


class RuleCreate(RequestModel):
    """A threshold rule to be. Comparison is strict; times are those of the readings, not of their arrival."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "factory_id": "01a20a52-b070-7595-88cb-1835953c075b",
                    "name": "Pump shakes",
                    "kind": "threshold",
                    "equipment": "pump-1",
                    "metric": "Accelerometer1RMS",
                    "operator": ">",
                    "threshold": 0.5,
                    "on_delay_seconds": 5,
                    "deadband": 0.05,
                    "severity": 4,
                    "incident_type": "equipment",
                }
            ]
        }
    )

    factory_id: Annotated[UUID, Field(description="The factory whose readings it watches")]
    name: Annotated[Name, Field(description="The title of its incidents")]
    kind: Annotated[Literal["threshold"], Field(description="The only kind so far")] = "threshold"
    equipment: Annotated[Tag, Field(description="The tag of the machine: the readings' `source`")]
    metric: Annotated[Metric, Field(description="Of which measurements")]
    operator: Annotated[Literal[">", "<"], Field(description="Beyond is above (>) or below (<)")]
    threshold: Annotated[FiniteFloat, Field(description="In the unit of the readings")]
    on_delay_seconds: Annotated[
        FiniteFloat, Field(ge=0, le=86_400, description="How long readings must stay beyond the threshold")
    ] = 0.0
    deadband: Annotated[
        FiniteFloat, Field(ge=0, description="How far readings must come back before the condition clears")
    ] = 0.0
    lateness_seconds: Annotated[
        FiniteFloat,
        Field(
            ge=0,
            le=3600,
            description="How much older than the newest one a reading may be and still be evaluated; "
            "at high rates the newest 4,096 readings bound it too. Later ones are counted, not evaluated",
        ),
    ] = 60.0
    severity: Annotated[Integer, Field(ge=1, le=5, description="Of the incidents; 5 is the most severe")]
    incident_type: IncidentType = IncidentType.EQUIPMENT

    @field_validator("deadband")
    @classmethod
    def _clears_somewhere(cls, deadband: float, info: ValidationInfo) -> float:
        threshold = info.data.get("threshold", 0.0)
        if not math.isfinite(abs(threshold) + deadband):
            raise ValueError("threshold and deadband together must stay within the range of a double")
        return deadband

    def to_rule(self) -> ThresholdRule:
        """Give the service's terms."""
        return ThresholdRule(**self.model_dump(exclude={"kind"}, mode="python"))


class RuleStateRead(BaseModel):
    """Where a rule stands. `late_readings` and `bad_readings` were counted, not evaluated."""

    condition: Annotated[
        Condition, Field(description="As the readings say; `normal` also before there is one, see `status`")
    ]
    status: Annotated[
        Literal["no_data", "normal", "pending", "active"],
        Field(description="`no_data` until the first reading has been evaluated, then as `condition`"),
    ]
    evaluated_readings: Annotated[int, Field(description="How many readings it has evaluated")]
    late_readings: Annotated[int, Field(description="How many came too late to be evaluated")]
    bad_readings: Annotated[int, Field(description="How many were of bad quality, and not evaluated")]
    last_reading_at: Annotated[
        datetime | None, Field(description="The time of the newest reading it has seen")
    ]
    active_since: Annotated[
        datetime | None,
        Field(description="The time of the reading that activated it; null while it is not active"),
    ]

    @classmethod
    def of(cls, state: RuleState) -> Self:
        """Show a row."""
        condition = ConditionState(state.since_us, state.activated_us).condition
        return cls(
            condition=condition,
            status=condition if state.evaluated_readings else "no_data",
            evaluated_readings=state.evaluated_readings,
            late_readings=state.late_readings,
            bad_readings=state.bad_readings,
            last_reading_at=None if state.newest_us is None else from_microseconds(state.newest_us),
            active_since=None if state.activated_us is None else from_microseconds(state.activated_us),
        )


class RuleRead(BaseModel):
    """A rule."""

    id: Annotated[UUID, Field(description="Its id, made by the service")]
    factory_id: Annotated[UUID, Field(description="The factory whose readings it watches")]
    version: Annotated[int, Field(description="Grows with every change")]
    name: Annotated[str, Field(description="The title of its incidents")]
    kind: Annotated[Literal["threshold"], Field(description="The only kind so far")]
    equipment: Annotated[str, Field(description="The tag of the machine: the readings' `source`")]
    metric: Annotated[str, Field(description="Of which measurements")]
    operator: Annotated[Literal[">", "<"], Field(description="Beyond is above (>) or below (<)")]
    threshold: Annotated[float, Field(description="In the unit of the readings")]
    on_delay_seconds: Annotated[float, Field(description="How long readings must stay beyond the threshold")]
    deadband: Annotated[
        float, Field(description="How far readings must come back before the condition clears")
    ]
    lateness_seconds: Annotated[
        float, Field(description="How much older than the newest one a reading may be and still be evaluated")
    ]
    severity: Annotated[int, Field(description="Of the incidents; 5 is the most severe")]
    incident_type: IncidentType
    created_by: Annotated[str, Field(description="Who created it")]
    created_at: Annotated[datetime, Field(description="When it was created")]
    state: RuleStateRead

    @classmethod
    def of(cls, rule: Rule, state: RuleState) -> Self:
        """Show a rule with its state."""
        return cls.model_validate(
            {
                **{name: getattr(rule, name) for name in cls.model_fields if name != "state"},
                "state": RuleStateRead.of(state),
            }
        )
