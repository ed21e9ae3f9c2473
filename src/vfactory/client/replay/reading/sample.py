"""The first rows of a recording, by which its columns are found."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from vfactory.client.replay.reading.choices import clean

_Item = TypeVar("_Item")


class Sample:
    """The names of the columns, and the cells of the first rows.

    Args:
        header: The names, as written.
        rows: The cells of the first rows.

    Attributes:
        names: The names in Unicode's form NFC and trimmed; empty where there is none.
        rows: The rows that have a cell for each name.
        rows_are_named: Whether rows have one cell more than the header, as R writes them.
    """

    def __init__(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        names = [clean(name) for name in header]
        longer = sum(len(cells) == len(names) + 1 and bool(cells[-1].strip()) for cells in rows)
        self.rows_are_named = longer * 2 > len(rows)
        self.names = ["", *names] if self.rows_are_named else names
        self.rows = [row for row in rows if len(row) >= len(self.names)]

    def label(self, indexes: Sequence[int]) -> str:
        """Return the names of columns as text, or their places."""
        return " and ".join(self.names[index] or f"#{index + 1}" for index in indexes)

    def cells(self, index: int) -> list[str]:
        """Return the cells of a column."""
        return [row[index] for row in self.rows]

    def mostly(self, test: Callable[[str], bool], index: int) -> bool:
        """Return whether more than half of a column's filled cells pass the test."""
        return most([cell for cell in self.cells(index) if cell.strip()], test)


def most(items: Sequence[_Item], test: Callable[[_Item], bool]) -> bool:
    """Return whether more than half of the items pass the test."""
    return sum(map(test, items)) * 2 > len(items)


def name_words(name: str) -> set[str]:
    """Return the words of a name, without what stands in brackets: `Time (UTC)` → time."""
    outside = re.sub(r"[(\[].*?[)\]]", " ", name.lower())
    return {word for word in re.split(r"[\W_]+", outside) if word}
