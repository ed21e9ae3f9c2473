"""What a check finds."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Finding:
    """Something that is wrong: in which file, with which alert, panel or route, and what."""

    file: str
    subject: str
    message: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.file}: {self.subject}: {self.message}"


class UnreadableError(Exception):
    """A file is not what its name says, so nothing else can be said about it."""

    def __init__(self, file: Path, error: Exception) -> None:
        what = " ".join(str(error).split()) or type(error).__name__
        self.finding = Finding(str(file), "file", f"cannot be read: {what}")
        super().__init__(str(self.finding))
