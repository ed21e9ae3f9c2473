"""Reads the numbers of cells, and tells what is missing from what cannot be read."""

import math
import re
from collections.abc import Sequence

_MISSING = frozenset(
    (  # noqa: SIM905 - read as words
        "nan na n/a n.a. <na> #n/a null none nil nodata - -- --- . ? inf +inf -inf -nan #div/0! #value! "
        "#ref! "
        "#num! #name? 1.#qnan -1.#ind"
    ).split()
) | {"", "no data"}
_MINUS = "\u2212"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([., '])\d{3})+(?:([.,])\d+)?", re.ASCII)
_MEASURED = re.compile(r"[<>≤≥~]?\s?[+-]?\d+(?:[., ']\d+)*\s?[^\W\d_°µ%]{0,4}[°µ%]?[A-Za-z/²³]{0,8}")


class ValueReader:
    """Reads the numbers of one recording.

    Args:
        decimal: The decimal sign.
        thousands: The sign between groups of three digits, if there is one.
        missing: Words that mean that nothing was measured, beside the usual ones.
        strip: What stands beside numbers and is no part of them, such as a unit.
    """

    def __init__(
        self,
        decimal: str = ".",
        thousands: str | None = None,
        missing: Sequence[str] = (),
        strip: Sequence[str] = (),
    ) -> None:
        self._decimal = decimal
        self._thousands = thousands
        self._strip = sorted((text.strip() for text in strip), key=len, reverse=True)
        self._plain = decimal == "." and thousands is None and not strip
        self._missing = _MISSING | {word.strip().lower() for word in missing}

    def read(self, cell: str) -> float | None:
        """Return the finite number in a cell; None if it holds none."""
        if not self._plain or not cell.isascii():
            cell = self._plainly(cell)
        try:
            value = float(cell)
        except ValueError:
            return None
        return value if math.isfinite(value) and cell.isascii() and "_" not in cell else None

    def is_number(self, cell: str) -> bool:
        """Return whether a cell holds only a number in ASCII digits, of any size."""
        return is_number(self._plainly(cell))

    def is_missing(self, cell: str) -> bool:
        """Return whether a cell means that nothing was measured: it is blank, or one of the words for it."""
        return cell.strip().lower() in self._missing

    def hint(self, cells: Sequence[str]) -> str | None:
        """Return the option that would read cells that are no numbers, in words; None if there is none."""
        texts = [cell.strip() for cell in cells]
        shown = next(iter(texts), "")
        if self._decimal == "." and any(_COMMA_NUMBER.fullmatch(text) for text in texts):
            return (
                f"numbers written {shown} need --decimal , (or, if the comma groups thousands, --thousands ,)"
            )
        for text in texts:
            grouped = _GROUPED.fullmatch(text)
            if grouped and not self.is_number(text):
                decimal = " --decimal ," if self._decimal == "." and "." in grouped[1] else ""
                return f"numbers written {text} need --thousands '{grouped[1]}'{decimal}"
        return None

    def _plainly(self, cell: str) -> str:
        text = cell.strip().replace(_MINUS, "-")
        for beside in self._strip:
            text = text.removeprefix(beside).removesuffix(beside).strip()
        if self._thousands is not None:
            whole, sign, rest = text.partition(self._decimal)
            groups = whole.split(self._thousands)
            if len(groups) > 1 and all(len(group) == 3 for group in groups[1:]):  # noqa: PLR2004 - digits of a group
                text = "".join(groups) + sign + rest
        if self._decimal != ".":
            text = text.replace(".", "?").replace(self._decimal, ".")
        return text


def is_number(cell: str) -> bool:
    """Return whether a cell holds only a decimal number, in ASCII digits with a point."""
    return _NUMBER.fullmatch(cell.strip()) is not None


def looks_measured(cell: str) -> bool:
    """Return whether a cell begins with a number, such as `20.5 °C`, `1,234`, `<0.5` or `85 %`."""
    return _MEASURED.fullmatch(cell.strip()) is not None
