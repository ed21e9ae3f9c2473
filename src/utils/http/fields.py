"""The types of fields in requests and answers; each refuses values that PostgreSQL or JSON cannot hold."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from utils.ids import normalize_name

TEXT_PATTERN = r"^[^\x00]*$"

Text = Annotated[str, StringConstraints(pattern=TEXT_PATTERN)]
"""Text that PostgreSQL can store: no U+0000, no lone surrogate. Narrow it with `Field(max_length=…)`."""

NORMALIZED = BeforeValidator(lambda value: normalize_name(value) if isinstance(value, str) else value)
"""The last mark of a field that holds a name: `Annotated[Text, Field(max_length=…), NORMALIZED]`."""

Name = Annotated[Text, Field(min_length=1, max_length=200), NORMALIZED]
"""What people call something: 1 to 200 characters, in the one form of `utils.ids`."""

Integer = Annotated[int, Strict(), Field(ge=-(2**63), le=2**63 - 1)]
"""A JSON integer of 64 bits; no string, boolean or fraction. For bodies; use `int` for query parameters."""

Boolean = Annotated[bool, Strict()]
"""A JSON boolean; no string, no number."""

FiniteFloat = Annotated[float, Strict(), Field(allow_inf_nan=False)]
"""A JSON number that fits a double; no string. For bodies; use `float` for query parameters."""

_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", flags=re.ASCII
)
# One day within Python's range, so that a time fits in any zone; asyncpg turns the last moments into
# infinity.
EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC)


def _parse_time(value: Any) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise PydanticCustomError(
            "rfc3339", "must be an RFC 3339 time with a zone, such as 2026-01-15T10:30:00Z"
        )
    try:
        moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise PydanticCustomError("rfc3339", "is not a moment that exists in the calendar") from error
    if not EARLIEST <= moment <= LATEST:
        raise PydanticCustomError("time_range", "must lie between 0001-01-02 and 9999-12-30")
    return moment


AwareDatetime = Annotated[
    datetime,
    BeforeValidator(_parse_time),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An RFC 3339 time with its zone, kept in UTC with microseconds (further digits are dropped)."""


class RequestModel(BaseModel):
    """The body of a request; an unknown field is an error, so that a typo is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
