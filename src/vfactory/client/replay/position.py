"""Stores the position of a replay in the state directory, so that an interrupted replay can continue."""

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(slots=True)
class Position:
    """How far a replay has come.

    Args:
        rows: How many sendable rows of the file the plant has answered completely.
        shift_microseconds: The shift of every recorded time (`--as-new`), so that the rest gets the same one.
        run: The name of this replay in its batch ids.
    """

    rows: int = 0
    shift_microseconds: int = 0
    run: str = ""

    @property
    def shift(self) -> timedelta:
        """The shift of every recorded time."""
        return timedelta(microseconds=self.shift_microseconds)


class PositionFile:
    """The stored position of one replay.

    It only saves time: without it the replay sends everything again, and the plant counts duplicates.

    Args:
        directory: The folder of positions.
        recording: The file being replayed; a changed file is another replay.
        identity: All else that distinguishes this replay (plant, factory, equipment, options).
    """

    def __init__(self, directory: Path, recording: Path, identity: tuple[str, ...]) -> None:
        status = recording.stat()
        parts = (str(recording.resolve()), str(status.st_size), str(status.st_mtime_ns), *identity)
        name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
        self.path = directory / f"{name}.json"

    def load(self) -> Position | None:
        """Return the stored position; None if there is none or it cannot be read."""
        try:
            stored = json.loads(self.path.read_text())
            position = Position(int(stored["rows"]), int(stored["shift_microseconds"]), str(stored["run"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return position if position.rows >= 0 else None

    def save(self, position: Position) -> None:
        """Store the position; a kill at any moment leaves the old or the new one whole.

        Raises:
            OSError: The file cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(position)))
        fresh.replace(self.path)

    def clear(self) -> None:
        """Remove the position: the replay is done, or starts from the beginning."""
        with contextlib.suppress(OSError):  # a file that cannot be removed could not be written either
            self.path.unlink()
