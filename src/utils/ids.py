"""Identifiers: UUIDs of version 7, which sort in the order they were made, and the one form of names."""

import os
import secrets
import threading
import unicodedata
from uuid import UUID

from utils.clock import unix_milliseconds

_COUNTER_BITS = 42
_TAIL_BITS = 32
_SEED_BITS = _COUNTER_BITS - 1  # the top bit starts at zero, which leaves room to count up in a millisecond
_MASK_30 = (1 << 30) - 1
_HEX_DIGITS = 32


class _Sequence:
    """The last (millisecond, counter) used by this process; RFC 9562 section 6.2, method 1."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._counter = 0

    def next(self) -> tuple[int, int]:
        """Return a pair greater than every pair before it, also when the clock has been set back."""
        now = unix_milliseconds()
        with self._lock:
            if now > self._millisecond:
                self._millisecond = now
                self._counter = secrets.randbits(_SEED_BITS)
            else:
                self._counter += 1
                if self._counter >> _COUNTER_BITS:
                    self._millisecond += 1
                    self._counter = secrets.randbits(_SEED_BITS)
            return self._millisecond, self._counter


_sequence = _Sequence()


def _forget_after_fork() -> None:
    global _sequence  # noqa: PLW0603 - a child process must not continue its parent's count
    _sequence = _Sequence()


os.register_at_fork(after_in_child=_forget_after_fork)


def uuid7() -> UUID:
    """Return a new UUID version 7 (RFC 9562), greater than every earlier one of this process."""
    millisecond, counter = _sequence.next()
    value = (millisecond & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= (counter >> 30) << 64
    value |= 0b10 << 62
    value |= (counter & _MASK_30) << _TAIL_BITS
    value |= secrets.randbits(_TAIL_BITS)
    return UUID(int=value)


def uuid_range(prefix: str) -> tuple[UUID, UUID]:
    """Return the first and the last UUID whose text begins with `prefix`, with or without its hyphens.

    Raises:
        ValueError: no UUID begins like that.
    """
    digits = prefix.replace("-", "")
    return UUID(digits.ljust(_HEX_DIGITS, "0")), UUID(digits.ljust(_HEX_DIGITS, "f"))


def normalize_name(text: str) -> str:
    """Return a name in Unicode's form NFC, without white space around it.

    Keyboards, files and operating systems write `é` as one character or as two, and nobody can see which.
    """
    return text.strip() if text.isascii() else unicodedata.normalize("NFC", text).strip()


def fold_name(text: str) -> str:
    """Return what a name is compared by without regard to case (Unicode's canonical caseless matching)."""
    decomposed = unicodedata.normalize("NFD", normalize_name(text))
    return unicodedata.normalize("NFC", decomposed.casefold())
