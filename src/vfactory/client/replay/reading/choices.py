"""What the user says about a recording, and the errors that name the option to use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from utils.ids import normalize_name
from vfactory.client.replay.reading.notation import COUNTED, TimeError, parse_time


class RecordingError(Exception):
    """The file cannot be replayed as it is; the text says what is wrong and what to do."""


class ChoiceError(RecordingError):
    """An option cannot be understood, or contradicts the file."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The user's options about the file; None or empty means: detect it.

    A column is named by its name in the file, or by its place: `#3`.

    Args:
        part: Which sheet of a workbook, or file of a zip.
        begin: The time of zero, where the times count seconds.
        names: The columns' names, if the file has no header line.
        columns: Column → the metric's name.
        missing: Words that mean that nothing was measured, beside the usual ones.
        strip: What stands beside numbers, such as a unit.
        force: Read what is implausible as well.
    """

    delimiter: str | None = None
    time_columns: Sequence[str] = ()
    exclude: Sequence[str] = ()
    time_format: str | None = None
    begin: datetime | None = None
    encoding: str | None = None
    decimal: str = "."
    thousands: str | None = None
    skip_lines: int = 0
    part: str | None = None
    names: Sequence[str] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    missing: Sequence[str] = ()
    strip: Sequence[str] = ()
    source_column: str | None = None
    metric_column: str | None = None
    value_column: str | None = None
    force: bool = False

    def check(self) -> None:
        """Check what needs no file.

        Raises:
            ChoiceError: An option is not one of the allowed values, or needs another option.
        """
        if self.decimal not in {".", ","}:
            raise ChoiceError(f"--decimal must be . or , and not {self.decimal!r}")
        if self.thousands is not None and (self.thousands not in {".", ",", " ", "'"}):
            raise ChoiceError(f"--thousands must be one of . , ' or a space, not {self.thousands!r}")
        if self.time_format in COUNTED and self.begin is None:
            raise ChoiceError(f"--time-format {self.time_format} needs --begin, the time of zero")
        if self.begin is not None and self.time_format not in {None, *COUNTED}:
            raise ChoiceError(
                f"--begin goes with --time-format {' or '.join(COUNTED)}, not {self.time_format!r}"
            )
        if self.thousands == self.decimal:
            raise ChoiceError(f"--thousands and --decimal are both {self.decimal!r}")
        if (self.metric_column is None) != (self.value_column is None):
            raise ChoiceError(
                "--metric-column and --value-column go together: the name of the metric, and its value"
            )


def clean(name: str) -> str:
    """Return a name in Unicode's form NFC, without byte order marks and surrounding space."""
    return normalize_name(name.replace("\ufeff", ""))


def find_column(names: Sequence[str], reference: str, option: str) -> int:
    """Return the index of the column with this name, or at this place (`#3`).

    Raises:
        ChoiceError: There is no such column; the text lists those that exist.
    """
    wanted = clean(reference)
    if wanted and wanted in names:
        return names.index(wanted)
    if wanted.startswith("#") and wanted[1:].isdecimal() and 1 <= int(wanted[1:]) <= len(names):
        return int(wanted[1:]) - 1
    raise ChoiceError(f"{option} {reference!r} is not a column of the file; its columns: {listed(names)}")


def listed(names: Sequence[str]) -> str:
    """Return names as text, at most twenty of them."""
    most = 20
    more = f", … ({len(names)} in all)" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more


def read_columns(given: Sequence[str]) -> dict[str, str]:
    """Return `COLUMN=METRIC` options as a mapping; the last `=` separates.

    Raises:
        ChoiceError: An option holds no `=`, or an empty name.
    """
    renamed = {}
    for text in given:
        column, _, metric = text.rpartition("=")
        if not column.strip() or not metric.strip():
            raise ChoiceError(f"--column is COLUMN=METRIC, such as 'Temp (°C)=temperature', not {text!r}")
        renamed[column] = clean(metric)
    return renamed


def read_begin(given: str | None) -> datetime | None:
    """Return the time of `--begin`, aware only if it has an offset.

    Raises:
        ChoiceError: It is not a time.
    """
    try:
        return None if given is None else parse_time(given.strip())
    except TimeError as error:
        raise ChoiceError(f"--begin is a time such as '2026-01-15 10:30:00', not {given!r}") from error
