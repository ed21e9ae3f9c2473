"""Runs a replay: reads rows, cuts batches, waits, sends them, and stores the position."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from uuid import uuid4

from plant_client import PlantClient, RefusedError
from vfactory.client.replay.batches import BatchCutter
from vfactory.client.replay.pace import Pace, shift_to_now, tick
from vfactory.client.replay.position import Position, PositionFile
from vfactory.client.replay.progress import ProgressView, describe_retry
from vfactory.client.replay.reading import Recording, RecordingError, Span, survey
from vfactory.client.replay.sending import Sender
from vfactory.client.replay.summary import Tally


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a replay.

    Args:
        speed: Recorded seconds per real second; None means as fast as the plant accepts them.
        as_new: Shift the recording to now instead of keeping its times.
        restart: Start from the beginning instead of continuing an interrupted replay.
        patience_seconds: How long to keep retrying while the plant cannot be reached.
    """

    speed: float | None
    as_new: bool
    restart: bool
    patience_seconds: float


class Replay:
    """One replay of one recording.

    Args:
        client: The connection to the plant.
        factory_id: The factory.
        source: The equipment's tag; None if each row names its own.
        recording: The recording to send; read once.
        position_file: The stored position of the replay.
        now: The clock.
        span: The recording's times, if they are known already.

    Attributes:
        tally: The counts of the run so far, also after an error.
    """

    def __init__(
        self,
        client: PlantClient,
        *,
        factory_id: str,
        source: str | None,
        recording: Recording,
        position_file: PositionFile,
        now: Callable[[], datetime],
        span: Span | None = None,
    ) -> None:
        self._client = client
        self._factory_id = factory_id
        self._source = source
        self.recording = recording
        self._position_file = position_file
        self._now = now
        self._span = span
        self._is_kept = True
        self.tally = Tally()

    def run(self, options: Options, view: ProgressView) -> None:
        """Send all rows after the stored position.

        Raises:
            RecordingError: The file holds no row that can be sent.
            PlantError: The plant refused a batch, or was unreachable for too long; the position is kept.
        """
        started = time.monotonic()
        position = self._begin(options, view)
        sender = Sender(
            self._client,
            self._factory_id,
            run=position.run,
            patience_seconds=options.patience_seconds,
            on_retry=lambda retry: view.say(describe_retry(retry)),
        )
        try:
            self._send_all(position, options, sender, view)
            self._position_file.clear()
        except RefusedError:
            if position.rows == 0:
                self._position_file.clear()
            raise
        finally:
            self.tally.seconds = time.monotonic() - started
            self.tally.retries = sender.retries
        if position.rows == 0:
            raise RecordingError(f"{self.recording.path} holds no row with a time and a number")

    def _begin(self, options: Options, view: ProgressView) -> Position:
        if options.restart:
            self._position_file.clear()
        position = None if options.restart else self._position_file.load()
        if position is not None:
            self.tally.rows_before = position.rows
            view.say(
                f"continuing after row {position.rows:,} of an interrupted replay (--restart begins again)"
            )
            return position
        position = Position(run=uuid4().hex[:12])
        span = self._span or (survey(self.recording.again()).span if options.as_new else None)
        if options.as_new and span is not None:
            shift = shift_to_now(span, options.speed, self._now())
            position.shift_microseconds = shift // timedelta(microseconds=1)
        # Before the first batch: if the process is killed while sending it, the same batch is sent again.
        self._keep(position, view)
        return position

    def _send_all(self, position: Position, options: Options, sender: Sender, view: ProgressView) -> None:
        cutter = BatchCutter(self._source, shift=position.shift, window=tick(options.speed))
        pace = Pace(options.speed)
        for batch in cutter.cut(islice(self.recording.rows(), position.rows, None)):
            pace.wait_for(batch.first_at)
            pace.wait_for(batch.last_at)
            self.tally.add(batch, sender.send(batch))
            position.rows += batch.rows
            self._keep(position, view)
            view.advance(self.recording, self.tally)

    def _keep(self, position: Position, view: ProgressView) -> None:
        """Store the position; if that fails, say so once and continue, since it only saves time."""
        try:
            self._position_file.save(position)
        except OSError as error:
            if self._is_kept:
                view.say(
                    f"cannot keep in {self._position_file.path.parent} the position of this replay "
                    f"({error.strerror}); if interrupted, it starts from the beginning"
                )
            self._is_kept = False
