"""Where an interrupted replay stands: a small file in the state directory, gone once the replay is done."""

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
        rows: Sendable rows of the file whose readings are all answered for.
        shift_microseconds: What is added to every recorded time (`--as-new`), kept so that the rest joins on.
        run: The name of this replay in its batch ids.
    """

    rows: int = 0
    shift_microseconds: int = 0
    run: str = ""

    @property
    def shift(self) -> timedelta:
        """What is added to every recorded time."""
        return timedelta(microseconds=self.shift_microseconds)


class PositionFile:
    """The stored position of one replay.

    It is only a shortcut: without it the replay sends everything again, and the plant counts duplicates.

    Args:
        directory: Where positions are kept.
        recording: The file being replayed; a changed file is another replay.
        identity: Everything else that makes this replay what it is (plant, factory, equipment, options).
    """

    def __init__(self, directory: Path, recording: Path, identity: tuple[str, ...]) -> None:
        status = recording.stat()
        parts = (str(recording.resolve()), str(status.st_size), str(status.st_mtime_ns), *identity)
        name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
        self.path = directory / f"{name}.json"

    def load(self) -> Position | None:
        """Return the stored position; None when there is none or it cannot be read."""
        try:
            stored = json.loads(self.path.read_text())
            position = Position(int(stored["rows"]), int(stored["shift_microseconds"]), str(stored["run"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return position if position.rows >= 0 else None

    def save(self, position: Position) -> None:
        """Store the position so that a kill at any moment leaves the old or the new one whole."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(position)))
        fresh.replace(self.path)

    def clear(self) -> None:
        """Forget the replay: it is done, or is to begin again."""
        with contextlib.suppress(OSError):  # what cannot be removed could not be kept either
            self.path.unlink()
