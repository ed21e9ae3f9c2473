"""What a check finds."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """Something that is wrong: in which file, with which alert, panel or route, and what."""

    file: str
    subject: str
    message: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.file}: {self.subject}: {self.message}"
