"""Sends batches in order and retries: an outage delays a replay, but does not end it."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from plant_client import Json, PlantClient, UnreachableError
from vfactory.client.references import in_path
from vfactory.client.replay.batches import Batch

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Retry:
    """One failed attempt: the reason, and the pause before the next one."""

    attempt: int
    reason: str
    pause_seconds: float


class Sender:
    """Posts batches of one factory's readings.

    Args:
        client: The connection to the plant.
        factory_id: The factory of the readings.
        run: The name of this replay, the same before and after an interruption.
        patience_seconds: How long to keep retrying one batch.
        on_retry: Called for every failed attempt that is retried.
    """

    def __init__(
        self,
        client: PlantClient,
        factory_id: str,
        *,
        run: str,
        patience_seconds: float,
        on_retry: Callable[[Retry], None],
    ) -> None:
        self._client = client
        self._path = f"/v1/factories/{in_path(factory_id)}/readings"
        self._run = run
        self._patience_seconds = patience_seconds
        self._on_retry = on_retry
        self.retries = 0

    def send(self, batch: Batch) -> Json:
        """Return the plant's answer to the batch.

        If an answer is lost, the same batch is sent again; its id makes that harmless.

        Raises:
            UnreachableError: There was no answer for `patience_seconds`.
            RefusedError: The plant refused the whole batch.
        """
        body = batch.encode(self._run)
        give_up = time.monotonic() + self._patience_seconds
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._client.post_bytes("factory-core", self._path, body)
            except UnreachableError as error:
                pause = _pause(attempt)
                if time.monotonic() + pause > give_up:
                    raise
                self.retries += 1
                self._on_retry(Retry(attempt, str(error), pause))
                time.sleep(pause)


def _pause(attempt: int) -> float:
    longest = min(_FIRST_PAUSE_SECONDS * 2.0 ** min(attempt - 1, 10), _LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.75, 1)  # noqa: S311 - spreads clients, protects nothing
