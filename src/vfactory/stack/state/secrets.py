"""The secrets of one stack, generated once and readable only by their owner."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe as generate
from typing import Final

from embedded import file_error, make_private_folder, write_private_file

LEAST_CHARACTERS: Final = 32


@dataclass(frozen=True)
class Secret:
    """A secret and its file."""

    value: str
    file: Path


def keep_secret(home: Path, name: str, *, before: Callable[[str], None] | None = None) -> Secret:
    """Return the secret called `name`; generate it if there is none, or only a damaged one.

    Args:
        home: the state directory.
        name: the file's name in the folder `secrets`.
        before: called with a new secret before it is stored; if the process dies in between, the next start
            generates another one.

    Raises:
        EmbeddedError: the file cannot be read or written.
    """
    file = make_private_folder(home / "secrets") / name
    known = find_secret(home, name)
    if known is not None:
        return known
    made = generate(32)
    if before is not None:
        before(made)
    write_private_file(file, made + "\n")
    return Secret(made, file)


def find_secret(home: Path, name: str) -> Secret | None:
    """Return the secret called `name`; None if there is none, or the file is damaged.

    Raises:
        EmbeddedError: the file cannot be read.
    """
    file = home / "secrets" / name
    try:
        value = file.read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return None
    except OSError as error:
        raise file_error(error, file) from error
    return Secret(value, file) if len(value) >= LEAST_CHARACTERS and value.isprintable() else None
