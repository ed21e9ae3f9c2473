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
LEVEL_NAMES: Final = {number: name for name, number in LEVELS.items()}


def parse_level(text: str) -> str | None:
    """Return the guide's word for a level, or None when the text is none of the five.

    Letter case and surrounding blanks do not matter: `" info "` means `INFO` and is accepted silently,
    because nothing else can be meant. Everything else, the empty text and `WARN` included, is no level.
    """
    word = text.strip().upper()
    return word if word in LEVELS else None


def level_name(number: int) -> str:
    """Return one of the five words for any number of `logging`; one in between takes the word below."""
    name = LEVEL_NAMES.get(number)
    if name is not None:
        return name
    below = [known for known in LEVEL_NAMES if known <= number]
    return LEVEL_NAMES[max(below, default=logging.DEBUG)]


def read_level(text: str | None) -> tuple[str, str | None]:
    """Return the level to use for a `LOG_LEVEL` and, where it is none of the five, the rejected text."""
    if text is None:
        return "INFO", None
    level = parse_level(text)
    return ("INFO", text) if level is None else (level, None)
