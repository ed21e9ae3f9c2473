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
    """Return the guide's word for a level; None if the text is none of the five.

    Letter case and surrounding blanks do not matter: `" info "` can only mean `INFO`, so it is accepted
    without a warning. Any other text, the empty one and `WARN` included, is no level.
    """
    word = text.strip().upper()
    return word if word in LEVELS else None


def level_name(number: int) -> str:
    """Return the word for any level number of `logging`; a number between two levels takes the lower one."""
    name = LEVEL_NAMES.get(number)
    if name is not None:
        return name
    below = [known for known in LEVEL_NAMES if known <= number]
    return LEVEL_NAMES[max(below, default=logging.DEBUG)]


def read_level(text: str | None) -> tuple[str, str | None]:
    """Return the level to use for a `LOG_LEVEL`, and the text if it is none of the five (else None)."""
    if text is None:
        return "INFO", None
    level = parse_level(text)
    return ("INFO", text) if level is None else (level, None)
