"""The bodies of requests and answers about corrections."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.factory_core import Quality
from factory_core.readings.corrections.lifecycle import (
    DETAILS,
    MAX_CORRECTIONS,
    MAX_REASON_LENGTH,
    Decision,
    Outcome,
    Refusal,
    Wanted,
)
from factory_core.readings.corrections.models import Correction
from factory_core.readings.lifecycle import MAX_METRIC_LENGTH, QUALITIES
from utils.http import NORMALIZED, AwareDatetime, FiniteFloat, RequestModel, Text


class ReadingCorrection(RequestModel):
    """A kept reading, by its source, metric and time, and what should be kept of it."""

    source: Annotated[
        Text, Field(min_length=1, max_length=100, description="The equipment's tag"), NORMALIZED
    ]
    metric: Annotated[
        Text, Field(min_length=1, max_length=MAX_METRIC_LENGTH, description="What is measured"), NORMALIZED
    ]
    at: Annotated[AwareDatetime, Field(description="When, to the microsecond")]
    value: Annotated[FiniteFloat, Field(description="The right value")]
    quality: Annotated[Quality | None, Field(description="The right quality; without it, it stays")] = None
    reason: Annotated[
        Text,
        Field(min_length=1, max_length=MAX_REASON_LENGTH, description="Why; it stays with the correction"),
        NORMALIZED,
    ]

    def to_wanted(self) -> Wanted:
        """Return the service's terms."""
        return Wanted(self.source, self.metric, self.at, self.value, self.quality, self.reason)


class CorrectionRequest(RequestModel):
    """Corrections to be made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "corrections": [
                        {
                            "source": "press-1",
                            "metric": "temperature",
                            "at": "2026-01-15T10:30:00Z",
                            "value": 71.5,
                            "reason": "The sensor's decimal point was set wrongly",
                        }
                    ]
                }
            ]
        }
    )

    corrections: Annotated[list[ReadingCorrection], Field(min_length=1, max_length=MAX_CORRECTIONS)]


class CorrectionResult(BaseModel):
    """What became of one item of the request."""

    index: Annotated[int, Field(description="Its place in the request, from 0")]
    outcome: Annotated[Outcome, Field(description="`unchanged` if the reading was so already")]
    correction_id: Annotated[UUID | None, Field(description="The record of the correction; null if none")]
    old_value: Annotated[float | None, Field(description="What was kept before; null if it was rejected")]
    old_quality: Annotated[Quality | None, Field(description="What was kept before; null if it was rejected")]
    field: Annotated[str | None, Field(description="The wrong field; null unless it was rejected")]
    code: Annotated[Refusal | None, Field(description="Why it was rejected; null otherwise")]
    detail: Annotated[str | None, Field(description="Why it was rejected, for people; null otherwise")]

    @classmethod
    def of(cls, index: int, decision: Decision, correction: Correction | None) -> Self:
        """Return the answer for one decision."""
        field, detail = DETAILS[decision.refusal] if decision.refusal else (None, None)
        old_value, old_quality = decision.before or (None, None)
        return cls(
            index=index,
            outcome=decision.outcome,
            correction_id=correction.id if correction is not None else None,
            old_value=old_value,
            old_quality=old_quality,
            field=field,
            code=decision.refusal,
            detail=detail,
        )


class CorrectionAnswer(BaseModel):
    """What became of the corrections."""

    corrected: Annotated[int, Field(description="How many readings were changed")]
    unchanged: Annotated[int, Field(description="How many items gave what was kept already")]
    rejected: Annotated[int, Field(description="How many items were refused")]
    results: Annotated[list[CorrectionResult], Field(description="One for each item, in the request's order")]

    @classmethod
    def of(cls, made: Sequence[tuple[Decision, Correction | None]]) -> Self:
        """Return the answer for what the service did."""
        outcomes = [decision.outcome for decision, _ in made]
        return cls(
            corrected=outcomes.count(Outcome.CORRECTED),
            unchanged=outcomes.count(Outcome.UNCHANGED),
            rejected=outcomes.count(Outcome.REJECTED),
            results=[CorrectionResult.of(index, *one) for index, one in enumerate(made)],
        )


class CorrectionRead(BaseModel):
    """A correction: what was kept of a reading before, what has been kept since, by whom and why."""

    id: Annotated[UUID, Field(description="Its id, made by the service")]
    source: Annotated[str, Field(description="The equipment's tag")]
    metric: Annotated[str, Field(description="What is measured")]
    at: Annotated[datetime, Field(description="The time of the reading")]
    old_value: Annotated[float, Field(description="What was kept before")]
    old_quality: Annotated[Quality, Field(description="What was kept before")]
    value: Annotated[float, Field(description="What has been kept since")]
    quality: Annotated[Quality, Field(description="What has been kept since")]
    reason: Annotated[str, Field(description="Why")]
    corrected_by: Annotated[str, Field(description="Who corrected it")]
    corrected_at: Annotated[datetime, Field(description="When it was corrected")]

    @classmethod
    def of(cls, row: Correction) -> Self:
        """Return the answer for a row."""
        return cls(
            id=row.id,
            source=row.source,
            metric=row.metric,
            at=row.at,
            old_value=row.old_value,
            old_quality=QUALITIES[row.old_quality],
            value=row.value,
            quality=QUALITIES[row.quality],
            reason=row.reason,
            corrected_by=row.corrected_by,
            corrected_at=row.corrected_at,
        )
