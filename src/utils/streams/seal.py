"""The seal of stream entries, by which a reader knows what the publisher's relay wrote.

A stream is a cache that others may write to. A seal is BLAKE2b (RFC 7693) over the publisher and the whole
entry, with a key that the publisher and its readers share; without a key nothing is sealed or checked.
"""

import hashlib
import hmac

from pydantic import SecretStr

from utils.clock import to_rfc3339
from utils.outbox import StoredEvent

SEAL_BYTES = 16
PERSON = b"vfactory-stream"


class Seal:
    """Seals and checks the entries of one publisher's streams."""

    def __init__(self, publisher: str, key: SecretStr | None) -> None:
        self._publisher = publisher
        self._key = (
            None if key is None else hashlib.blake2b(key.get_secret_value().encode(), person=PERSON).digest()
        )

    def of(self, event: StoredEvent) -> str:
        """Return the seal of an event in hexadecimal digits; empty without a key."""
        if self._key is None:
            return ""
        about = (
            self._publisher,
            str(event.factory_id),
            str(event.seq),
            event.type,
            to_rfc3339(event.at),
            event.trace or "",
        )
        digest = hashlib.blake2b(
            "\0".join(about).encode(), key=self._key, digest_size=SEAL_BYTES, person=PERSON
        )
        digest.update(b"\0")
        digest.update(event.payload)
        return digest.hexdigest()

    def fits(self, event: StoredEvent, seal: bytes) -> bool:
        """Return whether `seal` is the event's; always without a key."""
        return self._key is None or hmac.compare_digest(self.of(event).encode(), seal)
