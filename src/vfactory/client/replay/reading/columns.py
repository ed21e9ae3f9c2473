"""Finds which columns of a recording hold times, machines, metrics and values."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from vfactory.client.replay.reading.choices import (
    ChoiceError,
    Choices,
    RecordingError,
    clean,
    find_column,
    listed,
)
from vfactory.client.replay.reading.decode import find_garbled
from vfactory.client.replay.reading.dialect import holds_values
from vfactory.client.replay.reading.notation import Notation, is_integer
from vfactory.client.replay.reading.sample import Sample, most, name_words
from vfactory.client.replay.reading.time_columns import TimeColumns, is_any_time
from vfactory.client.replay.reading.values import ValueReader, looks_measured

LONGEST_METRIC = 100
_MACHINES = frozenset(
    "machine unit device sensor station equipment tag channel 설비 장비 호기 기계 센서 채널".split()  # noqa: SIM905
)
_INFLUX = frozenset({"result", "table", "_start", "_stop"})
"""Columns that InfluxDB adds to each answer."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout by which the recording is read; nothing is guessed after it.

    Args:
        names: The columns' names, in Unicode's form NFC and trimmed; empty where there is none.
        times: The index of the cell with the time, or of those with its parts.
        notation: How the time is written.
        metrics: (cell index, metric name) of each column of numbers; of a long table, only the column of
            values.
        left_out: Column name → the reason why it is not sent.
        labels: The columns that may name a machine or a metric, and that nobody asked to leave out.
        clock: Columns that seem to hold the times of day, but are no part of the time.
        source: The column that names the machine.
        metric: The column that names the metric of a long table.
        unknown_excludes: Names given to `--exclude` that are not columns; only `--force` sends such a file.
    """

    names: tuple[str, ...]
    times: tuple[int, ...]
    notation: Notation
    metrics: tuple[tuple[int, str], ...]
    left_out: dict[str, str] = field(default_factory=dict)
    labels: tuple[int, ...] = ()
    clock: tuple[int, ...] = ()
    source: int | None = None
    metric: int | None = None
    unknown_excludes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many cells a row has."""
        return len(self.names)

    @property
    def time_name(self) -> str:
        """The name of the column of times, or the names of its parts."""
        return " ".join(self.names[index] for index in self.times).strip()

    def label(self, index: int) -> str:
        """Return a column's name, or its place if it has none."""
        return self.names[index] or f"#{index + 1}"


class Columns:
    """The columns of a recording, looked at through its first rows.

    Args:
        header: The names of the columns, as written.
        rows: The cells of the first rows.
        choices: The user's options about the file.
        annotated: Whether it is InfluxDB's annotated CSV, a long table with known names.
        every_row: Gives all rows of the file, for what the first ones do not decide.
    """

    def __init__(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        choices: Choices,
        *,
        annotated: bool = False,
        every_row: Callable[[], Iterable[Sequence[str]]] | None = None,
    ) -> None:
        self._sample = Sample(header, rows)
        self._choices = choices
        self._values = ValueReader(choices.decimal, choices.thousands, choices.missing, choices.strip)
        self._annotated = annotated
        self._times = TimeColumns(self._sample, choices, every_row)

    def layout(self) -> Layout:
        """Return the layout.

        Raises:
            RecordingError: A column cannot be read, or no column holds times or numbers.
            ChoiceError: An option names no column, or contradicts another.
        """
        choices, names = self._choices, self._sample.names
        if not any(names):
            raise RecordingError(
                "the first line must name the columns, but is blank; --skip-lines or --names"
            )
        if holds_values([name for name in names if name]) and not choices.names:
            raise RecordingError(
                "the first line must name the columns, but it holds values; give the names: --names "
                "time,level"
            )
        excluded, unknown = self._excluded()
        source, metric, value = self._long(excluded)
        times, notation = self._times.find(excluded | {i for i in (source, metric, value) if i is not None})
        used = {*times, *excluded} | {i for i in (source, metric) if i is not None}
        if self._annotated:
            used |= {index for index, name in enumerate(names) if name in _INFLUX}
        renamed = {find_column(names, old, "--column"): new for old, new in choices.columns.items()}
        metrics, left_out = self._find_metrics(used, value, renamed)
        reasons = {names[i] or f"(column {i + 1})": "excluded" for i in sorted(excluded)}
        reasons |= {
            names[i] or f"(column {i + 1})": why
            for i, why in left_out.items()
            if names[i] or any(cell.strip() for cell in self._sample.cells(i))
        }
        self._check_names([(i, name) for i, name in metrics], long=value is not None)
        if not metrics:
            raise RecordingError(self._no_metrics(reasons))
        return Layout(
            tuple(names),
            times,
            notation,
            tuple(metrics),
            reasons,
            tuple(i for i in range(len(names)) if i not in used | {value} and self._is_label(i)),
            self._times.find_clock(times, {i for i in (source, metric, value) if i is not None}),
            source,
            metric,
            unknown,
        )

    def _excluded(self) -> tuple[set[int], tuple[str, ...]]:
        """Return the columns to leave out; a name leaves out every column of that name."""
        excluded: set[int] = set()
        unknown = []
        for given in self._choices.exclude:
            same = {index for index, name in enumerate(self._sample.names) if name == clean(given) != ""}
            try:
                excluded |= same or {find_column(self._sample.names, given, "--exclude")}
            except ChoiceError:
                unknown.append(given)
        return excluded, tuple(unknown)

    def _long(self, excluded: set[int]) -> tuple[int | None, int | None, int | None]:
        choices = self._choices
        given = {
            "--source-column": choices.source_column,
            "--metric-column": choices.metric_column,
            "--value-column": choices.value_column,
        }
        if self._annotated and {"_field", "_value"} <= set(self._sample.names):
            given["--metric-column"] = given["--metric-column"] or "_field"
            given["--value-column"] = given["--value-column"] or "_value"
        found = {
            option: None if name is None else find_column(self._sample.names, name, option)
            for option, name in given.items()
        }
        for option, index in found.items():
            if index is not None and index in excluded:
                raise ChoiceError(f"{option} {given[option]!r} is also excluded")
        chosen = [index for index in found.values() if index is not None]
        if len(chosen) != len(set(chosen)):
            raise ChoiceError(
                f"{', '.join(option for option, i in found.items() if i is not None)} must differ"
            )
        return found["--source-column"], found["--metric-column"], found["--value-column"]

    def _find_metrics(
        self, used: set[int], value: int | None, renamed: dict[int, str]
    ) -> tuple[list[tuple[int, str]], dict[int, str]]:
        if value is not None:
            why = self._why_left_out(value, self._sample.names[value] or f"#{value + 1}")
            return ([], {value: why}) if why else ([(value, self._sample.names[value])], {})
        metrics, left_out = [], {}
        for index, name in enumerate(self._sample.names):
            if index in used:
                continue
            metric = renamed.get(index, name)
            why = self._why_left_out(index, metric)
            if why:
                left_out[index] = why
            else:
                metrics.append((index, metric))
        return metrics, left_out

    def _why_left_out(self, index: int, name: str) -> str | None:
        cells = [cell for cell in self._sample.cells(index) if not self._values.is_missing(cell)]
        if not name:
            return "it has no name"
        if not cells or any(map(self._values.is_number, cells)):
            return None
        text = f"text, not numbers (such as {cells[0].strip()[:20]!r})"
        hint = self._values.hint(cells)
        if hint is None and most(cells, looks_measured) and not most(cells, is_any_time):
            beside = cells[0].strip().lstrip("0123456789+-., '").strip() or cells[0].strip()[0]
            hint = f"take what stands beside the number away: --strip {beside!r}"
        if hint:
            raise RecordingError(f"column {name!r} holds {text}: {hint}, or leave it out: --exclude {name!r}")
        return text

    def _is_label(self, index: int) -> bool:
        """Return whether a column may name a machine or a metric, by words or by numbers."""
        if self._sample.mostly(is_any_time, index):
            return False
        if self._sample.mostly(is_integer, index):
            return bool(name_words(self._sample.names[index]) & _MACHINES)
        return self._sample.mostly(lambda cell: not self._values.is_number(cell), index) and any(
            self._sample.cells(index)
        )

    def _check_names(self, metrics: Sequence[tuple[int, str]], *, long: bool) -> None:
        if long:
            return
        sent = [name for _, name in metrics]
        twice = sorted({name for name in sent if sent.count(name) > 1})
        if twice:
            index = next(i for i, name in metrics if name == twice[0])
            raise RecordingError(
                f"more than one column is called {listed(twice)}; rename or --exclude it, by its place: "
                f"--column '#{index + 1}=NAME'"
            )
        for index, name in metrics:
            if len(name) > LONGEST_METRIC:
                raise RecordingError(
                    f"column {name[:30]!r}… has a name of {len(name)} characters; a metric's name may have "
                    f"{LONGEST_METRIC}: --column '#{index + 1}=NAME'"
                )
            before = find_garbled(name)
            if before is not None and not self._choices.force:
                raise RecordingError(
                    f"the name {name!r} looks garbled; it was {before!r} once. Name it: "
                    f"--column '#{index + 1}={before}', or send it as it is with --force"
                )

    def _no_metrics(self, left_out: dict[str, str]) -> str:
        reasons = (
            "; ".join(f"{name}: {why}" for name, why in left_out.items()) or "there is only a time column"
        )
        return f"no column holds numbers ({reasons})"
