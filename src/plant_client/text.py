"""Makes text from elsewhere fit for a message: one printable line of bounded length."""

from typing import Final

LONGEST: Final = 2000
"""The most characters of a message."""


def one_line(text: str) -> str:
    """Return `text` with control characters escaped, cut after 2,000 characters."""
    kept = text[:LONGEST]
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in kept)
    return line if len(line) <= LONGEST and kept == text else f"{line[: LONGEST - 1]}…"
