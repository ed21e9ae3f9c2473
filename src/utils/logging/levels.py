"""The guide's five log levels and how `LOG_LEVEL` is read."""

import logging
from typing import Final

LEVELS: Final = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
}
_NAMES: Final = {number: name for name, number in LEVELS.items()}


def parse_level(text: str) -> str | None:
    """Return the guide's word for a level, or None when the text is none of the five.

    Letter case and surrounding blanks do not matter: `" info "` means `INFO` and is accepted silently,
    because nothing else can be meant. Everything else, the empty text and `WARN` included, is no level.
    """
    word = text.strip().upper()
    return word if word in LEVELS else None


def level_name(number: int) -> str:
    """Return one of the five words for any number of `logging`; one in between takes the word below."""
    name = _NAMES.get(number)
    if name is not None:
        return name
    below = [known for known in _NAMES if known <= number]
    return _NAMES[max(below, default=logging.DEBUG)]
