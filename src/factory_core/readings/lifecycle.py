"""What a reading is, and which ones are refused: pure rules."""

import math
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, get_args

import msgspec

from contracts.factory_core import Quality
from utils.ids import normalize_name

MAX_READINGS: Final = 10_000
MAX_METRIC_LENGTH: Final = 100
_MAX_SENT_METRIC_LENGTH: Final = 4 * MAX_METRIC_LENGTH  # decomposed, a character is four at most
MAX_AHEAD: Final = timedelta(minutes=5)
"""How far a sender's clock may be ahead of ours."""

EARLIEST: Final = datetime(1, 1, 2, tzinfo=UTC)
"""A day after what Python can hold, so that every zone can be turned into UTC."""

QUALITIES: Final[tuple[Quality, ...]] = get_args(Quality)


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One value of one metric of one piece of equipment (`source` is its tag), measured at `at`."""

    source: Annotated[str, msgspec.Meta(description="The tag of a piece of equipment")]
    metric: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=MAX_METRIC_LENGTH,
            description="What is measured; its unit is the sender's",
        ),
    ]
    at: Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339, any offset")]
    value: Annotated[float, msgspec.Meta(description="Finite", extra_json_schema={"format": "double"})]
    quality: Annotated[
        Quality,
        msgspec.Meta(
            description="A bad reading is kept and not evaluated", extra_json_schema={"type": "string"}
        ),
    ] = "good"


class Code(StrEnum):
    """Why a reading was refused; also the `reason` of the metric that counts them."""

    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    INVALID_TEXT = "invalid_text"
    INVALID_TIME = "invalid_time"
    NAIVE_TIME = "naive_time"
    TIME_IN_FUTURE = "time_in_future"
    TIME_TOO_OLD = "time_too_old"
    NOT_FINITE = "not_finite"
    UNKNOWN_QUALITY = "unknown_quality"
    UNKNOWN_SOURCE = "unknown_source"
    TOO_MANY_METRICS = "too_many_metrics"


PASSING: Final = frozenset({Code.TIME_IN_FUTURE, Code.UNKNOWN_SOURCE, Code.TOO_MANY_METRICS})
"""Refusals whose cause lies outside the batch and may be gone when it is sent again."""


class Flaw(msgspec.Struct, frozen=True):
    """What is wrong with one reading: in which field (None: in the whole of it) and what is allowed."""

    field: str | None
    code: Code
    detail: str


class Rejection(msgspec.Struct, frozen=True):
    """A refused reading by its place in the batch, from 0."""

    index: int
    field: str | None
    code: Code
    detail: str


def reject(index: int, flaw: Flaw) -> Rejection:
    """Say which reading has the flaw."""
    return Rejection(index, flaw.field, flaw.code, flaw.detail)


def find_time_flaw(at: datetime, now: datetime) -> Flaw | None:
    """Hold an aware time against the clock."""
    if at > now + MAX_AHEAD:
        return Flaw("at", Code.TIME_IN_FUTURE, "lies more than 5 minutes in the future")
    if at < EARLIEST:
        return Flaw("at", Code.TIME_TOO_OLD, "must not lie before 0001-01-02T00:00:00Z")
    return None


def find_metric_flaw(metric: str) -> Flaw | None:
    """Find what is wrong with a metric's name in its normal form."""
    if not 1 <= len(metric) <= MAX_METRIC_LENGTH:
        return Flaw("metric", Code.INVALID_TEXT, f"must have 1 to {MAX_METRIC_LENGTH} characters")
    return find_text_flaw("metric", metric)


def find_text_flaw(field: str, text: str) -> Flaw | None:
    """Find what no database can hold in a text."""
    if "\x00" in text:
        return Flaw(field, Code.INVALID_TEXT, "must not contain the character U+0000")
    try:
        text.encode()
    except UnicodeEncodeError:
        return Flaw(field, Code.INVALID_TEXT, "must be valid Unicode text, without lone surrogates")
    return None


def parse_reading(item: Any) -> Reading | Flaw:
    """Read one item of a batch as Python's own JSON parser gives it; the first flaw ends it."""
    if not isinstance(item, dict):
        return Flaw(None, Code.NOT_AN_OBJECT, "a reading must be an object")
    flaw = _find_field_flaw(item) or _find_metric_flaw(item["metric"]) or _find_value_flaw(item["value"])
    if flaw is not None:
        return flaw
    if not isinstance(item["source"], str):
        return Flaw("source", Code.WRONG_TYPE, "must be a string: the tag of a piece of equipment")
    quality = item.get("quality", "good")
    if quality not in QUALITIES:
        return Flaw("quality", Code.UNKNOWN_QUALITY, "must be one of good, uncertain, bad")
    at = _parse_time(item["at"])
    if isinstance(at, Flaw):
        return at
    return Reading(item["source"], item["metric"], at, float(item["value"]), quality)


def _find_field_flaw(item: dict[str, Any]) -> Flaw | None:
    for name in item:
        if name not in Reading.__struct_fields__:
            allowed = ", ".join(Reading.__struct_fields__)
            return Flaw(_shown(name), Code.UNKNOWN_FIELD, f"is not a known field; allowed: {allowed}")
    for name in ("source", "metric", "at", "value"):
        if name not in item:
            return Flaw(name, Code.MISSING_FIELD, "is required")
    return None


def _shown(name: str) -> str:
    """Give a stranger's field name in a form every log and client can show."""
    return name[:MAX_METRIC_LENGTH].encode("utf-8", "backslashreplace").decode()


def _find_metric_flaw(metric: Any) -> Flaw | None:
    if not isinstance(metric, str):
        return Flaw("metric", Code.WRONG_TYPE, "must be a string")
    if len(metric) <= MAX_METRIC_LENGTH:
        return None if metric else find_metric_flaw(metric)
    # Too long as it was sent; its normal form may be shorter.
    return find_metric_flaw(normalize_name(metric) if len(metric) <= _MAX_SENT_METRIC_LENGTH else metric)


def _find_value_flaw(value: Any) -> Flaw | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Flaw("value", Code.WRONG_TYPE, "must be a number")
    try:
        finite = math.isfinite(value)
    except OverflowError:  # an integer beyond what a double holds
        finite = False
    return (
        None if finite else Flaw("value", Code.NOT_FINITE, "must be a finite number within a double's range")
    )


def _parse_time(text: Any) -> datetime | Flaw:
    if not isinstance(text, str):
        return Flaw("at", Code.WRONG_TYPE, "must be a string: an RFC 3339 time such as 2026-01-15T10:30:00Z")
    try:
        at = msgspec.convert(text, datetime)
    except (msgspec.ValidationError, UnicodeEncodeError):
        return Flaw("at", Code.INVALID_TIME, "must be an RFC 3339 time such as 2026-01-15T10:30:00Z")
    if at.tzinfo is None:
        return Flaw("at", Code.NAIVE_TIME, "must say its time zone, such as 2026-01-15T10:30:00Z or …+09:00")
    return at
