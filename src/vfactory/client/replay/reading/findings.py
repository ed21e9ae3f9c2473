"""Counts the parts of a recording that cannot be sent, by kind, in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field

EXAMPLES_KEPT = 5
_TEXT_SHOWN = 40


@dataclass(slots=True)
class Finding:
    """One kind of problem in one column (or in whole lines): its count, an example, its first lines."""

    kind: str
    column: str | None
    example: str
    count: int = 0
    lines: list[int] = field(default_factory=list)

    def describe(self) -> str:
        """Return the finding as text: `3 empty cell in Pressure (lines 4, 9, 12)`."""
        where = f" in {self.column}" if self.column is not None else ""
        text = f", such as {self.example!r}" if self.example else ""
        more = ", …" if self.count > len(self.lines) else ""
        word = "line" if self.count == 1 else "lines"
        return f"{self.count:,} {self.kind}{where}{text} ({word} {', '.join(map(str, self.lines))}{more})"


class Findings:
    """All findings of one recording, in the order in which each kind first occurred."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str | None], Finding] = {}

    def add(self, kind: str, line: int, *, column: str | None = None, text: str = "") -> None:
        """Count one finding at a line of the file (from 1)."""
        key = (kind, column)
        finding = self._found.get(key)
        if finding is None:
            finding = self._found[key] = Finding(kind, column, _shorten(text))
        finding.count += 1
        if len(finding.lines) < EXAMPLES_KEPT:
            finding.lines.append(line)

    @property
    def total(self) -> int:
        """How many cells and lines could not be sent."""
        return sum(finding.count for finding in self._found.values())

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found.values())


def _shorten(text: str) -> str:
    return text if len(text) <= _TEXT_SHOWN else text[: _TEXT_SHOWN - 1] + "…"
