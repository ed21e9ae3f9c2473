"""The way into a recording: open → decode → dialect → columns → times → values → series.

`unpack` opens the file by its content (`lines`, `workbook` and `parquet` read its rows, `tables` chooses),
`decode` finds the encoding, `dialect` the separator and the header, `time_columns` and `columns` what each
column holds; `notation` and `times` read times, `values` numbers; `recording` gives the rows of each series,
and `survey` reads them once before they are sent.
"""

from vfactory.client.replay.reading.choices import (
    ChoiceError,
    Choices,
    RecordingError,
    read_begin,
    read_columns,
)
from vfactory.client.replay.reading.findings import EXAMPLES_KEPT, Finding
from vfactory.client.replay.reading.notation import TimeError
from vfactory.client.replay.reading.recording import Recording, Row
from vfactory.client.replay.reading.survey import Span, Survey, survey
from vfactory.client.replay.reading.unpack import as_file

__all__ = [
    "EXAMPLES_KEPT",
    "ChoiceError",
    "Choices",
    "Finding",
    "Recording",
    "RecordingError",
    "Row",
    "Span",
    "Survey",
    "TimeError",
    "as_file",
    "read_begin",
    "read_columns",
    "survey",
]
